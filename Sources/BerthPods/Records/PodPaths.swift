import BerthCore
import BerthRuntime

/// Where a pod's things lie. Source: design interfaces.md "Files".
public struct NodePaths: Sendable, Hashable {
  /// Survives reboot: `/var/lib/berth`.
  public var root: String
  /// Holds only while the node is up: `/run/berth`.
  public var state: String
  /// `ROOT/logs` unless configured.
  public var logs: String

  public init(root: String, state: String, logs: String) {
    self.root = root
    self.state = state
    self.logs = logs
  }

  public var pods: String { "\(state)/pods" }
  public var seccompCache: String { "\(state)/seccomp" }
  public func pod(uid: String) -> PodPaths { PodPaths(node: self, uid: uid) }
  /// `ROOT/volumes/NS/POD/NAME`; a shared one lies under `ROOT/volumes/NS/.shared/NAME`, which no pod can be called.
  public func persistentVolume(_ key: PodKey, _ name: String) -> String { "\(root)/volumes/\(key.namespace)/\(key.name)/\(name)" }
  public func sharedVolume(namespace: String, _ name: String) -> String { "\(root)/volumes/\(namespace)/.shared/\(name)" }
}

/// The folders of one incarnation of a pod.
public struct PodPaths: Sendable, Hashable {
  let node: NodePaths
  public let uid: String

  /// Record, sockets, bundles and small generated files: `STATE/pods/UID`.
  public var state: String { "\(node.pods)/\(uid)" }
  /// Disk-backed empty_dir volumes: `ROOT/pods/UID`.
  public var data: String { "\(node.root)/pods/\(uid)" }
  public var record: String { "\(state)/pod.json" }
  public var shm: String { "\(state)/shm" }
  public var userNamespace: String { PodFolder(state).userNamespace }
  public var pidNamespace: String { PodFolder(state).pidNamespace }
  public var etc: String { "\(state)/etc" }
  public func bundle(_ container: String) -> String { "\(state)/\(container)" }
  public func stateVolume(_ name: String) -> String { "\(state)/volumes/\(name)" }
  public func dataVolume(_ name: String) -> String { "\(data)/volumes/\(name)" }
  public func logDirectory(_ key: PodKey) -> String { "\(node.logs)/\(key.namespace)_\(key.name)_\(uid)" }
  public func logFile(_ key: PodKey, _ container: String, attempt: UInt32) -> String { "\(logDirectory(key))/\(container)/\(attempt).log" }
  public func snapshotKey(_ container: String, attempt: UInt32) -> String { "\(uid)-\(container)-\(attempt)" }
}
