import BerthCore

/// The manifest of a container that is made by hand, from the words of a command line. Pure text: the daemon checks it like any other.
public struct HandMadeManifest: Sendable {
  public var namespace: String
  public var name: String
  public var image: String
  /// Replaces entrypoint and command of the image, as containerd's clients do; empty: the image's.
  public var command: [String] = []
  public var environment: [String: String] = [:]
  public var environmentFiles: [String] = []
  public var labels: [String: String] = [:]
  public var mounts: [Mount] = []
  public var devices: [String] = []
  public var capabilities: (add: [String], drop: [String]) = ([], [])
  public var network = "none"
  public var hostname: String?
  public var workingDirectory: String?
  public var user: String?
  /// As a manifest has them: `"64MiB"`, `0.5`.
  public var memory: String?
  public var cpu: String?
  public var flags: Flags = []

  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let privileged = Flags(rawValue: 1)
    public static let readOnlyRoot = Flags(rawValue: 2)
    public static let terminal = Flags(rawValue: 4)
    public static let standardInput = Flags(rawValue: 8)
    public static let initProcess = Flags(rawValue: 16)
  }

  /// A host path in the container.
  public struct Mount: Sendable, Hashable {
    public var source: String
    public var destination: String
    public var isReadOnly: Bool

    /// containerd's words: `type=bind,src=/a,dst=/b,options=rbind:ro`. nil for another type, or without both paths.
    public init?(_ text: String) {
      var fields: [String: String] = [:]
      for pair in text.split(separator: ",") {
        let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
        guard sides.count == 2 else { return nil }
        fields[sides[0]] = sides[1]
      }
      guard fields["type"] ?? "bind" == "bind", let source = fields["src"] ?? fields["source"],
        let destination = fields["dst"] ?? fields["destination"] ?? fields["target"]
      else { return nil }
      self.source = source
      self.destination = destination
      isReadOnly = (fields["options"] ?? "").split(separator: ":").contains("ro")
    }
  }

  public init(namespace: String, name: String, image: String) {
    self.namespace = namespace
    self.name = name
    self.image = image
  }

  /// A TOML basic string: JSON's escapes are among TOML's.
  private static func quoted(_ text: String) -> String { String(decoding: JSON.string(text).encoded(), as: UTF8.self) }
  private static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
  private static func table(_ entries: [String: String]) -> String {
    "{ " + entries.sorted { $0.key < $1.key }.map { "\(quoted($0.key)) = \(quoted($0.value))" }.joined(separator: ", ") + " }"
  }

  public var toml: String {
    var lines = ["name = \(Self.quoted(name))", "namespace = \(Self.quoted(namespace))", "restart_policy = \"never\""]
    lines.append("network = \(Self.quoted(network))")
    if let hostname { lines.append("hostname = \(Self.quoted(hostname))") }
    if !labels.isEmpty { lines.append("labels = \(Self.table(labels))") }
    lines += ["", "[[container]]", "image = \(Self.quoted(image))"]
    if !command.isEmpty { lines.append("command = \(Self.list(command))") }
    if !environment.isEmpty { lines.append("env = \(Self.table(environment))") }
    if !environmentFiles.isEmpty { lines.append("env_file = \(Self.list(environmentFiles))") }
    if let workingDirectory { lines.append("working_dir = \(Self.quoted(workingDirectory))") }
    if let user { lines.append("user = \(Self.quoted(user))") }
    if !devices.isEmpty { lines.append("devices = \(Self.list(devices))") }
    for (flag, key) in [(Flags.terminal, "tty"), (.standardInput, "stdin"), (.initProcess, "init")] where flags.contains(flag) {
      lines.append("\(key) = true")
    }
    if !mounts.isEmpty {
      let items = mounts.enumerated().map { at, mount in
        "{ volume = \"mount-\(at)\", path = \(Self.quoted(mount.destination)), read_only = \(mount.isReadOnly) }"
      }
      lines.append("mounts = [\(items.joined(separator: ", "))]")
    }
    return (lines + resourceLines + securityLines + volumeLines).joined(separator: "\n") + "\n"
  }

  private var resourceLines: [String] {
    guard memory != nil || cpu != nil else { return [] }
    return ["", "[container.resources]"] + [memory.map { "memory = \(number($0))" }, cpu.map { "cpu = \(number($0))" }].compactMap { $0 }
  }

  /// A bare number stays one; anything else is a string with a unit.
  private func number(_ text: String) -> String {
    text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") } ? text : Self.quoted(text)
  }

  private var securityLines: [String] {
    var lines: [String] = []
    if flags.contains(.privileged) { lines.append("privileged = true") }
    if flags.contains(.readOnlyRoot) { lines.append("read_only_root_filesystem = true") }
    if !capabilities.add.isEmpty || !capabilities.drop.isEmpty {
      lines.append("capabilities = { add = \(Self.list(capabilities.add)), drop = \(Self.list(capabilities.drop)) }")
    }
    return lines.isEmpty ? [] : ["", "[container.security]"] + lines
  }

  private var volumeLines: [String] {
    mounts.enumerated().flatMap { at, mount in
      ["", "[[volume]]", "name = \"mount-\(at)\"", "host_path = \(Self.quoted(mount.source))"]
    }
  }
}
