import BerthCore
import BerthLinux

/// Disk space set aside, so that what makes room can still write its few bytes when the disk is full: `ROOT/reserve`.
public struct DiskReserve: Sendable {
  private let path: String
  private let root: String
  /// In bytes.
  public static let size: Int64 = 64 << 20

  public init(root: String) {
    self.root = root
    path = "\(root)/reserve"
  }

  /// Takes the space, where it isn't taken yet and leaves enough for others: 64 MiB, or less of a small disk.
  public func fill() {
    guard let space = try? DiskSpace.of(root) else { return }
    let wanted = min(Self.size, space.capacity / 64)
    guard wanted > 0, !Files.exists(path), space.available > wanted * 4 else { return }
    try? Files.allocate(path, size: wanted)
  }

  /// Gives it back. Whether there was any.
  public func release() -> Bool {
    guard Files.exists(path) else { return false }
    return (try? Files.unlink(path)) != nil
  }

  /// Whether so little is left that a database can't be opened or written.
  public var isDiskFull: Bool { ((try? DiskSpace.of(root))?.available ?? .max) < 1 << 20 }

  /// Runs what makes room; if the disk is too full for that, once more with the reserve given back.
  @discardableResult
  public func withRoom<Result>(_ body: () throws(BerthError) -> Result) throws(BerthError) -> Result {
    do throws(BerthError) { return try body() } catch {
      guard error.code == .resourceExhausted || isDiskFull, release() else { throw error }
      return try body()
    }
  }
}
