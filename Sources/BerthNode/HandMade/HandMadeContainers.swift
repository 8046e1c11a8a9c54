import BerthCore
import BerthManifest
import BerthPlan
import BerthStore
import Synchronization

/// Where containers made by hand are kept.
public protocol HandMadeStore: Sendable {
  func handMade() throws(BerthError) -> [HandMadeRecord]
  func addHandMade(_ record: HandMadeRecord) throws(BerthError)
  @discardableResult func removeHandMade(namespace: String, name: String) throws(BerthError) -> Bool
}

extension MetadataStore: HandMadeStore {}

/// A container made by hand (`berth container create`, `berth run`): a pod with one container that no file of the directory describes.
/// As in containerd it is told from its task, the process: the container is there until it is removed, the task from its start until
/// it is removed. A task is not started again, neither when it ends nor after a reboot.
public struct HandMadeContainer: Sendable {
  public var key: PodKey
  public var pod: DesiredPod
  /// Wall clock, seconds since 1970; for display.
  public var created: Int64
}

/// The containers made by hand, in memory and in the store. Their names are taken: a manifest that wants one waits.
final class HandMadeContainers: Sendable {
  private struct State {
    var containers: [PodKey: HandMadeContainer] = [:]
    /// What the directory asks for under a name that is taken.
    var waiting: [PodKey: DesiredEntry] = [:]
  }
  private let store: (any HandMadeStore)?
  private let state = Mutex(State())

  init(store: (any HandMadeStore)?) { self.store = store }

  /// Reads the store. A record that this version can't read any more is left there and told to `report`.
  func load(report: (BerthError) -> Void) throws(BerthError) {
    guard let store else { return }
    for record in try store.handMade() {
      do throws(BerthError) {
        let container = try Self.container(of: record)
        state.withLock { $0.containers[container.key] = container }
      } catch { report(error) }
    }
  }

  private static func container(of record: HandMadeRecord) throws(BerthError) -> HandMadeContainer {
    let decoded = ManifestDecoder.decode(record.content, file: "\(record.name).toml", folder: "/")
    guard let spec = decoded.spec, let hash = decoded.hash else {
      let cause = decoded.diagnostics.map(\.message).joined(separator: "; ")
      throw BerthError(.invalidArgument, "make container", "\(record.namespace)/\(record.name)", cause: cause)
    }
    guard spec.key.namespace == record.namespace, spec.key.name == record.name else {
      throw BerthError(.invalidArgument, "make container", "\(record.namespace)/\(record.name)", cause: "it names itself \(spec.key)")
    }
    guard spec.containers.count == 1, spec.initContainers.isEmpty else {
      throw BerthError(.invalidArgument, "make container", "\(spec.key)", cause: "it has \(spec.containers.count) containers, not one")
    }
    return HandMadeContainer(key: spec.key, pod: DesiredPod(spec: spec, hash: hash), created: record.created)
  }

  /// Writes it down. Blocks. Throws `.invalidArgument` for a manifest that isn't good, `.alreadyExists`.
  func add(_ record: HandMadeRecord) throws(BerthError) -> HandMadeContainer {
    guard let store else { throw BerthError(.unsupported, "make container", record.name, cause: "this node has nowhere to keep it") }
    let container = try Self.container(of: record)
    if self[container.key] != nil { throw Self.taken(container.key, by: "a container made by hand (berth container ls)") }
    try store.addHandMade(record)
    state.withLock { $0.containers[container.key] = container }
    return container
  }

  static func taken(_ key: PodKey, by owner: String) -> BerthError {
    BerthError(.alreadyExists, "make container", "\(key)", cause: "\(owner) has this name already")
  }

  /// Blocks. Returns what the directory had been asking for under the name.
  func remove(_ key: PodKey) throws(BerthError) -> DesiredEntry? {
    try store?.removeHandMade(namespace: key.namespace, name: key.name)
    return state.withLock { state in
      state.containers[key] = nil
      return state.waiting.removeValue(forKey: key)
    }
  }

  subscript(_ key: PodKey) -> HandMadeContainer? { state.withLock { $0.containers[key] } }
  func all() -> [HandMadeContainer] { state.withLock { $0.containers.values.sorted { $0.key < $1.key } } }

  /// Takes out of the directory's word what must wait for a name; returns the keys.
  func holdBack(_ update: inout ManifestDirectory.Update) -> [PodKey] {
    state.withLock { state in
      let taken = update.entries.keys.filter { state.containers[$0] != nil }
      for key in taken { state.waiting[key] = update.entries.removeValue(forKey: key) }
      return taken.sorted()
    }
  }
}
