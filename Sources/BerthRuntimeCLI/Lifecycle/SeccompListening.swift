import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// The connection to whoever answers for a filter. Source: config-linux.md "The Container Process State".
enum SeccompListening {
  /// nil where no rule asks. `state`: the container's, without a pid where that is the new process's own.
  static func connect(_ spec: RuntimeSpec, state: @autoclosure () -> JSONObject) throws(BerthError) -> SeccompListener? {
    guard let profile = spec.linux?.seccomp, profile.notifies, let given = profile.listenerPath, !given.isEmpty else { return nil }
    let path = try RuntimeProgram.absolute(given)
    do throws(Errno) {
      let socket = try StreamSocket.connect(path).release()
      return SeccompListener(socket: socket, message: message(spec, profile, state()))
    } catch { throw BerthError(.failedPrecondition, "connect seccomp listener", path, cause: "\(error)") }
  }

  private static func message(_ spec: RuntimeSpec, _ profile: LinuxSeccomp, _ state: JSONObject) -> String {
    var outer: JSONObject = ["ociVersion": .string(spec.ociVersion), "fds": ["seccompFd"]]
    if let metadata = profile.listenerMetadata { outer["metadata"] = .string(metadata) }
    let inner = state["pid"] == nil ? withPid(state) : text(state)
    return String(withPid(outer).dropLast()) + ",\"state\":\(inner)}"
  }

  private static func text(_ object: JSONObject) -> String { String(decoding: JSON.object(object).encoded(), as: UTF8.self) }

  private static func withPid(_ object: JSONObject) -> String { "{\"pid\":\(SeccompListener.pidMark),\(text(object).dropFirst())" }
}
