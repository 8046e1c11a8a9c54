import BerthArchive
import BerthCore
import BerthLinux

extension TarEntry {
  /// Members in few words.
  public static func file(_ name: String, mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0) -> TarEntry {
    TarEntry(name: Array(name.utf8), kind: .file, mode: mode, uid: uid, gid: gid, modified: TreeFiles.Time(seconds: 1_000_000_000))
  }
  public static func directory(_ name: String, mode: UInt32 = 0o755, uid: UInt32 = 0, gid: UInt32 = 0) -> TarEntry {
    TarEntry(name: Array(name.utf8), kind: .directory, mode: mode, uid: uid, gid: gid, modified: TreeFiles.Time(seconds: 1_100_000_000))
  }
  public static func symlink(_ name: String, to target: String) -> TarEntry {
    TarEntry(name: Array(name.utf8), kind: .symlink(target: Array(target.utf8)), mode: 0o777)
  }
  public static func hardLink(_ name: String, to target: String) -> TarEntry {
    TarEntry(name: Array(name.utf8), kind: .hardLink(target: Array(target.utf8)))
  }
  public static func node(_ name: String, _ kind: TarEntry.Kind, mode: UInt32 = 0o600) -> TarEntry {
    TarEntry(name: Array(name.utf8), kind: kind, mode: mode)
  }
}

/// Tar streams made for a test.
public enum TarFixture {
  public static func tar(_ entries: [(TarEntry, String)]) throws(BerthError) -> [UInt8] {
    let sink = MemorySink()
    let writer = TarWriter(sink)
    for (entry, content) in entries { try writer.add(entry, content: Array(content.utf8)) }
    try writer.finish()
    return sink.bytes
  }

  public static func tar(_ entries: TarEntry...) throws(BerthError) -> [UInt8] { try tar(entries.map { ($0, "") }) }
}
