import BerthCore

/// How an image's process is meant to be started, and of which layers it consists. Source: OCI image-spec config.md.
/// Every value is the image author's word: untrusted. Labels are data for people and never steer anything on the node.
public struct ImageConfig: Sendable, Hashable {
  public var platform: Platform
  public var user: String
  /// `KEY=value`, in the image's order.
  public var env: [String]
  public var entrypoint: [String]
  public var cmd: [String]
  public var workingDir: String
  /// A name or a number as the image wrote it: `SIGQUIT`, `3`. nil: SIGTERM.
  public var stopSignal: String?
  /// Paths inside the container, sorted.
  public var volumes: [String]
  /// `port/protocol`, sorted.
  public var exposedPorts: [String]
  public var labels: [String: String]
  /// Digests of the layers' uncompressed tar streams, lowest first.
  public var diffIDs: [Digest]

  public init(
    platform: Platform = .host, user: String = "", env: [String] = [], entrypoint: [String] = [], cmd: [String] = [],
    workingDir: String = "", stopSignal: String? = nil, volumes: [String] = [], exposedPorts: [String] = [],
    labels: [String: String] = [:], diffIDs: [Digest] = []
  ) {
    self.platform = platform
    self.user = user
    self.env = env
    self.entrypoint = entrypoint
    self.cmd = cmd
    self.workingDir = workingDir
    self.stopSignal = stopSignal
    self.volumes = volumes
    self.exposedPorts = exposedPorts
    self.labels = labels
    self.diffIDs = diffIDs
  }

  public init(parsing bytes: [UInt8]) throws(ImageFormatError) {
    let document = try ImageFields(parsing: bytes, "config")
    platform = try Platform(.object(document.object), name: "config")
    let fields = try ImageFields(document.value("config") ?? [:], "config.config")
    user = try fields.string("User") ?? ""
    env = try fields.strings("Env") ?? []
    entrypoint = try fields.strings("Entrypoint") ?? []
    cmd = try fields.strings("Cmd") ?? []
    workingDir = try fields.string("WorkingDir") ?? ""
    stopSignal = try fields.string("StopSignal").flatMap { $0.isEmpty ? nil : $0 }
    volumes = try fields.keys("Volumes")
    exposedPorts = try fields.keys("ExposedPorts")
    labels = try fields.stringMap("Labels")
    diffIDs = try Self.layers(of: document)
  }

  private static func layers(of document: ImageFields) throws(ImageFormatError) -> [Digest] {
    guard let value = document.value("rootfs") else { throw ImageFormatError("config has no rootfs") }
    let rootfs = try ImageFields(value, "config.rootfs")
    if let type = try rootfs.string("type"), type != "layers" { throw ImageFormatError("config.rootfs has the type \(type)") }
    let texts = try rootfs.strings("diff_ids") ?? []
    guard texts.count <= ImageLimits.layers else { throw ImageFormatError("config has more than \(ImageLimits.layers) layers") }
    var digests: [Digest] = []
    for text in texts {
      guard let digest = Digest(text) else { throw ImageFormatError("config.rootfs: \"\(text.prefix(100))\" is not a sha256 digest") }
      digests.append(digest)
    }
    return digests
  }

  public func encoded() -> [UInt8] {
    var config = JSONObject()
    func set(_ key: String, _ value: JSON, when present: Bool) { if present { config[key] = value } }
    set("User", .string(user), when: !user.isEmpty)
    set("ExposedPorts", Self.set(exposedPorts), when: !exposedPorts.isEmpty)
    set("Env", .strings(env), when: !env.isEmpty)
    set("Entrypoint", .strings(entrypoint), when: !entrypoint.isEmpty)
    set("Cmd", .strings(cmd), when: !cmd.isEmpty)
    set("Volumes", Self.set(volumes), when: !volumes.isEmpty)
    set("WorkingDir", .string(workingDir), when: !workingDir.isEmpty)
    set("Labels", .strings(labels), when: !labels.isEmpty)
    set("StopSignal", .optional(stopSignal), when: stopSignal != nil)
    var document = platform.json.object ?? [:]
    document["config"] = .object(config)
    document["rootfs"] = ["type": "layers", "diff_ids": .strings(diffIDs.map(\.description))]
    return JSON.object(document).encoded()
  }

  private static func set(_ keys: [String]) -> JSON {
    var object = JSONObject()
    for key in keys { object[key] = [:] }
    return .object(object)
  }
}
