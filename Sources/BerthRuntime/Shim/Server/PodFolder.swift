import BerthCore
import BerthLinux

/// The names below a pod's state folder, for the shim that writes them and the daemon that reads them.
public struct PodFolder: Sendable, Hashable {
  /// Absolute.
  public let path: String

  public init(_ path: String) { self.path = path }

  /// A container's own folder.
  public func container(_ name: String) -> String { "\(path)/\(name)" }
  /// Who the container's first process is: `InitRecord`.
  public func initRecord(_ name: String) -> String { "\(path)/\(name)/init" }
  /// A FIFO of its streams: stdin, stdout or stderr.
  public func stream(_ name: String, _ stream: String) -> String { "\(path)/\(name)/\(stream)" }
  /// What of an output stream is on its way into the log: `OutputJournal`.
  func journal(_ name: String, _ stream: String) -> String { "\(path)/\(name)/\(stream).journal" }
  /// How it ended: `ExitRecord`.
  public func exitRecord(_ name: String) -> String { "\(path)/\(name)/exit" }
  /// Where the shim mounts the pod's /dev/shm, in its own mount namespace.
  public var sharedMemory: String { "\(path)/shm" }
  /// Where the shim binds the pod's user namespace, in its own mount namespace.
  public var userNamespace: String { "\(path)/user.ns" }
  /// Where the shim binds the PID namespace that the containers share, in its own mount namespace.
  public var pidNamespace: String { "\(path)/pid.ns" }
  public var identity: String { "\(path)/\(ShimProtocol.identityName)" }
  public var socket: String { "\(path)/\(ShimProtocol.socketName)" }
  public var keeperIdentity: String { "\(path)/\(ShimProtocol.keeperIdentityName)" }
  public var keeperSocket: String { "\(path)/\(ShimProtocol.keeperSocketName)" }
  /// Held by the one keeper of a pod.
  var keeperLock: String { "\(path)/keeper.lock" }
}

extension PodFolder {
  static func socketName(_ role: ShimRole) -> String { role == .shim ? ShimProtocol.socketName : ShimProtocol.keeperSocketName }
  func identity(_ role: ShimRole) -> String { role == .shim ? identity : keeperIdentity }

  /// The pod's shim, where it is alive.
  var livingShim: ProcessIdentity? {
    guard let bytes = try? Files.read(identity, limit: 4096), let json = try? JSON(parsing: bytes) else { return nil }
    return ProcessIdentity(json).flatMap { $0.isAlive ? $0 : nil }
  }
}

extension Errno {
  /// The error that a module boundary shows.
  func wrapped(_ operation: String, _ subject: String) -> BerthError {
    let code: ErrorCode =
      switch self {
      case .notFound: .notFound
      case .notPermitted, .accessDenied: .permissionDenied
      case .noSpace: .resourceExhausted
      case .invalid: .invalidArgument
      default: .unavailable
      }
    return BerthError(code, operation, subject, cause: description)
  }
}
