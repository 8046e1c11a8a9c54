import BerthLinux
import Glibc
import ImageFixtures
import Testing

@Suite("listing a directory")
struct ListingTests {
  @Test("the names, sorted; the file system has nothing to write for it")
  func quiet() throws {
    let directory = try TemporaryDirectory()
    for name in ["b", "a", ".c"] { try directory.write(name, []) }
    // A directory that changed after it was last looked at would be written otherwise (mount(8), relatime).
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 2, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, directory.path, &times, 0) == 0)
    #expect(try Files.list(directory.path) == [".c", "a", "b"])
    var status = stat()
    #expect(stat(directory.path, &status) == 0)
    #expect(status.st_atim.tv_sec == 1)
  }

  @Test("a directory that isn't there, and what is none, are errors")
  func missing() throws {
    let directory = try TemporaryDirectory()
    try directory.write("file", [])
    #expect(throws: Errno.notFound) { try Files.list(directory("none")) }
    #expect(throws: Errno.notDirectory) { try Files.list(directory("file")) }
  }
}
