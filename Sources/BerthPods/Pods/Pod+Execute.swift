import BerthCore
import BerthPlan

extension Pod {
  /// Bytes of a program's output in a probe's message.
  private static let outputInMessage = 256

  public func execute(_ command: [String], in container: String, attempt: UInt32, timeout: Duration) async -> ProbeResult {
    do throws(BerthError) {
      let result = try await exec(container, command, timeout: timeout)
      if result.exitCode == 0 { return ProbeResult(true, "exit code 0") }
      let text = String(decoding: result.output.prefix(Self.outputInMessage), as: UTF8.self).split(whereSeparator: \.isNewline)
      let output = text.joined(separator: " ")
      return ProbeResult(false, "exit code \(result.exitCode)" + (output.isEmpty ? "" : ": \(output)"))
    } catch {
      if error.code == .deadlineExceeded { return ProbeResult(false, "the command did not end in time") }
      return ProbeResult(false, "\(error.subject): \(error.cause)")
    }
  }
}
