import BerthCore

/// How long to wait before a request is sent again.
enum RetryPause {
  /// A registry that wants more patience than this gets its next request from the next pull.
  static let longest = Duration.seconds(60)
  private static let ceiling = Duration.seconds(10)

  /// nil: the same request would get the same answer.
  static func after(_ answer: HTTPTransfer, tries: Int64, first: Int64) -> Duration? {
    guard [408, 429, 500, 502, 503, 504].contains(answer.status) else { return nil }
    guard let text = answer.headers["retry-after"]?.first, let seconds = Int64(text), seconds >= 0 else {
      return jittered(tries: tries, first: first)
    }
    return seconds <= longest.components.seconds ? .seconds(seconds) : nil
  }

  /// Full jitter over a span that doubles from `first` milliseconds on.
  static func jittered(tries: Int64, first: Int64) -> Duration {
    let span = min(first << min(tries, 16), ceiling.milliseconds)
    return .milliseconds(Int64.random(in: 0...max(1, span)))
  }
}
