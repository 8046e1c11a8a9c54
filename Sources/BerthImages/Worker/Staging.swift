import BerthCore
import BerthLinux
import BerthStore

/// The blobs that a pull has written and nobody may see yet: they get their names together, once all of them are on stable storage.
/// Unpacked layers aren't waited for: should the power go before they are there, they are unpacked again from these blobs.
final class Staging: Sendable {
  private let store: ContentStore
  private let ingests = Monitor<[Ingest]>([])

  init(_ store: ContentStore) { self.store = store }

  /// nil: there is nothing to publish.
  func add(_ ingest: Ingest?) { if let ingest { ingests.with { $0.append(ingest) } } }

  /// Waits for the disk, next to nothing if all blobs were here before.
  func publish() throws(BerthError) {
    try ingests.with { (ingests) throws(BerthError) in
      defer { ingests = [] }
      try store.publish(ingests)
    }
  }
}
