/// The file of a state folder that says which boot its content is of.
public struct BootMark: Sendable {
  private let path: String

  /// `state`: the folder.
  public init(state: String) { path = "\(state)/boot_id" }

  /// False for a folder that has none.
  public func isCurrent() throws(Errno) -> Bool { (try? Files.readText(path)) == (try Clock.bootID()) }

  /// Makes the folder one of this boot.
  public func renew() throws(Errno) { try Files.writeAtomically(try Clock.bootID().utf8, to: path) }
}
