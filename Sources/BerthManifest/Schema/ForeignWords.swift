/// What people write who come from Kubernetes, Compose or Quadlet, and what it is called here. Words that are merely spelt differently
/// (`livenessProbe`) are `Suggestion`'s.
enum ForeignWords {
  private enum Meaning {
    /// The key, as it would be written in its table: `resources.memory`.
    case key(String)
    case advice(String)
  }

  /// What to do about the unknown key `word` of `keys`; nil for a word that nobody knows, and where `root` isn't a manifest's.
  static func help(for word: String, in keys: KeyTable, root: KeyTable) -> String? {
    guard root.title == ManifestSchema.pod.title else { return nil }
    switch meanings[word.lowercased().filter { $0 != "_" && $0 != "-" }] {
    case .advice(let words)?: return words
    case .key(let path)?:
      guard let first = path.split(separator: ".").first.map(String.init) else { return nil }
      if keys[first] != nil { return "write '\(path)'" }
      return root[first] != nil ? "write '\(path)', a key of the pod: above the first table" : nil
    case nil: return nil
    }
  }

  private static let meanings: [String: Meaning] = [
    // Around the pod.
    "apiversion": .advice("leave it out: every manifest is a pod"), "kind": .advice("leave it out: every manifest is a pod"),
    "version": .advice("leave it out: this is the language's version 1"),
    "metadata": topLevel, "spec": topLevel, "template": topLevel, "pod": topLevel,
    "services": .advice("write a manifest for each service, or a [[container]] each for those that share a pod"),
    "service": unit, "unit": unit, "install": unit,
    "replicas": .advice("leave it out: a manifest is one pod"),
    "secrets": volume, "configs": volume,
    // The pod.
    "networkmode": .key("network"), "hostnetwork": .advice("write network = \"host\""), "publishport": .key("ports"),
    "dnsconfig": .key("dns"), "extrahosts": .key("hosts"), "hostaliases": .key("hosts"),
    "stopgraceperiod": .key("termination_grace_period"),
    // A container.
    "containername": .key("name"), "entrypoint": .key("command"), "environment": .key("env"), "envfrom": .key("env_file"),
    "environmentfile": .key("env_file"), "expose": .key("ports"), "healthcheck": .key("liveness_probe"), "logging": .key("log"),
    "volumemounts": .key("mounts"), "volumes": .key("mounts"), "workdir": .key("working_dir"), "stdinopen": .key("stdin"),
    "runasuser": .key("user"), "securitycontext": .key("security"), "capadd": .key("security.capabilities.add"),
    "capdrop": .key("security.capabilities.drop"), "memlimit": .key("resources.memory"), "memory": .key("resources.memory"),
    "memorymax": .key("resources.memory"), "cpus": .key("resources.cpu"), "pidslimit": .key("resources.pids"),
    "limits": .advice("write what is in it directly below 'resources'"), "requests": .advice("leave it out: nothing is reserved"),
    "build": .advice("images aren't built here: name one that is, with 'image'"),
    "tmpfs": .advice("write a [[volume]] with empty_dir = { medium = \"memory\" }, and mount it"),
    // Ports, mounts and volumes.
    "containerport": .key("container"), "target": .key("container"), "hostport": .key("host"), "published": .key("host"),
    "mountpath": .key("path"), "persistentvolumeclaim": .key("persistent"), "configmap": .key("config"),
  ]

  private static let topLevel = Meaning.advice("write what is in it at the top of the file, containers as [[container]]")
  private static let unit = Meaning.advice("leave it out: Berth keeps the pod running, see 'restart_policy'")
  private static let volume = Meaning.advice("write a [[volume]] of that kind")

  /// Values that mean one of ours.
  static let values: [String: String] = [
    "unless-stopped": "always", "no": "never", "Missing": "if-not-present", "RollingUpdate": "start-first", "rolling": "start-first",
  ]
}
