import BerthLinux
import Synchronization
import Testing

@Suite("queues between threads")
struct BlockingQueueTests {
  @Test("what is pushed while all wait, and what is pushed while all work, is taken once, and nobody is left waiting")
  func everyItemOnce() throws {
    let queue = BlockingQueue<Int?>()
    let sum = Atomic(0)
    let threads = try (0..<8).map { _ in
      try NativeThread.start { while let item = queue.pop() { sum.add(item, ordering: .sequentiallyConsistent) } }
    }
    for item in 1...10_000 { queue.push(item) }
    for _ in threads { queue.push(nil) }
    threads.forEach { $0.join() }
    #expect(sum.load(ordering: .sequentiallyConsistent) == 10_000 * 10_001 / 2)
  }
}
