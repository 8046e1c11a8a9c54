import BerthCore
import BerthManifest
import BerthRuntime

/// A session with a container's own streams, and what it has of them.
public struct Attachment: Sendable, Hashable {
  /// The path of the one-time socket.
  public var socket: String
  public var hasTerminal: Bool
  /// Whether the container reads what is written to it.
  public var hasInput: Bool
}

extension Pod {
  /// Readies a session with the streams of `name` or the pod's first container. Throws `.failedPrecondition` if it doesn't run,
  /// `.unsupported` if its shim is of a Berth that couldn't do this.
  public func openAttachment(_ name: String?) async throws(BerthError) -> Attachment {
    let wanted = name ?? record.spec.containers.first?.name ?? ""
    guard let spec = record.spec.allContainers.first(where: { $0.name == wanted }) else {
      throw BerthError(.notFound, "attach to container", "\(key)/\(wanted)", cause: "the pod has no such container")
    }
    let reply = try await connection("attach to container").request(.attach(container: wanted), deadline: deadline(Self.answerTime))
    guard case .session(let socket) = reply else {
      throw BerthError(.bug, "attach to container", "\(key)/\(wanted)", cause: "the shim answered something else")
    }
    return Attachment(socket: "\(paths.state)/\(socket)", hasTerminal: spec.tty, hasInput: spec.stdin || spec.tty)
  }
}
