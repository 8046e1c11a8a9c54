extension ManifestSchema {
  static func container(isInit: Bool) -> KeyTable {
    KeyTable(
      isInit ? "[[init_container]]" : "[[container]]", containerKeys + lifecycleKeys + (isInit ? [sidecar] : []))
  }

  private static let containerKeys: [KeyTable.Key] = [
    .key("name", .text(.label), default: "the pod's name, if it is the only container", "the container's name in its pod"),
    .key("image", .text(.image), "a reference, or oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE[:TAG], rootfs:DIR"),
    .key(
      "image_pull_policy", .choice(ImagePullPolicy.allCases.map(\.rawValue)),
      default: "\"always\" for :latest or no tag, else \"if-not-present\"", "when to ask the registry"),
    .key("command", .list(.text(.any)), default: "the image's ENTRYPOINT", "the program; drops the image's CMD too"),
    .key("args", .list(.text(.any)), default: "the image's CMD", "the program's arguments"),
    .key("working_dir", .text(.containerPath), default: "the image's", "where the program starts"),
    .key("user", .text(.user), default: "the image's", "\"uid\", \"uid:gid\" or names in the image"),
    .key("stop_signal", .text(.signal), default: "the image's, else \"SIGTERM\"", "asks the program to end"),
    .key("env", .map(key: .environmentName, value: .either([.text(.any), .table(environmentSource)])), default: "{}", "variables"),
    .key("env_file", .list(.text(.nodePath)), default: "[]", "files of variables, which env overrides"),
    .key("ports", .list(.either([.text(.port), .table(port)])), default: "[]", "ports that the container serves"),
    .key("mounts", .list(.either([.text(.mount), .table(mount)])), default: "[]", "volumes in the container"),
    .key("devices", .list(.either([.text(.device), .table(device)])), default: "[]", "devices of the node"),
    .key("resources", .table(resources(isContainer: true)), "limits"),
    .key("security", .table(security), "confinement"),
    .key("rlimits", .map(key: .rlimit, value: .either([rlimitValue, unlimited, .table(rlimit)])), default: "{}", "limits of a process"),
    .key("tty", .boolean, default: "false", "a terminal"),
    .key("stdin", .boolean, default: "false", "an open standard input"),
    .key("init", .boolean, default: "false", "a tiny process 1 that reaps orphans and passes signals on"),
    .key("log", .table(log), "rotation of the container's log"),
  ]

  private static let sidecar = KeyTable.Key.key(
    "restart_policy", .choice(["always"]),
    "makes it a sidecar: it starts in its place in the order, goes on beside the containers and ends last")

  private static let environmentSource = KeyTable(
    "env",
    [
      .key("secret", .text(.secretFile), "\"VOLUME/FILE\": a file of a secret volume"),
      .key("file", .text(.nodePath), "a file's content"),
      .key("field", .choice(EnvField.allCases.map(\.rawValue)), "something about the pod"),
    ])

  private static let port = KeyTable(
    "[[container.ports]]",
    [
      .key("container", .integer(1...65535), "the port in the container"),
      .key("host", .integer(1...65535), "the port on the node"),
      .key("host_ip", .text(.address), default: "all addresses", "the node's address"),
      .key("protocol", .choice(PortSpec.TransportProtocol.allCases.map(\.rawValue)), default: "\"tcp\"", "the transport"),
      .key("name", .text(.label), "for people"),
    ])

  private static let mount = KeyTable(
    "[[container.mounts]]",
    [
      .key("volume", .text(.label), "a [[volume]] of this pod"),
      .key("path", .text(.containerPath), "where the container sees it"),
      .key("read_only", .boolean, default: "false", "no writing"),
      .key("sub_path", .text(.volumePath), "a path inside the volume"),
      .key("propagation", .choice(MountSpec.Propagation.allCases.map(\.rawValue)), default: "\"private\"", "of mounts made later"),
    ])

  private static let security = KeyTable(
    "[container.security]",
    [
      .key("privileged", .boolean, default: "false", "no confinement at all"),
      .key("read_only_root_filesystem", .boolean, default: "false", "no writing but in volumes"),
      .key("run_as_non_root", .boolean, default: "false", "refuse to start as user id 0"),
      .key("no_new_privileges", .boolean, default: "true", "setuid programs gain nothing"),
      .key("capabilities", .table(capabilities), "on top of the default 14"),
      .key("seccomp", .text(.seccomp), default: "\"default\"", "\"default\", \"unconfined\" or a profile's path"),
      .key("apparmor", .text(.line), default: "the node's", "an AppArmor profile that is loaded on the node, or \"unconfined\""),
      .key("masked_paths", .list(.text(.containerPath)), default: "the usual ones below /proc and /sys", "hidden from the container"),
      .key("readonly_paths", .list(.text(.containerPath)), default: "the usual ones below /proc", "not writable in the container"),
    ])

  private static let capabilities = KeyTable(
    "[container.security.capabilities]",
    [
      .key("add", .list(.text(.capability)), default: "[]", "names with or without CAP_, or ALL"),
      .key("drop", .list(.text(.capability)), default: "[]", "names with or without CAP_, or ALL"),
    ])

  private static let rlimitValue = KeyType.integer(0...Int64.max)
  private static let unlimited = KeyType.choice(["unlimited"])

  private static let rlimit = KeyTable(
    "[container.rlimits]",
    [
      .key("soft", .either([rlimitValue, unlimited]), "in force until the process changes it"),
      .key("hard", .either([rlimitValue, unlimited]), "the most it may change it to"),
    ])

  private static let log = KeyTable(
    "[container.log]",
    [
      .key("max_size", .size(minimum: 4096), default: "\"10MiB\"", "a file is rotated at this size"),
      .key("max_files", .integer(1...1000), default: "5", "how many are kept"),
    ])

  private static let device = KeyTable(
    "[[container.devices]]",
    [
      .key("host", .text(.devicePath), "a device below the node's /dev, or a directory of some"),
      .key("container", .text(.devicePath), default: "as host", "where the container sees it, below /dev"),
      .key("permissions", .text(.devicePermissions), default: "\"rwm\"", "of r, w and m: read, write, make nodes"),
    ])
}
