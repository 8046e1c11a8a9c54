/// Every key of the manifest language, version 1. The decoder checks files by it, and the reference can be printed from it.
public enum ManifestSchema {
  public static let pod = KeyTable("the pod", podKeys)

  static let positive: ClosedRange<Int64> = 1...Int64.max
  static let groupRange: ClosedRange<Int64> = 0...Int64(UserText.highest)

  private static let podKeys: [KeyTable.Key] = [
    .key("name", .text(.label), default: "the file's stem", "identity, together with namespace"),
    .key("namespace", .text(.label), default: "\"default\"", "isolates names, images and containers"),
    .key("labels", .map(key: .line, value: .text(.any)), default: "{}", "carried to status, events and metrics"),
    .key("annotations", .map(key: .line, value: .text(.any)), default: "{}", "carried to status and events"),
    .key("restart_policy", .choice(RestartPolicy.allCases.map(\.rawValue)), default: "\"always\"", "what happens when a container ends"),
    .key("restart_backoff", .table(restartBackoff), "the first restart is immediate, then initial, doubling up to max"),
    .key("termination_grace_period", .duration, default: "\"30s\"", "from the stop signal to SIGKILL"),
    .key("network", network, default: "\"bridge\"", "the pod's networks"),
    .key("hostname", .text(.hostname), default: "the pod's name", "the pod's host name"),
    .key("dns", .table(dns), "instead of the node's resolv.conf"),
    .key("hosts", .map(key: .address, value: .list(.text(.hostname))), default: "{}", "extra lines of /etc/hosts: address to names"),
    .key(
      "sysctls", .map(key: .line, value: .either([.text(.line), .integer(.min ... .max)])), default: "{}",
      "kernel settings of the pod's own namespaces"),
    .key("resources", .table(resources(isContainer: false)), "limits of the whole pod"),
    .key("shm_size", .size(minimum: 4096), default: "\"64MiB\"", "size of the /dev/shm that the pod's containers share"),
    .key("host_pid", .boolean, default: "false", "share the node's process ids"),
    .key("share_process_namespace", .boolean, default: "false", "the pod's containers share one set of process ids"),
    .key("host_ipc", .boolean, default: "false", "share the node's System V IPC, message queues and /dev/shm"),
    .key("fs_group", .integer(groupRange), "group of the pod's volumes, and of every container"),
    .key("supplemental_groups", .list(.integer(groupRange)), default: "[]", "extra groups of every container"),
    .key("node_selector", .map(key: .line, value: .text(.any)), default: "{}", "run only where the node's labels match"),
    .key("active_deadline", .duration, "from the pod's start; after it the pod fails with DeadlineExceeded"),
    .key("depends_on", .list(.either([.text(.podName), .table(dependency)])), default: "[]", "pods to wait for at every start"),
    .key("ttl_after_finished", .duration, "a finished pod's containers and logs are removed after it"),
    .key("schedule", .text(.cron), "a cron expression: makes the pod a job that runs at those times"),
    .key("time_zone", .text(.timeZone), default: "the node's", "whose clocks schedule goes by: \"Europe/Berlin\""),
    .key(
      "concurrency_policy", .choice(["allow", "forbid", "replace"]), default: "\"forbid\"", "when a run is due and the last one goes on"),
    .key("starting_deadline", .duration, "how late a run may be begun"),
    .key("suspend", .boolean, default: "false", "keep the manifest, run nothing"),
    .key(
      "user_namespace", .either([.choice(["none", "auto"]), .table(userNamespace)]), default: "\"none\"", "a range of ids of its own"),
    .key("on_drift", .choice(DriftPolicy.allCases.map(\.rawValue)), default: "\"repair\"", "what to do about changes by hand"),
    .key("update", .table(update), "health-gated updates"),
    .key("container", .list(.table(container(isInit: false))), "the pod's containers, at least one"),
    .key("init_container", .list(.table(container(isInit: true))), default: "[]", "run in order to completion before the containers"),
    .key("volume", .list(.table(volume)), default: "[]", "what containers mount"),
  ]

  static let restartBackoff = KeyTable(
    "[restart_backoff]",
    [
      .key("initial", .duration, default: "\"10s\"", "before the second restart"),
      .key("max", .duration, default: "\"5m\"", "the longest pause"),
      .key("reset_after", .duration, default: "\"10m\"", "a run of this length starts the sequence over"),
    ])

  static let network = KeyType.either([
    .text(.line), .table(attachment), .list(.either([.text(.line), .table(attachment)])),
  ])

  private static let attachment = KeyTable(
    "network",
    [
      .key("name", .text(.line), default: "\"bridge\"", "the network"),
      .key("ip", .either([.text(.address), .list(.text(.address))]), "a fixed address, or one of each family"),
      .key("mac", .text(.mac), "a fixed hardware address"),
      .key("bandwidth", .table(bandwidth), "limits"),
    ])

  private static let bandwidth = KeyTable(
    "bandwidth",
    [
      .key("ingress", .size(minimum: 1024), "into the pod, in bytes a second"),
      .key("egress", .size(minimum: 1024), "out of the pod, in bytes a second"),
    ])

  static let dns = KeyTable(
    "[dns]",
    [
      .key("servers", .list(.text(.address)), default: "[]", "name servers"),
      .key("searches", .list(.text(.hostname)), default: "[]", "search domains"),
      .key("options", .list(.text(.resolverOption)), default: "[]", "resolver options such as \"ndots:2\""),
    ])

  private static let userNamespace = KeyTable(
    "[user_namespace]",
    [
      .key("uid_map", .list(.table(idRange)), "user ids"),
      .key("gid_map", .list(.table(idRange)), "group ids; as uid_map where it is left out"),
    ])

  private static let idRange = KeyTable(
    "id range",
    [
      .key("container", .integer(0...Int64(UInt32.max) - 1), "the first id in the pod"),
      .key("host", .integer(0...Int64(UInt32.max) - 1), "what it is on the node"),
      .key("size", .integer(1...Int64(UInt32.max)), "how many there are"),
    ])

  private static let dependency = KeyTable(
    "depends_on",
    [
      .key("pod", .text(.podName), "the pod, \"namespace/name\" for one of another namespace"),
      .key("condition", .choice(DependencySpec.Condition.allCases.map(\.rawValue)), default: "\"ready\"", "what to wait for"),
    ])

  private static let update = KeyTable(
    "[update]",
    [
      .key(
        "strategy", .choice(["recreate", "start-first"]), default: "\"recreate\"", "what comes first: the old pod's end or the new one"),
      .key("progress_deadline", .duration, default: "\"5m\"", "how long a new spec may take to become ready"),
      .key("rollback", .boolean, default: "true", "return to the last good spec and its image digests when it doesn't"),
    ])

  static func resources(isContainer: Bool) -> KeyTable {
    KeyTable(
      isContainer ? "[container.resources]" : "[resources]",
      [
        .key("cpu", .cpu, "most CPU time, in cores"),
        .key("memory", .size(minimum: 4096), "most memory"),
        .key("memory_swap", .size(minimum: 0), "most swap on top of memory"),
        .key("pids", .integer(positive), default: isContainer ? "4096" : nil, "most processes and threads"),
        .key("cpu_weight", .integer(1...10_000), "share of CPU time when it is short; 100 is the usual weight"),
        .key("cpuset_cpus", .text(.cpuset), "the CPUs it may run on: \"0-3,6\""),
        .key("io_weight", .integer(1...10_000), "share of disk time when it is short; 100 is the usual weight"),
        .key("hugepages", .map(key: .pageSize, value: .size(minimum: 0)), default: "{}", "most huge pages, by page size"),
      ])
  }
}
