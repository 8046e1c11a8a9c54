import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Glibc
import Synchronization
import Testing

@testable import BerthNode

@Suite("The manifest directory, for real")
struct DirectoryStormTests {
  /// What the directory said last of each pod, and whether it ever gave up a pod whose file never went away.
  private final class Listener: Sendable {
    private let state = Mutex<(entries: [PodKey: DesiredEntry], lost: [String])>(([:], []))
    func take(_ update: ManifestDirectory.Update) {
      state.withLock { state in
        for (key, entry) in update.entries {
          if key.name.hasPrefix("keep"), entry.desired == nil, entry.problem == nil { state.lost.append("\(key)") }
          state.entries[key] = entry
        }
      }
    }
    var lost: [String] { state.withLock { $0.lost } }
    func hostname(_ name: String) -> String? {
      state.withLock { $0.entries[PodKey(namespace: "default", name: name)]?.desired?.spec.hostname }
    }
  }

  private static func text(_ hostname: String) -> String {
    "network = \"none\"\nhostname = \"\(hostname)\"\n[[container]]\nimage = \"a:1\"\n"
  }

  /// As editors and tools change a file.
  private static func change(_ path: String, _ text: String, _ way: Int) throws {
    switch way {
    case 0: try Files.writeAtomically(text.utf8, to: path, mode: 0o644)
    case 1:
      // In place, in two pieces.
      let file = try Files.open(path, FileFlags.write | FileFlags.create | FileFlags.truncate, mode: 0o644)
      let bytes = Array(text.utf8)
      try file.writeAll(Array(bytes[..<(bytes.count / 2)]))
      try file.writeAll(Array(bytes[(bytes.count / 2)...]))
    case 2:
      // vim: the old one aside, the new one made, the old one removed.
      _ = Glibc.rename(path, path + "~")
      try Files.writeAtomically(text.utf8, to: path, mode: 0o644)
      try Files.unlink(path + "~")
    default:
      // git checkout.
      try Files.unlink(path)
      try Files.writeAtomically(text.utf8, to: path, mode: 0o644)
    }
  }

  @Test("a storm of edits, removals, renames and rescans: no pod is given up whose file stays, and in the end all is as it lies there")
  func storm() async throws {
    let operations = ProcessInfoEnvironment.number("BERTH_STORM") ?? 3000
    let temporary = try TemporaryDirectory("storm")
    let folder = temporary.path
    let listener = Listener()
    let directory = try ManifestDirectory(
      options: .init(
        path: folder, owner: 0, resyncInterval: .seconds(60), removalDelay: .seconds(1), pruneGuard: .init(pods: 3, percent: 50))
    ) { listener.take($0) }
    try directory.start(known: [])
    var contents: [String: String] = [:]
    let seed = ProcessInfoEnvironment.number("BERTH_SEED") ?? Int.random(in: 0 ... .max)
    print("directory storm: BERTH_SEED=\(seed)")
    var generator = SeededGenerator(seed: UInt64(bitPattern: Int64(seed)))
    for at in 0..<operations {
      let name = Bool.random(using: &generator) ? "keep\(Int.random(in: 0..<20))" : "other\(Int.random(in: 0..<20))"
      let path = "\(folder)/\(name).toml"
      if name.hasPrefix("other"), Int.random(in: 0..<4) == 0 {
        try Files.unlink(path)
        contents[name] = nil
      } else {
        try Self.change(path, Self.text("h\(at)"), Int.random(in: 0..<4))
        contents[name] = "h\(at)"
      }
      if at % 500 == 499 { await directory.rescan(prune: false) }
    }
    await directory.rescan(prune: false, settled: true)
    #expect(listener.lost == [])
    for number in 0..<20 {
      for name in ["keep\(number)", "other\(number)"] { #expect(listener.hostname(name) == contents[name], "\(name)") }
    }
  }
}

private enum ProcessInfoEnvironment {
  static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}
