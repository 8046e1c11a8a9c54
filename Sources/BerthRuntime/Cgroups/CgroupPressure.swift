/// How long processes of a group waited for something they lacked. Source: the kernel's accounting/psi.rst; cgroup v2 alone.
public struct CgroupPressure: Sendable, Hashable {
  /// In hundredths of a percent of the last ten seconds: at least one process waited.
  public var someTen: UInt32

  /// `resource` is `cpu`, `memory` or `io`. nil where the kernel doesn't tell.
  public init?(_ group: Cgroup, _ resource: String) {
    guard group.layout.version == .v2, let text = try? group.read("\(resource).pressure", of: "") else { return nil }
    self.init(parsing: text)
  }

  /// Of `some avg10=0.12 avg60=…`.
  init?(parsing text: String) {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("some ") }),
      let field = line.split(separator: " ").first(where: { $0.hasPrefix("avg10=") })
    else { return nil }
    let parts = field.dropFirst(6).split(separator: ".")
    guard parts.count == 2, parts[1].count == 2, let whole = UInt32(parts[0]), let rest = UInt32(parts[1]), whole <= 100 else { return nil }
    someTen = whole * 100 + rest
  }
}
