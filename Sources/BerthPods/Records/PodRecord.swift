import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

/// What the daemon must know of a pod's incarnation after its own death: the write-ahead record, `STATE/pods/UID/pod.json`.
/// Written before anything else of the pod is made. It need not survive a power cut (a reboot ends every pod), so it is not synced.
public struct PodRecord: Hashable, Sendable {
  public static let version: Int64 = 1

  public var uid: String
  /// Counts the incarnations and in-place changes of this pod key on this node.
  public var generation: Int64
  public var hash: String
  public var spec: PodSpec
  /// The manifest it came from.
  public var source: String
  /// Wall time, for display: nanoseconds since 1970.
  public var createdAt: Int64
  /// Image reference → the digest it resolved to when the pod was created.
  public var images: [String: String]
  public var containers: [String: ContainerRecord]
  /// What the spec's networks were on this node when the pod was made.
  public var network: PodNetwork
  /// The first of the node's ids that are the pod's own, with `user_namespace = "auto"`.
  public var idRange: UInt32?
  /// Set before the first container is told to stop for good.
  public var isBeingRemoved = false
  /// The uid of the incarnation that it is to take over from; nil of one that serves, or did.
  public var successorTo: String?
  /// When it was made, on the boot clock.
  public var createdAtBoot: Int64?
  public var failure: PodFailure?
  /// The time of the run that it is: seconds since 1970.
  public var scheduledFor: Int64?
  /// A newer run was made beside it, or is about to be.
  public var isEarlierRun = false
  /// Everything but this record was removed, or was about to be.
  public var isReleased = false
  /// Made from what was known of it before the node went down: it had ended then.
  public var isRestored = false
  /// How far its containers had come before the node went down, of those that haven't been started since.
  public var past: [String: PodPast.Container] = [:]

  public init(uid: String, generation: Int64, hash: String, spec: PodSpec, source: String, createdAt: Int64, images: [String: String] = [:])
  {
    self.uid = uid
    self.generation = generation
    self.hash = hash
    self.spec = spec
    self.source = source
    self.createdAt = createdAt
    self.images = images
    network = spec.network
    containers = [:]
  }
}

/// What the shim doesn't keep of a container.
public struct ContainerRecord: Hashable, Sendable {
  /// The attempt that was last begun.
  public var attempt: UInt32
  public var backoffStep: Int
  /// Why that attempt never ran, with the boot-time nanoseconds of the failure.
  public var startFailure: String?
  public var startFailedAt: Int64?
  /// What kind of failure that was.
  public var startFailureKind: StartFailure.Kind?
  /// How the attempt ended; only of a pod that was released.
  public var exit: ExitRecord?
  /// How the attempt before it ended.
  public var last: Termination?
  /// What probes found out of that attempt.
  public var isStarted = false
  public var isReady = false
  /// Why it was told to stop although its pod goes on.
  public var stopReason: String?

  public init(attempt: UInt32, backoffStep: Int) {
    self.attempt = attempt
    self.backoffStep = backoffStep
  }
}

extension PodRecord {
  public var json: JSON {
    var containers = JSONObject()
    for name in self.containers.keys.sorted() { containers[name] = self.containers[name]?.json }
    return [
      "version": .integer(Self.version), "uid": .string(uid), "generation": .integer(generation), "hash": .string(hash),
      "spec": spec.json(for: .record), "source": .string(source), "created_at": .integer(createdAt), "images": .strings(images),
      "containers": .object(containers), "network": network.json, "being_removed": .bool(isBeingRemoved),
      "successor_to": .optional(successorTo),
      "id_range": .optional(idRange.map { Int64($0) }),
      "scheduled_for": .optional(scheduledFor), "earlier_run": .bool(isEarlierRun),
      "created_at_boot": .optional(createdAtBoot),
      "failure": failure.map { ["reason": .string($0.reason), "message": .string($0.message)] } ?? .null, "released": .bool(isReleased),
      "restored": .bool(isRestored), "past": past.isEmpty ? .null : .containers(past),
    ]
  }

  /// nil for a text that is no record. One of a newer version is read as far as it is understood, so that a daemon that is put back to
  /// an older version finds its pods: whatever changes the meaning of a member must give it another name.
  public init?(json: JSON) {
    guard let version = json["version"]?.integer, version >= 1, let uid = json["uid"]?.string,
      let hash = json["hash"]?.string, let spec = json["spec"].flatMap({ try? PodSpec(json: $0) })
    else { return nil }
    self.init(
      uid: uid, generation: json["generation"]?.integer ?? 1, hash: hash, spec: spec, source: json["source"]?.string ?? "",
      createdAt: json["created_at"]?.integer ?? 0)
    for (reference, digest) in json["images"]?.object ?? [:] { images[reference] = digest.string }
    if let network = json["network"].flatMap({ PodNetwork(json: $0) }) { self.network = network }
    idRange = json["id_range"]?.integer.flatMap { UInt32(exactly: $0) }
    isBeingRemoved = json["being_removed"]?.bool ?? false
    successorTo = json["successor_to"]?.string
    scheduledFor = json["scheduled_for"]?.integer
    isEarlierRun = json["earlier_run"]?.bool ?? false
    createdAtBoot = json["created_at_boot"]?.integer
    if let failure = json["failure"], let reason = failure["reason"]?.string {
      self.failure = PodFailure(reason: reason, message: failure["message"]?.string ?? "")
    }
    isReleased = json["released"]?.bool ?? false
    isRestored = json["restored"]?.bool ?? false
    past = PodPast.Container.all(json["past"])
    for (name, container) in json["containers"]?.object ?? [:] { containers[name] = ContainerRecord(json: container) }
  }

  public static func read(_ path: String) throws(BerthError) -> PodRecord {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "read pod record", path, cause: "\(error)")
    }
    guard let json = try? JSON(parsing: bytes), let record = PodRecord(json: json) else {
      throw BerthError(.dataLoss, "read pod record", path, cause: "it is damaged")
    }
    return record
  }

  public func write(to path: String) throws(BerthError) {
    do throws(Errno) { try Files.writeAtomically(json.encoded(), to: path) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write pod record", path, cause: "\(error)")
    }
  }
}

extension ContainerRecord {
  var json: JSON {
    [
      "attempt": .integer(Int64(attempt)), "backoff_step": .integer(backoffStep), "start_failure": .optional(startFailure),
      "start_failed_at": .optional(startFailedAt), "started": .bool(isStarted), "ready": .bool(isReady),
      "stop_reason": .optional(stopReason), "start_failure_kind": .optional(startFailureKind?.rawValue), "exit": exit?.json ?? .null,
      "last": last?.json ?? .null,
    ]
  }

  init?(json: JSON) {
    guard let attempt = json["attempt"]?.integer.flatMap({ UInt32(exactly: $0) }) else { return nil }
    self.init(attempt: attempt, backoffStep: json["backoff_step"]?.integer.flatMap { Int(exactly: $0) } ?? 0)
    startFailure = json["start_failure"]?.string
    startFailedAt = json["start_failed_at"]?.integer
    isStarted = json["started"]?.bool ?? false
    isReady = json["ready"]?.bool ?? false
    stopReason = json["stop_reason"]?.string
    startFailureKind = json["start_failure_kind"]?.string.flatMap { StartFailure.Kind(rawValue: $0) }
    exit = json["exit"].flatMap { ExitRecord($0) }
    last = json["last"].flatMap { Termination($0) }
  }
}
