import BerthCore
import BerthNode
import Synchronization

extension NodeAPI {
  func addEventRoutes(_ router: inout Router) {
    router.on("GET", "/v1/events") { request, _ throws(BerthError) in
      guard request.flag("follow") else {
        return APIResponse(
          status: 200,
          body: .lines(EventLines(node.events, coming: nil).stream))
      }
      return APIResponse(status: 200, body: .lines(EventLines(node.events, coming: node.events.follow().coming).stream))
    }
  }

  /// `isTrusted`: only root and its group can ask.
  func addMetricsRoutes(_ router: inout Router, isTrusted: Bool) {
    router.on("GET", "/metrics") { _, _ throws(BerthError) in .text(await metrics(isTrusted: isTrusted)) }
    router.on("GET", "/healthz") { _, _ throws(BerthError) in .text("ok\n") }
    router.on("GET", "/readyz") { _, _ throws(BerthError) in
      node.desired.warning.map { .text($0 + "\n", status: 503) } ?? .text("ok\n")
    }
  }

  func addHealthRoutes(_ router: inout Router) {
    router.on("GET", "/v1/version") { _, _ throws(BerthError) in
      .json([
        "version": .string(info.version), "node": .string(info.nodeName), "manifests": .string(info.manifests),
        "snapshotter": ["kind": .string(info.snapshotter.kind.rawValue), "reason": .optional(info.snapshotter.reason)],
      ])
    }
  }
}

/// What the log has, then what comes, one line at a time and only as the client reads: one that doesn't holds up a place in the log, no
/// copies of it, and loses the oldest.
final class EventLines: Sendable {
  private static let batch = 64

  private let log: EventLog
  private let coming: AsyncStream<NodeEvent>?
  /// Those that were read from the log and not sent yet, the next one last; and the last one's number.
  private let place = Mutex<(read: [NodeEvent], last: Int64)>(([], 0))

  /// nil: up to now.
  init(_ log: EventLog, coming: AsyncStream<NodeEvent>?) {
    self.log = log
    self.coming = coming
  }

  var stream: AsyncStream<JSON> { AsyncStream { await self.next()?.json } }

  private func next() async -> NodeEvent? {
    if let event = past() { return event }
    guard let coming else { return nil }
    for await event in coming where take(event) { return event }
    return nil
  }

  private func past() -> NodeEvent? {
    place.withLock { place in
      if place.read.isEmpty {
        place.read = log.events(after: place.last, atMost: Self.batch).reversed()
        place.last = place.read.first?.sequence ?? place.last
      }
      return place.read.popLast()
    }
  }

  /// False for one that the log has given already.
  private func take(_ event: NodeEvent) -> Bool {
    place.withLock { place in
      guard event.sequence > place.last else { return false }
      place.last = event.sequence
      return true
    }
  }
}
