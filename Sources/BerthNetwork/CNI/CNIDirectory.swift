import BerthCore
import BerthLinux

/// The networks in `[network] config_dir`, read anew each time: they are the operator's and may change.
public struct CNIDirectory: Sendable {
  public var path: String
  public init(_ path: String) { self.path = path }

  /// A file that defines no network, and why.
  public struct Problem: Sendable, Hashable, CustomStringConvertible {
    public var file: String
    public var reason: String
    /// Its text without white space: nil where it couldn't be read.
    var text: String?

    public var description: String { "\(file): \(reason)" }

    /// Whether it was to define the network `name`, as far as one can tell: a broken file of some other network is to hurt nobody else.
    func isAbout(_ name: String) -> Bool {
      guard let text else { return true }
      return text.contains("\"name\":\"\(name)\"")
    }
  }

  /// In the order of their files' names; of two with one name the first counts. A directory that isn't there has none.
  public func read() -> (networks: [CNINetwork], problems: [Problem]) {
    var networks: [CNINetwork] = []
    var problems: [Problem] = []
    for file in ((try? Files.list(path)) ?? []).sorted() {
      let isList = file.hasSuffix(".conflist")
      guard isList || file.hasSuffix(".conf") || file.hasSuffix(".json"), !file.hasPrefix(".") else { continue }
      var bytes: [UInt8]?
      do throws(CNIProblem) {
        let read = try Self.bytes("\(path)/\(file)")
        bytes = read
        let network = try CNINetwork(read, isList: isList)
        if !networks.contains(where: { $0.name == network.name }) { networks.append(network) }
      } catch {
        let text = bytes.map { String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace } }
        problems.append(Problem(file: "\(path)/\(file)", reason: "\(error)", text: text))
      }
    }
    return (networks, problems)
  }

  private static func bytes(_ path: String) throws(CNIProblem) -> [UInt8] {
    do throws(Errno) { return try Files.read(path, limit: 1 << 20) } catch { throw CNIProblem("\(error)") }
  }

  /// nil if there is none of that name, and no file that couldn't be read was to define it.
  public func network(_ name: String) throws(BerthError) -> CNINetwork? {
    let (networks, problems) = read()
    if let found = networks.first(where: { $0.name == name }) { return found }
    let wanted = problems.filter { $0.isAbout(name) }
    if wanted.isEmpty { return nil }
    throw notFound(name, wanted)
  }

  /// Why there is no network of that name, with what couldn't be read: the name may stand in it.
  func notFound(_ name: String, _ problems: [Problem]? = nil) -> BerthError {
    let unread = (problems ?? read().problems).map { "\($0)" }
    let cause = "no file in \(path) defines it" + (unread.isEmpty ? "" : "; not read: \(unread.joined(separator: "; "))")
    return BerthError(.failedPrecondition, "find network", name, cause: cause)
  }
}
