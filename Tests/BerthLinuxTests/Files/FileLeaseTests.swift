import BerthLinux
import Glibc
import ImageFixtures
import Testing

@Suite("reading a file only while nobody writes it")
struct FileLeaseTests {
  @Test("whole while nobody writes; nothing while somebody has it open for writing")
  func writer() throws {
    let directory = try TemporaryDirectory()
    try directory.write("file", Array("text".utf8))
    #expect(try FileLease.readQuiescent(Files.open(directory("file"), O_RDONLY), size: 4, limit: 100) == Array("text".utf8))
    let writer = try Files.open(directory("file"), O_WRONLY)
    #expect(try FileLease.readQuiescent(Files.open(directory("file"), O_RDONLY), size: 4, limit: 100) == nil)
    _ = writer.raw
  }

  @Test("a process that reads while writers come is not ended by the kernel's signal")
  func signal() throws {
    let directory = try TemporaryDirectory()
    try directory.write("file", [UInt8](repeating: 65, count: 100_000))
    let path = directory("file")
    // Not waiting for the lease, a writer is refused, and the reader is told by a signal each time.
    let refused = Monitor(0)
    let writer = try NativeThread.start {
      while refused.with({ $0 }) < 100 {
        if (try? Files.open(path, O_WRONLY | O_NONBLOCK)) == nil { refused.with { $0 += 1 } }
      }
    }
    defer {
      refused.with { $0 = 100 }
      writer.join()
    }
    while refused.with({ $0 }) < 100 { _ = try FileLease.readQuiescent(Files.open(path, O_RDONLY), size: 100_000, limit: 200_000) }
  }
}
