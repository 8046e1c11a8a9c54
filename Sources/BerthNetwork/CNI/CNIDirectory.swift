import BerthCore
import BerthLinux

/// The networks in `[network] config_dir`, read anew each time: they are the operator's and may change.
public struct CNIDirectory: Sendable {
  public var path: String
  public init(_ path: String) { self.path = path }

  /// In the order of their files' names; of two with one name the first counts. A directory that isn't there has none.
  public func read() -> (networks: [CNINetwork], problems: [String]) {
    var networks: [CNINetwork] = []
    var problems: [String] = []
    for file in ((try? Files.list(path)) ?? []).sorted() {
      let isList = file.hasSuffix(".conflist")
      guard isList || file.hasSuffix(".conf") || file.hasSuffix(".json"), !file.hasPrefix(".") else { continue }
      do throws(CNIProblem) {
        let network = try Self.read("\(path)/\(file)", isList: isList)
        if !networks.contains(where: { $0.name == network.name }) { networks.append(network) }
      } catch { problems.append("\(path)/\(file): \(error)") }
    }
    return (networks, problems)
  }

  private static func read(_ path: String, isList: Bool) throws(CNIProblem) -> CNINetwork {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch { throw CNIProblem("\(error)") }
    return try CNINetwork(bytes, isList: isList)
  }

  /// nil if there is none of that name and every file could be read.
  public func network(_ name: String) throws(BerthError) -> CNINetwork? {
    let (networks, problems) = read()
    if let found = networks.first(where: { $0.name == name }) { return found }
    if problems.isEmpty { return nil }
    throw BerthError(
      .failedPrecondition, "find network", name, cause: "no file in \(path) defines it; not read: \(problems.joined(separator: "; "))")
  }
}
