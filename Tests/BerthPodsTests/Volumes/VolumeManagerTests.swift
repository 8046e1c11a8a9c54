import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Testing

@testable import BerthPods

@Suite("volumes")
struct VolumeManagerTests {
  private let scratch: TemporaryDirectory
  private let node: NodePaths
  private let key = PodKey(namespace: "prod", name: "web")

  init() throws {
    scratch = try TemporaryDirectory()
    node = NodePaths(root: "\(scratch.path)/root", state: "\(scratch.path)/state", logs: "\(scratch.path)/logs")
  }

  private func manager(uid: String = "u1") -> VolumeManager { VolumeManager(paths: node.pod(uid: uid), key: key) }

  @Test("an empty_dir is the pod's own, open to all unless the manifest says otherwise; one in memory says its size")
  func emptyDir() throws {
    var closed = VolumeSpec(name: "closed", source: .emptyDir(inMemory: false, size: nil))
    (closed.mode, closed.owner) = (0o750, VolumeOwner(uid: 7, gid: 8))
    let prepared = try manager().prepare([
      VolumeSpec(name: "open", source: .emptyDir(inMemory: false, size: nil)), closed,
      VolumeSpec(name: "fast", source: .emptyDir(inMemory: true, size: ByteSize(bytes: 1 << 20))),
    ])
    #expect(prepared["open"]?.path == "\(scratch.path)/root/pods/u1/volumes/open")
    #expect(try Files.status(prepared["open"]?.path ?? "").permissions == 0o777)
    let status = try Files.status(prepared["closed"]?.path ?? "")
    #expect(status.permissions == 0o750 && status.uid == 7 && status.gid == 8)
    #expect(prepared["fast"]?.memorySize == .limited(ByteSize(bytes: 1 << 20)))
    #expect(prepared["fast"]?.path.hasPrefix("\(scratch.path)/state/pods/u1/") == true)
  }

  @Test("a persistent volume is found again with the owner and mode that its users gave it; a shared one belongs to the namespace")
  func persistent() throws {
    let own = VolumeSpec(name: "data", source: .persistent(shared: nil))
    let shared = VolumeSpec(name: "data", source: .persistent(shared: "pool"))
    let first = try manager().prepare([own])["data"]?.path ?? ""
    #expect(first == "\(scratch.path)/root/volumes/prod/web/data")
    try Files.setMode(first, 0o700)
    #expect(try manager(uid: "u2").prepare([own])["data"]?.path == first)
    #expect(try Files.status(first).permissions == 0o700)
    #expect(try manager().prepare([shared])["data"]?.path == "\(scratch.path)/root/volumes/prod/.shared/pool")
    #expect(try Files.list("\(scratch.path)/root/volumes/prod/web") == ["data"], "nothing half-made beside it")
  }

  @Test("a config volume has the manifest's files and nothing but their mode and owner is changed by it")
  func config() throws {
    var volume = VolumeSpec(name: "conf", source: .config(FileSet(files: ["a.conf": "one\n", "b.conf": ""])))
    (volume.mode, volume.owner) = (0o640, VolumeOwner(uid: 7, gid: 8))
    let path = try manager().prepare([volume])["conf"]?.path ?? ""
    #expect(try Files.list(path).sorted() == ["a.conf", "b.conf"])
    #expect(try Files.readText("\(path)/a.conf") == "one\n")
    let status = try Files.status("\(path)/b.conf")
    #expect(status.permissions == 0o640 && status.uid == 7 && status.gid == 8)
    #expect(try Files.status(path).permissions == 0o755)
  }

  @Test("a host_path must be what the manifest says it is; what it may make is made")
  func hostPath() throws {
    func prepare(_ name: String, _ type: VolumeSource.HostPathType) throws -> String? {
      try manager().prepare([VolumeSpec(name: "host", source: .hostPath(path: "\(scratch.path)/\(name)", type: type))])["host"]?.path
    }
    #expect { try prepare("none", .directory) } throws: { "\($0)".contains("\(scratch.path)/none") }
    #expect(try prepare("made", .directoryOrCreate) == "\(scratch.path)/made")
    #expect(try Files.status("\(scratch.path)/made").kind == .directory)
    #expect { try prepare("made", .file) } throws: { "\($0)".contains("is no file") }
    #expect(try prepare("file", .fileOrCreate) == "\(scratch.path)/file")
    #expect { try prepare("file", .directory) } throws: { "\($0)".contains("is no directory") }
    #expect { try prepare("file", .socket) } throws: { "\($0)".contains("is no socket") }
  }

  @Test("where a volume lies is known without touching it")
  func located() {
    #expect(manager().located([VolumeSpec(name: "data", source: .persistent(shared: nil))])["data"] != nil)
    #expect(!Files.exists("\(scratch.path)/root"))
  }
}
