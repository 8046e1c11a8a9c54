import BerthCore
import BerthNode
import BerthPods
import Synchronization

extension NodeAPI {
  /// Files of running containers, as tar streams.
  func addFileRoutes(_ router: inout Router) {
    router.on("GET", "/v1/pods/{namespace}/{name}/files") { request, parameters throws(BerthError) in
      let key = try key(parameters)
      let copy = try await begin(request, key, .out(follow: request.flag("follow")))
      // The first piece now: what can't be copied at all is told as an error like any other.
      let first = try await copying { () throws(BerthError) in try copy.read() }
      let next = FirstThen(first)
      return APIResponse(
        status: 200,
        body: .stream { () throws(BerthError) in
          if let first = next.take() { return first }
          do throws(BerthError) { return try await copying { () throws(BerthError) in try copy.read() } } catch {
            node.events.record("CopyFailed", "\(error)", pod: key)
            throw error
          }
        })
    }
    router.onUpload("PUT", "/v1/pods/{namespace}/{name}/files") { request, parameters throws(BerthError) in
      let copy = try await begin(request, try key(parameters), .into(preserve: request.flag("preserve")))
      return APIResponse(
        status: 200,
        body: .upload(
          UploadSink(
            write: { piece in (try? await copying { () throws(BerthError) in copy.write(piece) }) ?? false },
            end: { _ in
              // Of a stream that broke off the worker takes back what it had begun.
              do throws(BerthError) {
                try await copying { () throws(BerthError) in try copy.finish() }
                return .json([:])
              } catch { return .error(error) }
            })))
    }
  }

  /// Container and path are those of the query.
  private func begin(
    _ request: APIRequest, _ key: PodKey, _ direction: ContainerCopy.Direction
  ) async throws(BerthError) -> ContainerCopy {
    guard let path = request.query["path"] else { throw BerthError(.invalidArgument, "copy files", "path", cause: "is missing") }
    let copy = try await node.copy(key, request.query["container"], path, direction)
    try await copying { () throws(BerthError) in try copy.start() }
    return copy
  }

  /// On threads of its own: a copy waits for its client, for disks and for the container.
  private func copying<Value: Sendable>(_ body: @escaping @Sendable () throws(BerthError) -> Value) async throws(BerthError) -> Value {
    try await blocking(on: copyPool, body)
  }
}

/// A value that is taken once.
private final class FirstThen: Sendable {
  private let first: Mutex<[UInt8]?>
  init(_ first: [UInt8]?) { self.first = Mutex(first) }
  func take() -> [UInt8]? {
    first.withLock { first in
      defer { first = nil }
      return first
    }
  }
}
