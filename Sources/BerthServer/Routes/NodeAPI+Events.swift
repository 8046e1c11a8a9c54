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

  func addHealthRoutes(_ router: inout Router) {
    router.on("GET", "/healthz") { _, _ throws(BerthError) in .text("ok\n") }
    router.on("GET", "/readyz") { _, _ throws(BerthError) in
      node.desired.warning.map { .text($0 + "\n", status: 503) } ?? .text("ok\n")
    }
    router.on("GET", "/v1/version") { _, _ throws(BerthError) in
      .json(["version": .string(info.version), "node": .string(info.nodeName), "manifests": .string(info.manifests)])
    }
    router.on("GET", "/metrics") { _, _ throws(BerthError) in .text(metrics()) }
  }

  /// Prometheus text format 0.0.4.
  private func metrics() -> String {
    let pods = node.statuses.all()
    var text = "# HELP berth_pods Pods by phase.\n# TYPE berth_pods gauge\n"
    for phase in [PodStatus.Phase.pending, .running, .succeeded, .failed, .unknown] {
      text += "berth_pods{phase=\"\(phase.rawValue)\"} \(pods.filter { $0.phase == phase }.count)\n"
    }
    text += "# HELP berth_container_restarts_total Restarts of a container in its pod's present incarnation.\n"
    text += "# TYPE berth_container_restarts_total counter\n"
    for pod in pods {
      for container in pod.containers {
        text +=
          "berth_container_restarts_total{namespace=\"\(pod.key.namespace)\",pod=\"\(pod.key.name)\",container=\"\(container.name)\"} \(container.restartCount)\n"
      }
    }
    return text
  }
}
