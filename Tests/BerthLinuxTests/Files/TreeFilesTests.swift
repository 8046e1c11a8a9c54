import BerthLinux
import Glibc
import ImageFixtures
import Testing

@Suite("trees that somebody else made")
struct TreeFilesTests {
  @Test("a tree deeper than any path is removed, and nothing outside of it")
  func deepTree() throws {
    let directory = try TemporaryDirectory()
    try directory.write("keep/file", Array("x".utf8))
    let name = PathBytes("d")
    var here = try directory.directory("tree")
    // Path length past PATH_MAX, and more levels than descriptors may be open.
    for _ in 0..<3000 {
      try TreeFiles.makeDirectory(here, name, mode: 0o700)
      try TreeFiles.makeSymlink(here, PathBytes("out"), target: try #require(PathBytes(directory("keep").utf8)))
      here = try TreeFiles.openDirectory(here, name)
    }
    let parent = try Files.open(directory.path, O_RDONLY | O_DIRECTORY)
    try TreeFiles.removeTree(parent, PathBytes("tree"))
    #expect(try Files.list(directory.path) == ["keep"])
    #expect(Files.exists(directory("keep/file")))
  }

  @Test("a tree whose names are those that removal itself would use is removed")
  func names() throws {
    let directory = try TemporaryDirectory()
    for name in ["t/rm-1/rm-2/rm-1/a", "t/rm-2/rm-1/rm-3/b", "t/a/b/rm-1", "t/rm-3"] { try directory.write(name, [1]) }
    let parent = try Files.open(directory.path, O_RDONLY | O_DIRECTORY)
    try TreeFiles.removeTree(parent, PathBytes("t"))
    #expect(try Files.list(directory.path).isEmpty)
    try TreeFiles.removeTree(parent, PathBytes("t"))
  }

  @Test("a path with NUL is none")
  func pathBytes() {
    #expect(PathBytes([97, 0, 98]) == nil)
    #expect(PathBytes([97, 10, 255])?.description == "a\\n\u{FFFD}")
    #expect(PathBytes(joining: []).description == ".")
  }

  @Test("a monitor's waiters see what others set", .timeLimit(.minutes(1)))
  func monitor() throws {
    let monitor = Monitor(0)
    let thread = try NativeThread.start { monitor.with { $0 = 42 } }
    #expect(monitor.wait { $0 == 42 ? $0 : nil } == 42)
    thread.join()
  }
}
