import BerthArchive
import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

@Suite("Copying trees")
struct TreeCopyTests {
  private func archive(of path: String, as name: String) throws -> [UInt8] {
    let sink = MemorySink()
    let sender = TreeSender(sink)
    try sender.send(try Files.open(path, FileFlags.path | FileFlags.noFollow), as: Array(name.utf8))
    try sender.finish()
    return sink.bytes
  }

  private func archive(_ entries: [(TarEntry, [UInt8])]) throws -> [UInt8] {
    let sink = MemorySink()
    let writer = TarWriter(sink)
    for (entry, content) in entries { try writer.add(entry, content: content) }
    try writer.finish()
    return sink.bytes
  }

  private func receive(_ archive: [UInt8], into path: String, _ options: TreeReceiver.Options = .init()) throws {
    try TreeReceiver(root: try Files.open(path, FileFlags.path | FileFlags.directory), options).receive(TarReader(MemorySource(archive)))
  }

  @Test("what is sent arrives: content, modes, symlinks as they are, empty directories, names that aren't UTF-8")
  func roundTrip() throws {
    let directory = try TemporaryDirectory("copy")
    let tree = "\(directory.path)/tree"
    try Files.makeDirectories("\(tree)/sub/empty")
    let long = String(repeating: "n", count: 200)
    let big = (0..<700_000).map { UInt8(truncatingIfNeeded: $0) }
    try Files.writeAtomically(big, to: "\(tree)/sub/\(long)", mode: 0o640)
    symlink("/etc/passwd", "\(tree)/link")
    symlink("loop", "\(tree)/loop")
    let odd: [CChar] = "\(tree)/".utf8.map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xFF), 0]
    #expect(mkdir(odd, 0o700) == 0)
    let out = "\(directory.path)/out"
    try Files.makeDirectories(out)
    try receive(archive(of: tree, as: "tree"), into: out)
    #expect(try Files.read("\(out)/tree/sub/\(long)", limit: 1 << 20) == big)
    #expect(try Files.status("\(out)/tree/sub/\(long)").permissions == 0o640)
    #expect(try Files.readLink("\(out)/tree/link") == "/etc/passwd")
    #expect(try Files.readLink("\(out)/tree/loop") == "loop")
    #expect(try Files.list("\(out)/tree/sub/empty").isEmpty)
    #expect(try TreeFiles.list(try Files.open("\(out)/tree", FileFlags.directory)).contains { Array($0.bytes) == [0xFF] })
    #expect(try Files.list("\(out)/tree/sub").sorted() == ["empty", long].sorted(), "nothing else is left")
    // Again over what is there now: the same, and a file of the same name is replaced.
    try Files.writeAtomically([1], to: "\(tree)/sub/\(long)", mode: 0o600)
    try receive(archive(of: tree, as: "tree"), into: out)
    #expect(try Files.read("\(out)/tree/sub/\(long)") == [1])
  }

  @Test("sockets, FIFOs and devices are left out; one that is asked for by itself is an error")
  func special() throws {
    let directory = try TemporaryDirectory("copy")
    let tree = "\(directory.path)/tree"
    try Files.makeDirectories(tree)
    #expect(mkfifo("\(tree)/fifo", 0o600) == 0)
    try Files.writeAtomically([1], to: "\(tree)/file", mode: 0o600)
    if Binaries.isRoot { #expect(mknod("\(tree)/null", S_IFCHR | 0o600, dev_t(0x103)) == 0) }
    let out = "\(directory.path)/out"
    try Files.makeDirectories(out)
    try receive(archive(of: tree, as: "tree"), into: out)
    #expect(try Files.list("\(out)/tree") == ["file"])
    #expect(throws: BerthError.self) { try archive(of: "\(tree)/fifo", as: "fifo") }
    let proc = #expect(throws: BerthError.self) { try archive(of: "/proc/sys", as: "sys") }
    #expect(proc.map { "\($0)".contains("kernel") } == true)
  }

  /// As a copier would that trusts the archive: paths as texts.
  private func naive(_ entries: [(TarEntry, [UInt8])], into path: String) throws {
    for (entry, content) in entries {
      let name = "\(path)/\(String(decoding: entry.name, as: UTF8.self))"
      switch entry.kind {
      case .symlink(let target): symlink(String(decoding: target, as: UTF8.self), name)
      case .hardLink(let target): link("\(path)/\(String(decoding: target, as: UTF8.self))", name)
      default: try Files.open(name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600).writeAll(content)
      }
    }
  }

  private func hostile(_ outside: String) -> [(what: String, entries: [(TarEntry, [UInt8])])] {
    func file(_ name: String) -> (TarEntry, [UInt8]) { (TarEntry(name: Array(name.utf8), kind: .file), Array("owned".utf8)) }
    func symlink(_ name: String, _ target: String) -> (TarEntry, [UInt8]) {
      (TarEntry(name: Array(name.utf8), kind: .symlink(target: Array(target.utf8))), [])
    }
    return [
      ("..", [file("../outside/victim")]), ("a symlink for a directory", [symlink("d", outside), file("d/victim")]),
      ("a relative symlink", [symlink("d", "../outside"), file("d/victim")]),
      ("a symlink for a file", [symlink("f", "\(outside)/victim"), file("f")]),
      ("two hops", [symlink("a", ".."), symlink("b", "a/outside"), file("b/victim")]),
      (
        "a hard link through a symlink",
        [symlink("d", outside), (TarEntry(name: Array("h".utf8), kind: .hardLink(target: Array("d/victim".utf8))), []), file("h")]
      ),
    ]
  }

  @Test("an archive that leads out of the destination leads nowhere: each of these works on a copier that trusts names")
  func escape() throws {
    for index in hostile("").indices {
      for isGuarded in [false, true] {
        let directory = try TemporaryDirectory("copy")
        let (outside, out) = ("\(directory.path)/outside", "\(directory.path)/out")
        try Files.makeDirectories(outside)
        try Files.makeDirectories(out)
        try Files.writeAtomically(Array("safe".utf8), to: "\(outside)/victim", mode: 0o600)
        let (what, entries) = hostile(outside)[index]
        if isGuarded { try? receive(archive(entries), into: out) } else { try naive(entries, into: out) }
        let victim = try Files.readText("\(outside)/victim")
        #expect(victim == (isGuarded ? "safe" : "owned"), "\(what), \(isGuarded ? "guarded" : "trusting")")
        #expect(try Files.list(outside) == ["victim"], "\(what)")
      }
    }
  }

  @Test("devices in an archive are refused, set-id bits and owners come only where they are asked for")
  func privileges() throws {
    let directory = try TemporaryDirectory("copy")
    let device = try archive([(TarEntry(name: Array("d".utf8), kind: .characterDevice(major: 1, minor: 3)), [])])
    #expect(throws: BerthError.self) { try receive(device, into: directory.path) }
    let program = try archive([(TarEntry(name: Array("p".utf8), kind: .file, mode: 0o6755, uid: 7, gid: 8), [1])])
    try receive(program, into: directory.path)
    #expect(try Files.status("\(directory.path)/p").permissions == 0o755)
    #expect(try Files.status("\(directory.path)/p").uid == geteuid())
    guard Binaries.isRoot else { return }
    var options = TreeReceiver.Options()
    options.preserves = true
    try receive(program, into: directory.path, options)
    let status = try Files.status("\(directory.path)/p")
    #expect((status.permissions, status.uid, status.gid) == (0o6755, 7, 8))
  }

  @Test("the one thing in an archive can be given another name; of two it is an error")
  func renamed() throws {
    let directory = try TemporaryDirectory("copy")
    var options = TreeReceiver.Options()
    options.name = PathBytes(Array("new".utf8))
    let entries = [
      (TarEntry(name: Array("old/".utf8), kind: .directory, mode: 0o755), [UInt8]()),
      (TarEntry(name: Array("old/a".utf8), kind: .file), [1]),
      (TarEntry(name: Array("old/b".utf8), kind: .hardLink(target: Array("old/a".utf8))), []),
    ]
    try receive(archive(entries), into: directory.path, options)
    #expect(try Files.list("\(directory.path)/new").sorted() == ["a", "b"])
    let two = try archive(entries + [(TarEntry(name: Array("other".utf8), kind: .file), [2])])
    #expect(throws: BerthError.self) { try receive(two, into: directory.path, options) }
  }

  @Test("an archive cut anywhere leaves no half of a file")
  func truncated() throws {
    let content = [UInt8](repeating: 7, count: 5000)
    let whole = try archive([(TarEntry(name: Array("f".utf8), kind: .file), content)])
    for count in stride(from: 1, to: 512 + 5000, by: 331) {
      let directory = try TemporaryDirectory("copy")
      #expect(throws: BerthError.self, "\(count)") { try receive(Array(whole[..<count]), into: directory.path) }
      #expect(try Files.list(directory.path).isEmpty, "\(count)")
    }
  }

  @Test(
    "paths as people write them",
    arguments: [
      ("/a/b", "/a/b", "/a", "b", false), ("/a/b/", "/a/b", "/a", "b", true), ("/a", "/a", "/", "a", false), ("a", "a", ".", "a", false),
      ("/", "/", ".", ".", true), ("", ".", ".", ".", true), (".", ".", ".", ".", true), ("/a/..", "/a/..", "/a", ".", true),
      ("//a//b//", "//a//b", "//a/", "b", true),
    ])
  func paths(text: String, whole: String, parent: String, name: String, isDirectory: Bool) {
    let path = CopyPath(text)
    #expect((path.text, path.parent, path.name, path.isDirectory) == (whole, parent, name, isDirectory))
  }
}
