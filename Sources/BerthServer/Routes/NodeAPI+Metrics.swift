import BerthCore
import BerthNode

extension NodeAPI {
  /// More containers than this are counted by phase but not one by one: a scrape stays bounded.
  private static let containersLimit = 2000

  /// Prometheus' text format. `isTrusted`: whoever asks may see everything; pods' labels are their owners' own words.
  func metrics(isTrusted: Bool) async -> String {
    let pods = node.statuses.all()
    var text = MetricsText()
    text.family("berth_build_info", .gauge, "1, with the daemon's version.", [.init(labels: [("version", info.version)], value: 1)])
    text.family(
      "berth_pods", .gauge, "Pods by phase.",
      [PodStatus.Phase.pending, .running, .succeeded, .failed, .unknown].map { phase in
        .init(labels: [("phase", phase.rawValue)], value: Double(pods.count { $0.phase == phase }))
      })
    text.family(
      "berth_pod_ready", .gauge, "1 for a pod that is ready.",
      pods.prefix(Self.containersLimit).map { .init(labels: labels($0), value: $0.ready ? 1 : 0) })
    if isTrusted {
      text.family(
        "berth_pod_labels", .gauge, "1, with the labels of a pod that has some.",
        pods.prefix(Self.containersLimit).filter { !$0.labels.isEmpty }.map {
          .init(labels: labels($0) + Self.metricLabels($0.labels), value: 1)
        })
    }
    text.family(
      "berth_pod_manifest_valid", .gauge, "0 for a pod whose manifest has an error; the last good one counts.",
      pods.prefix(Self.containersLimit).map { .init(labels: labels($0), value: $0.diagnostics.isEmpty ? 1 : 0) })
    text.family(
      "berth_events_total", .counter, "Events by reason since the daemon started.",
      node.events.counts().sorted { $0.key < $1.key }.map { .init(labels: [("reason", $0.key)], value: Double($0.value)) })
    for (name, help, histogram) in [
      ("berth_reconcile_seconds", "From a look at a pod to the end of what it led to.", node.telemetry.reconcile),
      (
        "berth_container_start_seconds", "From the order to start containers, side by side, until their programs run.", node.telemetry.start
      ),
      ("berth_probe_seconds", "From a probe's beginning to its answer, or to the end of its time.", node.telemetry.probe),
    ] { text.family(name, help, histogram.snapshot, bounds: histogram.bounds) }
    text.family(
      "berth_pull_bytes_total", .counter, "Bytes of layers fetched from registries since the daemon started.",
      [.init(value: Double(images.pulledBytes))])
    await addContainers(Array(pods.prefix(Self.containersLimit)), to: &text)
    return text.text
  }

  /// As kube-state-metrics names them: `label_` and what a name may have. Of two that come to one name, the first counts.
  static func metricLabels(_ labels: [String: String]) -> [(String, String)] {
    var seen: Set<String> = []
    return labels.sorted { $0.key < $1.key }.compactMap { key, value in
      let name = "label_" + String(decoding: key.utf8.map { isNamePart($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
      return seen.insert(name).inserted ? (name, value) : nil
    }
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
  }

  private func labels(_ pod: PodStatus) -> [(String, String)] { [("namespace", pod.key.namespace), ("pod", pod.key.name)] }

  private func addContainers(_ pods: [PodStatus], to text: inout MetricsText) async {
    var restarts: [MetricsText.Sample] = []
    var usage: [(labels: [(String, String)], usage: ContainerUsage)] = []
    for pod in pods {
      let control = try? await node.control(of: pod.key)
      for container in pod.initContainers + pod.containers {
        let labels = labels(pod) + [("container", container.name)]
        restarts.append(.init(labels: labels, value: Double(container.restartCount)))
        if container.pid != nil, let found = try? await control?.usage(container.name) { usage.append((labels, found)) }
      }
    }
    text.family("berth_container_restarts_total", .counter, "Restarts of a container in its pod's present incarnation.", restarts)
    let families: [(String, MetricsText.Kind, String, (ContainerUsage) -> Double?)] = [
      ("berth_container_cpu_usage_seconds_total", .counter, "CPU time of a container's processes.", { Double($0.cpuMicroseconds) / 1e6 }),
      ("berth_container_memory_bytes", .gauge, "Memory charged to a container's cgroup.", { Double($0.memoryBytes) }),
      ("berth_container_memory_limit_bytes", .gauge, "Its limit, where it has one.", { $0.memoryLimitBytes.map(Double.init) }),
      ("berth_container_pids", .gauge, "Processes and threads.", { Double($0.pids) }),
      ("berth_container_oom_kills_total", .counter, "Processes killed for want of memory.", { Double($0.oomKills) }),
      ("berth_container_cpu_throttled_periods_total", .counter, "Periods in which it had to wait.", { Double($0.throttledPeriods) }),
    ]
    for (name, kind, help, value) in families {
      text.family(name, kind, help, usage.compactMap { entry in value(entry.usage).map { .init(labels: entry.labels, value: $0) } })
    }
    addPressure(usage, to: &text)
  }

  /// Where the kernel tells: cgroup v2 with PSI.
  private func addPressure(_ usage: [(labels: [(String, String)], usage: ContainerUsage)], to text: inout MetricsText) {
    let families: [(String, String, (ResourcePressure) -> UInt64)] = [
      ("berth_container_pressure_waiting_seconds_total", "Time in which one process or more waited for a resource.", \.someMicroseconds),
      ("berth_container_pressure_stalled_seconds_total", "Time in which all processes waited for it at once.", \.fullMicroseconds),
    ]
    for (name, help, value) in families {
      let samples = usage.flatMap { entry in
        [("cpu", entry.usage.cpuPressure), ("io", entry.usage.ioPressure), ("memory", entry.usage.memoryPressure)].compactMap {
          (resource, pressure) in
          pressure.map { MetricsText.Sample(labels: entry.labels + [("resource", resource)], value: Double(value($0)) / 1e6) }
        }
      }
      text.family(name, .counter, help, samples)
    }
  }
}
