import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore

/// Takes one image to a registry. Source: OCI distribution-spec "Pushing blobs", "Pushing manifests". A blob that is there already, or
/// in another repository of the registry, isn't sent.
struct RegistryPush {
  let reference: RegistryReference
  let registry: Registry
  let store: ContentStore
  let mounts: [Digest: String]
  let chunk: Int64
  let channel: WorkerChannel

  private var scope: String { "repository:\(reference.repository):pull,push" }
  private var blobsPath: String { "/\(reference.repository)/blobs" }

  func run(_ digest: Digest) throws(BerthError) {
    guard let bytes = try store.read(digest, limit: ImageLimits.documentBytes) else { throw missing(digest) }
    let manifest: Manifest
    do throws(ImageFormatError) { manifest = try Manifest(parsing: bytes, mediaType: nil) } catch {
      throw BerthError(.dataLoss, "read manifest", digest.description, cause: error.description)
    }
    var blobs: [Descriptor] = []
    for blob in manifest.layers + [manifest.config] where !blobs.contains(where: { $0.digest == blob.digest }) { blobs.append(blob) }
    try channel.send(
      .resolved(WorkerMessage.Resolved(manifest: digest, layers: blobs.map { WorkerMessage.Layer(digest: $0.digest, size: $0.size) })))
    for blob in blobs {
      try push(blob)
      channel.report(.progress(layer: blob.digest, done: blob.size, total: blob.size))
    }
    var call = RegistryCall("PUT", "/\(reference.repository)/manifests/\(reference.tag ?? digest.description)", scope: scope)
    call.headers = ["Content-Type: \(manifest.mediaType)"]
    call.body = { () throws(BerthError) in HTTPRequest.Body(bytes) }
    call.accepted = [200, 201, 202]
    let answer = try registry.perform(call)
    if let there = answer.headers["docker-content-digest"]?.first, Digest(there) != digest {
      throw BerthError(.dataLoss, "push manifest", digest.description, cause: "the registry calls it \(Redaction.text(there))")
    }
  }

  private func missing(_ digest: Digest) -> BerthError {
    BerthError(.notFound, "read content", digest.description, cause: "it is not in the content store any more: pull the image again")
  }

  private func push(_ blob: Descriptor) throws(BerthError) {
    var head = RegistryCall("HEAD", "\(blobsPath)/\(blob.digest)", scope: scope)
    head.accepted = [200, 404]
    if try registry.perform(head).status == 200 { return }
    var tries: Int64 = 0
    while true {
      do throws(BerthError) { return try upload(blob) } catch {
        // What broke on the way is begun anew; a parts' upload has gone on by itself before.
        guard error.code.isRetryable, tries < registry.access.timeouts.retries else { throw error }
        Clock.pause(RetryPause.jittered(tries: tries, first: registry.access.timeouts.pause))
        tries += 1
      }
    }
  }

  private func upload(_ blob: Descriptor) throws(BerthError) {
    var begin = RegistryCall("POST", "\(blobsPath)/uploads/", scope: scope)
    if let from = mounts[blob.digest] {
      begin.path += "?mount=\(PercentEncoding.encode(blob.digest.description))&from=\(PercentEncoding.encode(from))"
      begin.scope += " repository:\(from):pull"
    }
    begin.body = { () throws(BerthError) in HTTPRequest.Body([]) }
    begin.accepted = [201, 202]
    begin.isRepeatable = false
    let begun = try registry.perform(begin)
    if begun.status == 201 { return }
    var location = try self.location(begun)
    if blob.size > chunk { location = try sendParts(of: blob, to: location) }
    var put = RegistryCall(
      "PUT", location + (location.contains("?") ? "&" : "?") + "digest=\(PercentEncoding.encode(blob.digest.description))", scope: scope)
    put.headers = ["Content-Type: application/octet-stream"]
    put.body = { [self] () throws(BerthError) in blob.size > chunk ? HTTPRequest.Body([]) : try body(blob, 0, blob.size) }
    put.accepted = [201, 204]
    put.isRepeatable = false
    _ = try registry.perform(put)
  }

  /// Where the upload goes on. On another host, it gets no credential; what is TLS stays TLS.
  private func location(_ answer: HTTPTransfer) throws(BerthError) -> String {
    guard let text = answer.headers["location"]?.first, let url = HTTPOrigin.resolve(text, from: answer.url),
      let origin = HTTPOrigin(url: url),
      origin.isSecure || (HTTPOrigin(url: answer.url)?.isSecure == false && registry.allowsPlain(origin.name))
    else { throw BerthError(.unavailable, "push blob", registry.text, cause: "the registry names no usable place for the upload") }
    return url
  }

  /// Part by part. After a break the registry is asked how far it has come.
  private func sendParts(of blob: Descriptor, to first: String) throws(BerthError) -> String {
    var location = first
    var at: Int64 = 0
    var breaks: Int64 = 0
    while at < blob.size {
      let end = min(at + chunk, blob.size)
      var call = RegistryCall("PATCH", location, scope: scope)
      call.headers = ["Content-Type: application/octet-stream", "Content-Range: \(at)-\(end - 1)"]
      call.body = { [self, at] () throws(BerthError) in try body(blob, at, end - at) }
      call.accepted = [202, 204]
      call.isRepeatable = false
      do throws(BerthError) {
        let answer = try registry.perform(call)
        location = try self.location(answer)
        at = end
      } catch {
        breaks += 1
        guard error.code.isRetryable, breaks <= registry.access.timeouts.retries else { throw error }
        Clock.pause(RetryPause.jittered(tries: breaks, first: registry.access.timeouts.pause))
        (at, location) = try progress(of: location, blob)
      }
    }
    return location
  }

  private func progress(of location: String, _ blob: Descriptor) throws(BerthError) -> (Int64, String) {
    var call = RegistryCall("GET", location, scope: scope)
    call.accepted = [204, 202, 200]
    let answer = try registry.perform(call)
    let last = answer.headers["range"]?.first?.split(separator: "-").last.flatMap { Int64($0) } ?? -1
    // "0-0" is how an empty upload is written, too: a part is never one byte long.
    guard last < blob.size else {
      throw BerthError(.dataLoss, "push blob", blob.digest.description, cause: "the registry has more of it than there is")
    }
    return (last <= 0 ? 0 : last + 1, answer.headers["location"] == nil ? location : try self.location(answer))
  }

  private func body(_ blob: Descriptor, _ offset: Int64, _ count: Int64) throws(BerthError) -> HTTPRequest.Body {
    guard let file = try store.open(blob.digest, size: blob.size) else { throw missing(blob.digest) }
    let source = CountingSource(FileSource(file, offset: offset, size: count)) { [channel] done in
      channel.report(.progress(layer: blob.digest, done: min(offset + done, blob.size), total: blob.size))
    }
    return HTTPRequest.Body(source, size: count)
  }
}

/// Tells how many bytes have passed, every few megabytes.
private final class CountingSource: ByteSource {
  private let source: any ByteSource
  private let tell: (Int64) -> Void
  private var done: Int64 = 0
  private var told: Int64 = 0

  init(_ source: any ByteSource, tell: @escaping (Int64) -> Void) {
    self.source = source
    self.tell = tell
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    let count = try source.read(into: buffer)
    done += Int64(count)
    if done - told >= 4 << 20 {
      told = done
      tell(done)
    }
    return count
  }
}
