import BerthArchive
import BerthCore
import BerthLinux
import Glibc
import ImageFixtures
import Testing

/// One after the other: each sets the umask of the whole process for a moment, and two at once would leave it behind.
@Suite("unpacking layers", .serialized, .enabled(if: geteuid() == 0, "owners, devices and trusted attributes need root"))
struct LayerUnpackerTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  @discardableResult
  private func unpack(_ entries: [(TarEntry, String)]) throws -> LayerUnpacker.Result { try unpack(tar: try TarFixture.tar(entries)) }
  @discardableResult
  private func unpack(_ entries: TarEntry...) throws -> LayerUnpacker.Result { try unpack(entries.map { ($0, "") }) }

  private func unpack(tar: [UInt8]) throws -> LayerUnpacker.Result {
    let old = umask(0)
    defer { umask(old) }
    return try LayerUnpacker(root: try directory.directory("layer")).unpack(TarReader(MemorySource(tar)))
  }

  private func failure(_ entries: TarEntry...) throws -> String? {
    do {
      try unpack(entries.map { ($0, "escaped") })
      return nil
    } catch let error as BerthError { return error.cause }
  }

  private func status(_ name: String) throws -> FileStatus { try Files.linkStatus(directory("layer/\(name)")) }

  private func attribute(_ name: String, _ attribute: String) throws -> [UInt8]? {
    let file = try Files.open(directory("layer/\(name)"), O_RDONLY)
    return try TreeFiles.attribute(file, try #require(PathBytes(attribute.utf8)))
  }

  @Test("modes, owners, times, links, devices and set-id bits are as archived")
  func metadata() throws {
    try unpack([
      (.directory("./", mode: 0o750, uid: 5, gid: 6), ""), (.directory("d/", mode: 0o2775, uid: 1, gid: 2), ""),
      (.file("d/suid", mode: 0o4751, uid: 1000, gid: 1001), "content"), (.hardLink("d/hard", to: "d/suid"), ""),
      (.symlink("d/soft", to: "/etc/passwd"), ""), (.node("null", .characterDevice(major: 1, minor: 3), mode: 0o666), ""),
      (.node("fifo", .fifo, mode: 0o620), ""), (.file("d/plain"), "x"),
    ])
    let root = try Files.linkStatus(directory("layer"))
    #expect((root.permissions, root.uid, root.gid) == (0o750, 5, 6))
    let suid = try status("d/suid")
    #expect((suid.permissions, suid.uid, suid.gid, suid.links) == (0o4751, 1000, 1001, 2))
    #expect(suid.modifiedNanoseconds == 1_000_000_000_000_000_000)
    #expect(try status("d").modifiedNanoseconds == 1_100_000_000_000_000_000)
    #expect(try status("d").permissions == 0o2775)
    // A set-group-id directory would hand its group on.
    #expect(try status("d/plain").gid == 0)
    #expect(try status("d/soft").kind == .symlink)
    #expect(try status("null").rdev == 0x103)
    #expect(try status("fifo").kind == .fifo)
    #expect(try Files.readText(directory("layer/d/hard")) == "content")
  }

  @Test("B12: user attributes and file capabilities are kept, all that steers overlayfs or security modules is dropped")
  func attributes() throws {
    let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    var file = TarEntry.file("f", mode: 0o755)
    let names = [
      "user.kept", "security.capability", "user.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy", "trusted.other",
      "security.selinux",
      "security.ima",
    ]
    file.attributes = names.map { TarEntry.Attribute(name: Array($0.utf8), value: $0 == "security.capability" ? capability : [1]) }
    try unpack(file)
    let list = try TreeFiles.attributes(try Files.open(directory("layer/f"), O_RDONLY))
    #expect(Set(list.map(\.description)) == ["user.kept", "security.capability"])
  }

  @Test("whiteouts become overlayfs' own, and hide nothing of the same layer")
  func whiteouts() throws {
    try unpack([
      (.file("gone/.wh.file"), ""), (.file("opaque/.wh..wh..opq"), ""), (.file("opaque/new"), "x"), (.file("same/kept"), "x"),
      (.file("same/.wh.kept"), ""), (.file(".wh.replaced"), ""), (.directory("replaced/"), ""), (.file("replaced/x"), ""),
      (.file("dir/x"), ""), (.file(".wh.dir"), ""), (.file(".wh.under"), ""), (.file("under/x"), ""), (.file(".wh..wh.plnk/1"), ""),
      (.file(".wh..wh.aufs"), ""),
    ])
    let gone = try status("gone/file")
    #expect(gone.kind == .characterDevice && gone.rdev == 0)
    #expect(try attribute("opaque", "trusted.overlay.opaque") == Array("y".utf8))
    #expect(try status("same/kept").kind == .regular)
    for name in ["replaced", "dir", "under"] { #expect(try attribute(name, "trusted.overlay.opaque") == Array("y".utf8), "\(name)") }
    #expect(!Files.exists(directory("layer/.wh..wh.aufs")))
  }

  @Test("overlayfs shows the stack as the image means it")
  func overlay() throws {
    let lower = try directory.directory("lower")
    _ = try LayerUnpacker(root: lower).unpack(
      TarReader(MemorySource(try TarFixture.tar([(.file("a"), "1"), (.file("d/old"), "1"), (.file("o/old"), "1"), (.file("keep"), "1")]))))
    try unpack([
      (.file(".wh.a"), ""), (.file("d/.wh.old"), ""), (.file("d/new"), "2"), (.file("o/.wh..wh..opq"), ""), (.file("o/new"), "2"),
    ])
    for name in ["upper", "work", "merged"] { try Files.makeDirectory(directory(name)) }
    let options = "lowerdir=\(directory("layer")):\(directory("lower")),upperdir=\(directory("upper")),workdir=\(directory("work"))"
    guard mount("overlay", directory("merged"), "overlay", 0, options) == 0 else {
      Issue.record("overlay can't be mounted: \(Errno.current)")
      return
    }
    defer { umount2(directory("merged"), Int32(MNT_DETACH)) }
    #expect(try Files.list(directory("merged")) == ["d", "keep", "o"])
    #expect(try Files.list(directory("merged/d")) == ["new"])
    #expect(try Files.list(directory("merged/o")) == ["new"])
  }

  @Test("later members replace earlier ones of the same name, whatever they were")
  func replacement() throws {
    try unpack([
      (.file("a"), "1"), (.directory("a/"), ""), (.file("a/x"), "2"), (.file("b/c/d"), "1"), (.file("b"), "file"),
      (.symlink("l", to: "b"), ""), (.file("l"), "3"),
    ])
    #expect(try Files.readText(directory("layer/a/x")) == "2")
    #expect(try Files.readText(directory("layer/b")) == "file")
    #expect(try Files.readText(directory("layer/l")) == "3")
    #expect(try status("l").kind == .regular)
  }

  @Test("directories without a member are named, others not")
  func implied() throws {
    let result = try unpack(.file("a/b/c"), .directory("named/"), .file("named/x"), .directory("a/"))
    #expect(result.impliedDirectories.map(\.description) == [".", "a/b"])
    #expect(try unpack(.directory("./")).impliedDirectories.isEmpty)
  }

  @Test("a relative symlink of the same layer is followed inside the layer, its target made where it is missing")
  func usrMerge() throws {
    try unpack([
      (.symlink("lib", to: "usr/lib"), ""), (.file("lib/x"), "1"), (.symlink("usr/lib64", to: "../usr/./lib"), ""),
      (.file("usr/lib64/y"), "2"),
    ])
    #expect(try Files.readText(directory("layer/usr/lib/x")) == "1")
    #expect(try Files.readText(directory("layer/usr/lib/y")) == "2")
    #expect(try status("lib").kind == .symlink)
  }

  @Test("B09, B12: members that reach out of the layer are refused and write nothing there")
  func traversal() throws {
    try Files.makeDirectory(directory("outside"))
    let out = directory("outside")
    let attacks: [(String, [TarEntry], String)] = [
      ("dots", [.file("../outside/x")], ".."), ("inner dots", [.file("a/../../outside/x")], ".."),
      ("absolute symlink", [.symlink("l", to: out), .file("l/x")], "is absolute"),
      ("climbing symlink", [.symlink("l", to: "../outside"), .file("l/x")], "leads out"),
      ("climbing symlink deeper", [.symlink("a/l", to: "../../outside"), .file("a/l/x")], "leads out"),
      ("two hops", [.symlink("a", to: "."), .symlink("a/b", to: "../outside"), .file("b/x")], "leads out"),
      (
        "two hops through a directory", [.directory("d"), .symlink("d/up", to: ".."), .symlink("e", to: "d/up/../outside"), .file("e/x")],
        "leads out"
      ),
      ("circle", [.symlink("a", to: "b"), .symlink("b", to: "a"), .file("a/x")], "symlinks"),
      ("file on the way", [.file("f"), .file("f/x")], "no directory"),
      ("hard link out", [.hardLink("x", to: "../outside/secret")], ".."),
      ("hard link absolute", [.hardLink("x", to: "\(out)/secret")], "doesn't hold"),
      ("hard link through a symlink", [.symlink("l", to: out), .hardLink("x", to: "l/secret")], "is absolute"),
      ("hard link to a directory", [.directory("d"), .hardLink("x", to: "d")], "can't be linked"),
      ("whiteout of nothing", [.file("d/.wh.")], "no name"), ("whiteout of .", [.file("d/.wh..")], "no name"),
      ("whiteout of ..", [.file("d/.wh...")], "no name"),
      ("0:0 device", [.node("w", .characterDevice(major: 0, minor: 0))], "whiteout"),
      ("component of 300 bytes", [.file(String(repeating: "n", count: 300))], "255"),
      ("1000 components", [.file(String(repeating: "d/", count: 1000) + "x")], "components"),
      ("root is a file", [.file("./")], "no directory"),
    ]
    try directory.write("outside/secret", Array("secret".utf8))
    for (name, entries, reason) in attacks {
      let fresh = try Self()
      try fresh.directory.write("outside/secret", Array("secret".utf8))
      let tar = try TarFixture.tar(entries.map { ($0, $0.kind == .file ? "escaped" : "") })
      do {
        _ = try fresh.unpack(tar: tar)
        Issue.record("\(name) was unpacked")
      } catch let error as BerthError { #expect(error.cause.contains(reason), "\(name): \(error.cause)") }
      #expect(try Files.list(fresh.directory("outside")) == ["secret"], "\(name)")
      #expect(try Files.list(out) == ["secret"], "\(name)")
    }
  }

  @Test("B10: an absolute name and a hard link to a symlink stay inside, metadata never passes through a link")
  func confined() throws {
    try Files.makeDirectory(directory("outside"))
    try directory.write("outside/victim", Array("v".utf8))
    var attack = TarEntry.symlink("l", to: directory("outside/victim"))
    attack.uid = 1234
    attack.mode = 0o777
    try unpack([(attack, ""), (.hardLink("h", to: "l"), ""), (.file("/etc/inside"), "x")])
    #expect(try status("h").kind == .symlink)
    #expect(try status("l").uid == 1234)
    #expect(try Files.status(directory("outside/victim")).uid == 0)
    #expect(Files.exists(directory("layer/etc/inside")))
    // Written over, the link goes; what it points to stays.
    try unpack([(.file("l"), "new")])
    #expect(try Files.readText(directory("outside/victim")) == "v")
  }

  @Test(
    "B09: the same archive leads Python's extractor without a filter out of its directory",
    .enabled(if: Command.exists("/usr/bin/python3"), "needs python3"))
  func attackWorksElsewhere() throws {
    let tar = try TarFixture.tar([(.symlink("l", to: "../outside"), ""), (.file("l/x"), "escaped")])
    try directory.write("evil.tar", tar)
    for name in ["outside", "inside"] { try Files.makeDirectory(directory(name)) }
    let script = "import sys,tarfile; t=tarfile.open(sys.argv[1]); t.extraction_filter=(lambda m,p: m); t.extractall(sys.argv[2])"
    let run = try Command.run("/usr/bin/python3", "-c", script, directory("evil.tar"), directory("inside"))
    #expect(run.succeeded, "\(run.output)")
    #expect(Files.exists(directory("outside/x")), "the attack doesn't work any more: the test proves nothing")
    try Files.unlink(directory("outside/x"))
    #expect(throws: BerthError.self) { try unpack(tar: tar) }
    #expect(try Files.list(directory("outside")).isEmpty)
  }

  /// Of the calling thread, in nanoseconds.
  private static func processorTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  @Test("B08: a directory that is marked opaque again and again costs a mark each, not a walk of what is in it")
  func opaqueAgain() throws {
    let files = (0..<5_000).map { (TarEntry.file("d/f\($0)"), "") }
    let marks = Array(repeating: (TarEntry.file("d/.wh..wh..opq"), ""), count: 20_000)
    func cost(_ entries: [(TarEntry, String)]) throws -> Int64 {
      let fresh = try Self()
      let before = Self.processorTime()
      try fresh.unpack(entries)
      return Self.processorTime() - before
    }
    let (apart, together) = (try cost(files) + cost(marks), try cost(files + marks))
    // A walk for each mark would be 100 million entries.
    #expect(together < 5 * apart, "\(together) ns against \(apart) ns")
  }

  @Test("too many members are refused")
  func limits() throws {
    var limits = LayerUnpacker.Limits()
    limits.entries = 10
    let tar = try TarFixture.tar((0..<11).map { (TarEntry.file("f\($0)"), "") })
    let unpacker = LayerUnpacker(root: try directory.directory("layer"), limits: limits)
    #expect(throws: BerthError.self) { try unpacker.unpack(TarReader(MemorySource(tar))) }
  }
}
