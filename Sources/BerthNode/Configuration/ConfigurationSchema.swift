import BerthImages
import BerthManifest

/// Every key of config.toml: what the file is checked by and what its default text is made from. Default texts are TOML; a key without one
/// is printed commented out, with its example.
enum ConfigurationSchema {
  static let root = KeyTable(
    "the top level",
    [
      .key("version", .integer(1...1), "the version of this file's format"),
      .key("root", .text(.nodePath), "what survives a reboot: images, snapshots, records, volumes"),
      .key("state", .text(.nodePath), "what a reboot may lose: sockets and bundles of running pods"),
      .key("node", .table(node), "the machine"),
      .key("manifests", .table(manifests), "the watched directory"),
      .key("api", .table(api), "the unix socket that berth talks to"),
      .key("runtime", .table(runtime), "how containers are run"),
      .key("images", .table(images), "how images are fetched"),
      .key("registry", .table(registry), "where images come from"),
      .key("logs", .table(logs), "what containers print"),
      .key("network", .table(network), "pod networks"),
      .key("snapshots", .table(snapshots), "containers' file systems"),
      .key("metrics", .table(metrics), "metrics over TCP, beside the API's socket"),
    ])

  static let node = KeyTable(
    "[node]",
    [
      .key("name", .text(.hostname), "the node's name; without it, the host name"),
      .key("labels", .map(key: .line, value: .text(.any)), "what a manifest's node_selector is held against"),
    ])

  static let manifests = KeyTable(
    "[manifests]",
    [
      .key("path", .text(.nodePath), "every *.toml below it is a pod"),
      .key("mode", .choice(["auto", "manual"]), "\"auto\" follows the directory at once; \"manual\" waits for berth apply --plan ID"),
      .key("owner", .integer(0...4_294_967_294), "user id that may own the directory and its files beside root"),
      .key("resync_interval", .duration, "between two rescans that no event asked for; at least 1s"),
      .key("removal_delay", .duration, "how long a file must be gone before its pod is stopped"),
      .key("prune_guard", .table(pruneGuard), "hold a removal of so many pods at once, if it is more than this share of all"),
    ])

  static let pruneGuard = KeyTable(
    "[manifests.prune_guard]",
    [
      .key("pods", .integer(1...1_000_000), "so many pods or more"),
      .key("percent", .integer(0...100), "and more than this share of all"),
    ])

  static let api = KeyTable(
    "[api]",
    [
      .key("address", .text(.nodePath), "the socket's path"),
      .key("gid", .integer(0...4_294_967_294), "group id that may use the socket, which is as good as root; without it, root alone"),
    ])

  static let runtime = KeyTable(
    "[runtime]",
    [
      .key("cgroup_parent", .text(.containerPath), "above the cgroups of all pods"),
      .key("seccomp_profile", .text(.nodePath), "a profile in Docker's JSON format instead of the built-in default"),
    ])

  static let images = KeyTable(
    "[images]",
    [
      .key("max_concurrent_downloads", .integer(1...32), "pulls at a time that get on, or from one registry; docs/config.md says more"),
      .key("gc", .table(gc), "when the disk is that full, unused images go until it isn't; high_percent = 100 never removes any"),
      .key("bundles", .text(.nodePath), "a directory whose image archives are imported and pinned, for nodes without a network"),
    ])

  static let gc = KeyTable(
    "[images.gc]",
    [
      .key("high_percent", .integer(1...100), "from so much of the disk in use on"),
      .key("low_percent", .integer(0...99), "until no more is in use"),
      .key("minimum_age", .duration, "images that came later than this ago stay"),
    ])

  static let registry = KeyTable(
    "[registry]",
    [
      .key("insecure", .list(.text(.registry)), "registries (\"host:port\") spoken to over plain HTTP; loopback ones always may be"),
      .key("config_path", .text(.nodePath), "a directory of directories with hosts.toml, as containerd has it; need not exist"),
      .key(
        "mirrors", .map(key: .mirrored, value: .table(mirror)),
        "places tried before the registry itself, where config_path has nothing for it; \"*\" is any registry"),
      .key(
        "auth_file", .text(.nodePath),
        "a Docker config.json with credentials or the names of their helpers; need not exist"),
      .key(
        "policy", .map(key: .imageScope, value: .table(policy)),
        "images that must be signed: by \"host\", \"host/repository\" or the beginning of one, or \"*\""),
      .key("verifier_dir", .text(.nodePath), "programs that are asked about every image, as containerd's bindir verifiers"),
      .key("verifier_timeout", .duration, "of each verifier"),
      .key("max_verifiers", .integer(1...1000), "more in the directory is an error"),
      .key(
        "auth", .map(key: .registry, value: .table(credential)),
        "credentials by registry (\"host\" or \"host:port\"); they go to it and its token service, nowhere else"),
    ])

  private static let policy = KeyTable(
    "[registry.policy.\"host/repository\"]",
    [
      .key("keys", .list(.text(.nodePath)), "PEM files with cosign public keys (ECDSA P-256, Ed25519); a signature by one is enough"),
      .key("archives", .boolean, "whether archives may give such names: who imports is trusted, since signatures can't be looked up there"),
    ])

  private static let mirror = KeyTable(
    "[registry.mirrors.\"host\"]", [.key("endpoint", .list(.text(.line)), "URLs, in the order they are tried")])

  private static let credential = KeyTable(
    "[registry.auth.\"host\"]",
    [.key("username", .text(.line), "the user"), .key("password", .text(.line), "the password or token")])

  static let logs = KeyTable("[logs]", [.key("path", .text(.nodePath), "where it is kept; without it, logs under the root")])

  private static let network = KeyTable(
    "[network]",
    [
      .key("default", .text(.line), "the network of pods that name none: \"bridge\", \"host\", \"none\" or a CNI network"),
      .key(
        "subnets", .list(.text(.subnet)),
        "of the network \"bridge\": one IPv4, one IPv6 or both; without it, chosen beside the node's routes"),
      .key("config_dir", .text(.nodePath), "CNI networks: *.conflist, *.conf, *.json"),
      .key("plugin_dirs", .list(.text(.nodePath)), "where CNI plugins are looked for, in this order"),
      .key("plugin_timeout", .duration, "how long one call of a CNI plugin may take before it is killed; at least 1s"),
    ])

  private static let snapshots = KeyTable(
    "[snapshots]",
    [
      .key(
        "snapshotter", .choice(Snapshotter.Choice.allCases.map(\.rawValue)),
        "\"overlay\" shares images' files, \"copy\" copies them for every container; \"auto\" copies where overlayfs can't be written")
    ])

  private static let metrics = KeyTable(
    "[metrics]",
    [
      .key("address", .text(.line), "where /metrics, /healthz and /readyz are served: a loopback address with a port; without it, nowhere")
    ])
}
