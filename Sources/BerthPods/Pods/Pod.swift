import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

/// One incarnation of a pod, from its record to its removal: does what the planner says, tells what is there.
///
/// Driven by one worker at a time; the actor keeps the record and the connection to the shim.
public actor Pod {
  public nonisolated let key: PodKey
  public nonisolated let uid: String
  nonisolated let paths: PodPaths
  nonisolated let context: PodContext
  var record: PodRecord
  var link: Link
  /// Set up once for all containers: volumes and the sandbox.
  var volumes: [String: PreparedVolume] = [:]
  /// The answer to the sandbox's set-up, until somebody has looked at it.
  var sandboxAnswer: ShimAnswer?
  /// Why no container can ever run in it.
  var sandboxFailure: BerthError?
  /// The secrets' way into the pod's memory, begun once.
  var secrets: Task<Result<Void, BerthError>, Never>?

  /// Under way, or done: the pod's networks. nil for a pod that needs none, or has them from an earlier daemon.
  var attaching: Task<Result<Void, BerthError>, Never>?

  /// When each container's latest attempt ended, on the boot clock.
  var exitTimes: [String: (attempt: UInt32, at: Instant)] = [:]
  /// Containers that were told to stop although no shim is there to see to it.
  var stoppedWithoutShim: Set<String> = []
  /// The volumes that were mounted in each container when it was first looked at, by attempt.
  var mountsSeen: [String: (attempt: UInt32, paths: Set<String>)] = [:]
  /// The pod's interfaces as earlier looks for drift found them.
  var interfacesSeen: Set<String> = []
  /// To its shim or keeper.
  var connecting: Task<Void, Never>?
  /// By container.
  var guards: [String: ContainerGuard] = [:]
  /// The other sides of the containers' terminals, by container.
  var terminals: [String: (attempt: UInt32, held: HeldDescriptor)] = [:]
  /// When a keeper was last started.
  var keeperStart: BootTime?
  /// Of a released pod: whether nothing but its record is left.
  var isSwept = false

  enum Link {
    case connected(ShimConnection)
    /// The shim is dead; its keeper looks after what runs.
    case kept(ShimConnection)
    /// The shim is dead, or never lived.
    case lost
  }

  /// How long a shim may take for an answer; a start waits for the kernel's cgroup and mount locks.
  static let answerTime: Int64 = 10_000_000_000
  static let startTime: Int64 = 60_000_000_000

  init(record: PodRecord, context: PodContext) {
    key = record.spec.key
    uid = record.uid
    self.record = record
    self.context = context
    paths = context.paths.pod(uid: record.uid)
    link = .lost
  }

  func deadline(_ nanoseconds: Int64) -> BootTime { BootTime.now.after(nanoseconds: nanoseconds) }

  func container(_ name: String) throws(BerthError) -> ContainerSpec {
    guard let spec = record.spec.allContainers.first(where: { $0.name == name }) else {
      throw BerthError(.bug, "find container", "\(key)/\(name)", cause: "the pod has no such container")
    }
    return spec
  }

  func connection(_ operation: String) throws(BerthError) -> ShimConnection {
    guard let connection = link.connection else {
      throw BerthError(.failedPrecondition, operation, "\(key)", cause: "the pod's shim is gone")
    }
    return connection
  }

  /// Writes the record: before what it speaks of is done.
  func save() throws(BerthError) { try record.write(to: paths.record) }

  /// Everything up to the sandbox. The record comes first, so that nothing is ever made that a later daemon can't find.
  func create() async throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectory(paths.state)
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "create pod", paths.state, cause: "\(error)") }
    try save()
    try claimIDs()
    // The shim starts up while the rest is prepared.
    let connection = try context.shims.spawn(
      shimPath: context.shimPath, podDirectory: paths.state, onEvent: onEvent, onClosed: onClosed)
    link = .connected(connection)
    volumes = try VolumeManager(paths: paths, key: key, fsGroup: record.spec.fsGroup).prepare(record.spec.volumes)
    try reserveNetworks()
    // Without limits of its own the pod's cgroup is made on the way to its first container's, where it holds nothing else up: on v1,
    // making one waits for the lock that the kernel is just getting ready for the attach.
    if record.spec.resources != Resources() {
      try context.cgroup(context.podCgroup(uid)).create(record.spec.resources.runtime)
    }
    let answer = connection.send(.setUpSandbox(sandboxSetup()), deadline: deadline(Self.answerTime))
    if case .attached = record.network { attachNetworks(after: answer) } else { sandboxAnswer = answer }
  }
}
