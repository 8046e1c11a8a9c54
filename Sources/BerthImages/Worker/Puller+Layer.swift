import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

extension Puller {
  /// One pass over the layer's bytes: fetch, verify, store, uncompress, verify, unpack. Nothing is written twice and nothing read again.
  /// A layer that is in the store is taken from there; if it turns out damaged, it is removed and fetched again.
  func fetchAndUnpack(_ task: LayerTask) throws(BerthError) -> LayerUnpacker.Result {
    let descriptor = task.descriptor
    if let stored = try store.open(descriptor.digest, size: descriptor.size) {
      do throws(BerthError) { return try unpack(task, from: FileSource(stored), ingest: nil) } catch {
        guard error.operation == "verify content" else { throw error.of("unpack layer", descriptor.digest.description) }
        try store.remove(descriptor.digest)
      }
    }
    while true {
      do throws(BerthError) {
        return try unpack(task, from: try source.open(descriptor), ingest: try store.ingest())
      } catch {
        guard error.operation == "verify content" else { throw error.of("unpack layer", descriptor.digest.description) }
        // Wrong bytes are one place's fault: another may have the right ones.
        guard source.reject(descriptor, because: error) else { throw error }
      }
    }
  }

  private func unpack(
    _ task: LayerTask, from bytes: any ByteSource, ingest: Ingest?
  ) throws(BerthError) -> LayerUnpacker.Result {
    let descriptor = task.descriptor
    let channel = channel
    let blob = VerifyingSource(bytes, descriptor, ingest: ingest) { done in
      channel.report(.progress(layer: descriptor.digest, done: done, total: descriptor.size))
    }
    let result: LayerUnpacker.Result
    let diff: Digest
    do throws(BerthError) { (result, diff) = try read(task, blob) } catch {
      // Bytes that aren't what was announced explain whatever they led to.
      if error.code == .dataLoss || error.code == .invalidArgument { try blob.drainAndVerify() }
      throw error
    }
    let ingest = try blob.finish()
    guard diff == task.diff else {
      throw BerthError(
        .dataLoss, "unpack layer", descriptor.digest.description, cause: "digest mismatch: expected diff ID \(task.diff), got \(diff)")
    }
    staging.add(ingest)
    return result
  }

  /// What was unpacked, and the digest of the plain bytes. A blob of a layer that is unpacked already is held to its diff ID too: it would
  /// be unpacked if that layer went, and is what a push or an export hands on.
  private func read(_ task: LayerTask, _ blob: VerifyingSource) throws(BerthError) -> (LayerUnpacker.Result, Digest) {
    guard let id = task.id else {
      let hashing = HashingSource(try Compression.open(blob))
      try hashing.drain()
      return (LayerUnpacker.Result(), hashing.finish())
    }
    let unpacker = LayerUnpacker(root: try makeDirectory(id), marks: marks)
    return try task.hasStages ? unpackInStages(blob, unpacker) : unpack(try Compression.open(blob), unpacker)
  }

  /// What was unpacked, and the digest of the plain bytes.
  private func unpack(_ plain: any ByteSource, _ unpacker: LayerUnpacker) throws(BerthError) -> (LayerUnpacker.Result, Digest) {
    let hashing = HashingSource(plain)
    let result = try unpacker.unpack(TarReader(hashing))
    try hashing.drain()
    return (result, hashing.finish())
  }

  /// Fetching and storing in a thread of its own, uncompressing and the digest of what comes of it in another, so that this one makes files
  /// all the time. `pipe` has ended them when it returns or throws.
  private func unpackInStages(_ blob: VerifyingSource, _ unpacker: LayerUnpacker) throws(BerthError) -> (LayerUnpacker.Result, Digest) {
    try ThreadedSource.pipe(blob) { (fetched) throws(BerthError) in
      let hashing = HashingSource(try Compression.open(fetched))
      let result = try ThreadedSource.pipe(hashing) { (plain) throws(BerthError) in
        let result = try unpacker.unpack(TarReader(plain))
        try plain.drain()
        return result
      }
      try fetched.drain()
      return (result, hashing.finish())
    }
  }

  /// An empty directory for one layer, in place of what an earlier try may have left.
  private func makeDirectory(_ id: Int64) throws(BerthError) -> FD {
    guard let name = PathBytes("\(id)".utf8) else { throw WorkerProtocol.malformed("a directory has no name") }
    do throws(Errno) {
      let layers = try Files.open(layersPath, ContentFlags.directory)
      try TreeFiles.removeTree(layers, name)
      try TreeFiles.makeDirectory(layers, name, mode: 0o755)
      return try TreeFiles.openDirectory(layers, name)
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "make layer", "\(layersPath)/\(id)", cause: "\(error)")
    }
  }
}

extension VerifyingSource {
  /// Throws if the blob isn't what its descriptor says; publishes nothing.
  fileprivate func drainAndVerify() throws(BerthError) {
    try drain()
    try verify()
  }
}
