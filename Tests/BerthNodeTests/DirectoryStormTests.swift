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
          // One that was never good (half-written, then moved) has nothing to lose.
          let had = state.entries[key]?.desired != nil
          if key.name.hasPrefix("keep"), had, entry.desired == nil { state.lost.append("\(key)") }
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

  /// The directory as it should be: what was done to it, nothing that was seen of it.
  private struct Model {
    let root: String
    /// By pod: the folder its file is in, and what it says.
    var files: [String: (folder: Int, hostname: String)] = [:]
    /// Folder 0 is the directory itself.
    var folders: [String]
    private var renamed = 0

    init(root: String, folders count: Int) throws {
      self.root = root
      folders = [root] + (1..<count).map { "\(root)/f\($0)" }
      for folder in folders.dropFirst() { try Files.makeDirectories(folder, mode: 0o755) }
    }

    func path(_ pod: String) -> String? { files[pod].map { "\(folders[$0.folder])/\(pod).toml" } }

    mutating func step(_ at: Int, _ dice: inout SeededGenerator) throws {
      let isKept = Bool.random(using: &dice)
      let pod = "\(isKept ? "keep" : "other")\(Int.random(in: 0..<20, using: &dice))"
      let folder = Int.random(in: 0..<folders.count, using: &dice)
      switch Int.random(in: 0..<16, using: &dice) {
      case 0 where folder != 0:
        renamed += 1
        let name = "\(root)/f\(folder)-\(renamed)"
        #expect(Glibc.rename(folders[folder], name) == 0)
        folders[folder] = name
      case 1...2 where files[pod] != nil:
        guard let old = path(pod) else { return }
        files[pod]?.folder = folder
        #expect(Glibc.rename(old, path(pod) ?? "") == 0)
      case 3...5 where !isKept:
        guard let path = path(pod) else { return }
        try Files.unlink(path)
        files[pod] = nil
      default:
        files[pod] = (files[pod]?.folder ?? folder, "h\(at)")
        try DirectoryStormTests.change(path(pod) ?? "", DirectoryStormTests.text("h\(at)"), Int.random(in: 0..<4, using: &dice))
      }
    }
  }

  @Test(
    "a storm of edits, moves, removals, renamed folders and rescans: no pod is given up whose file stays, and in the end all is as it lies there"
  )
  func storm() async throws {
    let operations = ProcessInfoEnvironment.number("BERTH_STORM") ?? 3000
    let temporary = try TemporaryDirectory("storm")
    let listener = Listener()
    let directory = try ManifestDirectory(
      options: .init(
        path: temporary.path, owner: 0, resyncInterval: .seconds(60), removalDelay: .seconds(1), pruneGuard: .init(pods: 3, percent: 50))
    ) { listener.take($0) }
    var model = try Model(root: temporary.path, folders: 4)
    try directory.start(known: [])
    let seed = ProcessInfoEnvironment.number("BERTH_SEED") ?? Int.random(in: 0 ... .max)
    print("directory storm: BERTH_SEED=\(seed)")
    var dice = SeededGenerator(seed: UInt64(bitPattern: Int64(seed)))
    for at in 0..<operations {
      try model.step(at, &dice)
      if at % 500 == 499 { await directory.rescan(prune: false) }
    }
    await directory.rescan(prune: false, settled: true)
    #expect(listener.lost == [])
    for number in 0..<20 {
      for pod in ["keep\(number)", "other\(number)"] { #expect(listener.hostname(pod) == model.files[pod]?.hostname, "\(pod)") }
    }
  }
}

private enum ProcessInfoEnvironment {
  static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}
