import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Glibc
import Testing

@testable import BerthPods

@Suite("generated files")
struct GeneratedFilesTests {
  private let scratch: TemporaryDirectory
  init() throws { scratch = try TemporaryDirectory() }

  private func files(_ contents: [String: FileContent], isSecret: Bool = false, group: UInt32? = nil) -> GeneratedFiles {
    let set = FileSet(files: contents)
    let volume = VolumeSpec(name: "v", source: isSecret ? .secret(set) : .config(set))
    return GeneratedFiles(volume, set, folder: scratch.path, fsGroup: group)
  }

  @Test("they follow the spec: what differs is replaced, what is no longer asked for goes, what is right isn't touched")
  func follow() throws {
    try files(["a": "1", "b": "2"]).write()
    let untouched = try Files.status("\(scratch.path)/a").inode
    try files(["a": "1", "c": "3"]).write()
    #expect(try Files.list(scratch.path).sorted() == ["a", "c"])
    #expect(try Files.status("\(scratch.path)/a").inode == untouched)
    #expect(try Files.readText("\(scratch.path)/c") == "3")
  }

  @Test("a change by hand is seen, whatever was changed, and undone")
  func drift() throws {
    let files = files(["a": "1", "b": "2", "c": "3", "d": "4"])
    try files.write()
    #expect(files.drifted() == [])
    try Files.writeAtomically("x".utf8, to: "\(scratch.path)/a")
    try Files.setMode("\(scratch.path)/b", 0o666)
    try Files.unlink("\(scratch.path)/c")
    try Files.unlink("\(scratch.path)/d")
    try Files.makeDirectory("\(scratch.path)/d")
    try Files.writeAtomically("".utf8, to: "\(scratch.path)/stranger")
    #expect(files.drifted() == ["a", "b", "c", "d", "stranger"])
    try files.write()
    #expect(files.drifted() == [])
  }

  @Test("a secret is its owner's alone, or the group's that the pod has")
  func modes() throws {
    try files(["a": ""], isSecret: true).write()
    #expect(try Files.status("\(scratch.path)/a").permissions == 0o600)
    try files(["a": ""], isSecret: true, group: 77).write()
    let status = try Files.status("\(scratch.path)/a")
    #expect(status.permissions == 0o640 && status.gid == 77)
  }

  @Test("a volume that was another group's is handed over with all that is in it, links as links")
  func group() throws {
    try Files.makeDirectories("\(scratch.path)/vol/in/deep")
    try Files.writeAtomically("".utf8, to: "\(scratch.path)/vol/in/deep/file")
    try Files.writeAtomically("".utf8, to: "\(scratch.path)/outside")
    #expect(symlink("\(scratch.path)/outside", "\(scratch.path)/vol/link") == 0)
    try VolumeGroup.hand("\(scratch.path)/vol", to: 4321)
    for path in ["vol", "vol/in/deep", "vol/in/deep/file"] { #expect(try Files.status("\(scratch.path)/\(path)").gid == 4321) }
    #expect(try Files.linkStatus("\(scratch.path)/vol/link").gid == 4321)
    #expect(try Files.status("\(scratch.path)/outside").gid != 4321)
    #expect(try Files.status("\(scratch.path)/vol").permissions & 0o2070 == 0o2070)
  }
}
