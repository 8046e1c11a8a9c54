import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// Runs a container's hooks, one after the other, each with the container's state on its standard input.
enum Hooks {
  /// Where hooks of a kind run. Source: config.md "POSIX-platform Hooks".
  enum Place {
    case node
    /// The namespaces of the container's first process, by its pidfd.
    case container(Int32, kinds: UInt64)
  }

  /// The first that fails, or takes longer than its timeout, ends it: `.failedPrecondition`.
  static func run(_ hooks: [RuntimeSpec.Hook], _ kind: String, state: JSONObject, in place: Place = .node) throws(BerthError) {
    for (at, hook) in hooks.enumerated() {
      let name = "hooks.\(kind)[\(at)]"
      let program = HelperProgram(
        hook.path, arguments: hook.args, environment: hook.env, input: JSON.object(state).encoded(),
        timeout: hook.timeoutSeconds.map { .seconds($0) })
      let result: (outcome: HelperProgram.Outcome, said: String)
      do throws(Errno) {
        switch place {
        case .node: result = try program.run()
        case .container(let member, let kinds): result = try program.run(in: member, kinds: kinds)
        }
      } catch { throw BerthError(.unavailable, "run hook", name, cause: error.description) }
      guard result.outcome != .exited(0) else { continue }
      throw BerthError(.failedPrecondition, "run hook", name, cause: cause(result, hook))
    }
  }

  private static func cause(_ result: (outcome: HelperProgram.Outcome, said: String), _ hook: RuntimeSpec.Hook) -> String {
    let said = result.said.isEmpty ? "" : ": \(result.said.suffix(1024))"
    return switch result.outcome {
    case .exited(let code): "\(hook.path) ended with \(code)\(said)"
    case .timedOut: "\(hook.path) took longer than \(hook.timeoutSeconds ?? 0) s\(said)"
    }
  }
}
