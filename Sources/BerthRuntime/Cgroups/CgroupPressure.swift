/// How long processes of a group waited for something they lacked. Source: the kernel's accounting/psi.rst; cgroup v2 alone.
public struct CgroupPressure: Sendable, Hashable {
  /// In hundredths of a percent of the last ten seconds: at least one process waited.
  public var someTen: UInt32
  /// Time in which at least one process waited, since the group was made.
  public var someMicroseconds: UInt64
  /// Time in which all of them did at once; 0 where the kernel doesn't tell.
  public var fullMicroseconds: UInt64

  /// `resource` is `cpu`, `memory` or `io`. nil where the kernel doesn't tell.
  init?(_ group: Cgroup, _ resource: String) {
    guard group.layout.version == .v2, let text = try? group.read("\(resource).pressure", of: "") else { return nil }
    self.init(parsing: text)
  }

  /// Of `some avg10=0.12 avg60=… avg300=… total=…` and a line `full` of the same shape.
  init?(parsing text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
    func field(_ line: String, _ key: String) -> Substring? {
      lines.first { $0.first == Substring(line) }?.first { $0.hasPrefix("\(key)=") }?.dropFirst(key.utf8.count + 1)
    }
    guard let parts = field("some", "avg10")?.split(separator: "."), parts.count == 2, parts[1].count == 2, let whole = UInt32(parts[0]),
      let rest = UInt32(parts[1]), whole <= 100, let total = field("some", "total").flatMap({ UInt64($0) })
    else { return nil }
    someTen = whole * 100 + rest
    someMicroseconds = total
    fullMicroseconds = field("full", "total").flatMap { UInt64($0) } ?? 0
  }
}
