import BerthLinux
import ImageFixtures
import Testing

struct StagedFileTests {
  @Test("content that is staged is nowhere to be seen before it is committed, and leaves nothing where it never is")
  func staging() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/file"
    do {
      let dropped = try StagedFile([1], for: path)
      #expect(!Files.exists(path))
      #expect(try Files.list(directory.path).count == 1)
      _ = consume dropped
    }
    #expect(try Files.list(directory.path) == [])
    let first = try StagedFile([2, 3], for: path, mode: 0o640)
    let second = try StagedFile([4], for: path)
    #expect(!Files.exists(path))
    try first.commit()
    #expect(try Files.read(path, limit: 9) == [2, 3] && Files.status(path).permissions == 0o640)
    try second.commit()
    #expect(try Files.read(path, limit: 9) == [4] && Files.list(directory.path) == ["file"])
    #expect(throws: Errno.notFound) { _ = try StagedFile([5], for: "\(directory.path)/missing/file") }
  }
}
