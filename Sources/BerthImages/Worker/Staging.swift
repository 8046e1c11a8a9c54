import BerthCore
import BerthLinux
import BerthStore

/// What a pull has written and nobody may see yet: blobs that get their names once all of it, blobs and layers, is on stable storage,
/// by one call a file system instead of one a file. While layers are unpacked a thread has the disk write already, so that little is
/// left to wait for at the end.
final class Staging: Sendable {
  private let store: ContentStore
  /// Held open from the start: a write that fails later is told to the descriptors that were open then.
  private let places: [FileSystemPlace]
  private let ingests = Monitor<[Ingest]>([])
  private let writing = Monitor(Writing())
  private let hasWritten = Monitor(false)

  private struct Writing {
    var isStopped = true
    var thread: NativeThread?
  }

  private final class FileSystemPlace: Sendable {
    private let fd: FD
    /// Apart, since the one who is told of an error is told once.
    private let writer: FD
    let device: UInt64

    init(_ path: String) throws(Errno) {
      fd = try Files.open(path, ContentFlags.directory)
      writer = try Files.open(path, ContentFlags.directory)
      device = try fd.status().device
    }

    func sync() throws(Errno) { try TreeFiles.syncFileSystem(fd) }
    func write() { try? TreeFiles.syncFileSystem(writer) }
  }

  private static let pause: Duration = .milliseconds(100)

  init(_ store: ContentStore, _ paths: [String]) throws(BerthError) {
    self.store = store
    do throws(Errno) {
      var places: [FileSystemPlace] = []
      for path in paths {
        let place = try FileSystemPlace(path)
        if !places.contains(where: { $0.device == place.device }) { places.append(place) }
      }
      self.places = places
    } catch { throw BerthError(.unavailable, "open store", store.root, cause: "\(error)") }
  }

  /// nil: there is nothing to publish.
  func add(_ ingest: Ingest?) { if let ingest { ingests.with { $0.append(ingest) } } }

  /// Everything written so far to stable storage, then the blobs under their digests. Nothing waits for a disk if nothing was written.
  func publish() throws(BerthError) {
    stopWriting()
    let thread = writing.with { writing in
      defer { writing.thread = nil }
      return writing.thread
    }
    thread?.join()
    guard hasWritten.with({ $0 }) || ingests.with({ !$0.isEmpty }) else { return }
    do throws(Errno) { for place in places { try place.sync() } } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write content", store.root, cause: "\(error)")
    }
    try ingests.with { (ingests) throws(BerthError) in
      defer { ingests = [] }
      try store.publish(ingests)
    }
  }

  func startWriting() {
    hasWritten.with { $0 = true }
    writing.with { $0.isStopped = false }
    let thread = try? NativeThread.start { [self] in
      while writing.wait(atMost: Self.pause, { $0.isStopped ? () : nil }) == nil {
        for place in places { place.write() }
      }
    }
    writing.with { $0.thread = thread }
  }

  /// One that is just writing is left to it: who waits for the disk next waits for the same bytes.
  func stopWriting() { writing.with { $0.isStopped = true } }
}
