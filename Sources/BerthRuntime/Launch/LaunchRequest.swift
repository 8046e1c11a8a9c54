import BerthCore
import BerthOCI

/// Where a container's root file system comes from.
public enum RootfsSource: Sendable, Hashable {
  /// A directory that is used as it is. Absolute.
  case directory(String)
  /// Absolute directories: read-only layers, the topmost first, and the container's own upper and work directories (one file system).
  case overlay(lower: [String], upper: String, work: String)
}

/// All that a launcher must be told to start a container. A plain value: the shim protocol carries it as JSON.
public struct LaunchRequest: Sendable, Hashable {
  /// Of the JSON form. Readers refuse a higher one; a request carries the lowest that knows all of it. Version 2: `initProcess`.
  public static let version = 2

  /// Names the container in messages and its session keyring.
  public var id: String
  /// The directory with config.json, absolute. An overlay is mounted onto `bundle/rootfs`, but inside the container's mount namespace
  /// alone: the host's mounts never change.
  public var bundle: String
  public var rootfs: RootfsSource
  /// A user as image configs and manifests write it (`""`, `1000`, `1000:1000`, `name`, `name:group`), resolved against the
  /// container's own /etc/passwd and /etc/group; replaces the spec's uid, gid and additional gids (the spec's additional ones are kept
  /// as well). nil: the spec as it is.
  public var user: String?
  /// Refuse a final uid of 0.
  public var runAsNonRoot = false
  /// A file with the compiled filter (struct sock_filter, as `SeccompCompiler` gives it). Required where the spec has `linux.seccomp`.
  public var seccompFilter: String?
  /// Device nodes in the image don't work (nodev on the root mount); /dev is not concerned.
  public var rootfsWithoutDevices = true
  /// Kinds that the spec doesn't list and that are private to the pod all the same, because the caller made them: sysctls and a sysfs
  /// of those are allowed.
  public var sandboxNamespaces: [RuntimeSpec.NamespaceKind] = []
  /// Mount destination → path inside the mount's source, resolved there so that no symlink leads out of the source.
  public var subPaths: [String: String] = [:]
  /// Destinations whose sub path is made, as a directory, where it isn't there.
  public var creatableSubPaths: [String] = []

  /// What process 1 of the container is.
  public var initProcess = InitProcess.command

  public enum InitProcess: String, Sendable, Hashable {
    /// The command.
    case command
    /// An init that reaps orphans and passes signals on to the command (`CBerthReaper`). The caller's own program must hold it.
    case reaper
    /// Such an init alone, until it is killed.
    case reaperOnly = "reaper-only"
  }

  public init(id: String, bundle: String, rootfs: RootfsSource) {
    self.id = id
    self.bundle = bundle
    self.rootfs = rootfs
  }
}
