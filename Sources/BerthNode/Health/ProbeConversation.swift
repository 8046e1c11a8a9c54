import BerthPlan

/// What a probe says over a connection, and how it takes the answers: no socket in it. What arrives was written by a stranger: an answer
/// is bounded and never trusted.
protocol ProbeConversation {
  /// The first bytes to send.
  func opening() -> [UInt8]
  mutating func receive(_ bytes: [UInt8]) -> ConversationStep
  /// The other side ended it.
  func ended() -> ProbeResult
}

enum ConversationStep {
  /// Send these, which may be none, and wait for more.
  case wait(reply: [UInt8])
  case done(ProbeResult)
  /// Begin anew with this one.
  case follow(HTTPConversation)
}
