import BerthCore

/// What one look at the machine found.
struct Finding: Sendable {
  enum Verdict: String, Sendable { case ok, warning, failed }

  /// What was looked at: `cgroups`.
  var subject: String
  var verdict: Verdict
  /// What is so.
  var message: String
  /// A command or an edit that helps; nil where nothing needs to be done.
  var remedy: String?

  static func ok(_ subject: String, _ message: String) -> Finding { Finding(subject: subject, verdict: .ok, message: message) }

  /// Works, but less well than it could.
  static func warning(_ subject: String, _ message: String, fix: String) -> Finding {
    Finding(subject: subject, verdict: .warning, message: message, remedy: fix)
  }

  /// Pods won't run, or not as asked.
  static func failed(_ subject: String, _ message: String, fix: String) -> Finding {
    Finding(subject: subject, verdict: .failed, message: message, remedy: fix)
  }

  var json: JSON {
    [
      "subject": .string(subject), "status": .string(verdict.rawValue), "message": .string(message), "fix": .optional(remedy),
    ]
  }

  var text: String {
    let mark = verdict == .ok ? "ok     " : verdict == .warning ? "warning" : "failed "
    return "\(mark)  \(subject): \(message)" + (remedy.map { "\n         fix: \($0)" } ?? "")
  }
}
