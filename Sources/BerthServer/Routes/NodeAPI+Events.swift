import BerthCore
import BerthNode

extension NodeAPI {
  func addEventRoutes(_ router: inout Router) {
    router.on("GET", "/v1/events") { request, _ throws(BerthError) in
      guard request.flag("follow") else {
        return APIResponse(
          status: 200,
          body: .lines(
            AsyncStream { stream in
              for event in node.events.recent() { stream.yield(event.json) }
              stream.finish()
            }))
      }
      let (past, coming) = node.events.follow()
      // A client that doesn't read loses the oldest, not the daemon its memory.
      let (lines, output) = AsyncStream<JSON>.makeStream(bufferingPolicy: .bufferingNewest(8192))
      let pump = Task {
        for event in past { output.yield(event.json) }
        for await event in coming { output.yield(event.json) }
        output.finish()
      }
      output.onTermination = { _ in pump.cancel() }
      return APIResponse(status: 200, body: .lines(lines))
    }
  }

  func addMetricsRoutes(_ router: inout Router) {
    router.on("GET", "/metrics") { _, _ throws(BerthError) in .text(await metrics()) }
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
