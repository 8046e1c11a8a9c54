import BerthCore
import BerthLinux
import BerthManifest
import BerthPods
import BerthStore
import BerthTestSupport
import Synchronization
import Testing

@testable import BerthNode

@Suite("what is written down of pods for the time after a reboot")
struct PastMemoryTests {
  private let scratch: TemporaryDirectory
  private let store: MetadataStore
  private let writes = Count()
  private let key = PodKey(namespace: "default", name: "web")

  private final class Count: Sendable {
    let value = Atomic(0)
    func add() { value.add(1, ordering: .relaxed) }
  }

  init() throws {
    scratch = try TemporaryDirectory()
    store = try MetadataStore(path: "\(scratch.path)/meta.db")
  }

  private func memory() throws -> PastMemory {
    let memory = PastMemory(store: store, events: EventLog { Timestamp(nanoseconds: 0) }) { [writes] body in
      writes.add()
      body()
    }
    try memory.load()
    return memory
  }

  private func past(attempt: UInt32) -> PodPast {
    var past = PodPast(
      uid: "107a808e-101e-44f0-b3c8-e966944e5269", hash: "h", source: "/m/web.toml", generation: 1, startedAt: Timestamp(nanoseconds: 5))
    past.containers["web"] = PodPast.Container(attempt: attempt)
    return past
  }

  @Test("the newest of a pod is what a later daemon finds; one that is forgotten is gone")
  func kept() throws {
    let first = try memory()
    first.keep(past(attempt: 1), of: key)
    first.keep(past(attempt: 2), of: key)
    first.hurry()
    let second = try memory()
    #expect(second.past(of: key) == past(attempt: 2))
    second.forget(key)
    second.hurry()
    #expect(try memory().past(of: key) == nil)
  }

  @Test("while the node is shut down ends are kept and nothing is forgotten")
  func frozen() throws {
    let first = try memory()
    first.keep(past(attempt: 1), of: key)
    first.freeze()
    first.keep(past(attempt: 2), of: key)
    first.forget(key)
    first.hurry()
    #expect(try memory().past(of: key) == past(attempt: 2))
  }

  @Test("a container that crashes in a loop costs one commit a pause; what is as it was costs none")
  func paced() throws {
    let memory = try memory()
    let begun = Clock.bootNanoseconds()
    for attempt in 0..<10_000 as Range<UInt32> { memory.keep(past(attempt: attempt), of: key) }
    let pauses = (Clock.bootNanoseconds() - begun) / PastMemory.pause.nanoseconds
    #expect(writes.value.load(ordering: .relaxed) <= Int(pauses))
    memory.hurry()
    let before = try Files.read("\(scratch.path)/meta.db-wal", limit: 64 << 20)
    memory.keep(past(attempt: 9_999), of: key)
    memory.hurry()
    #expect(try Files.read("\(scratch.path)/meta.db-wal", limit: 64 << 20) == before)
  }

  @Test("a record that can't be read is none")
  func damaged() throws {
    try store.changePasts(put: [PodContent(namespace: "default", name: "web", content: Array("{\"version\":1,\"uid\"".utf8))], remove: [])
    #expect(try memory().past(of: key) == nil)
  }
}
