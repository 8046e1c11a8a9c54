import BerthCore
import BerthLinux
import BerthPlan

/// The questions that are under way, on one epoll set. Made and used by the probes' thread alone, whose network namespace it comes back to.
final class ProbeExchanges {
  private static let wakeToken: UInt64 = 0
  private let epoll: Epoll
  private let hopper: NetworkNamespaceHopper
  private let wakeUp: WakeUp
  private var exchanges: [UInt64: ProbeExchange] = [:]
  private var lastToken = wakeToken

  init(wakeUp: WakeUp) throws(Errno) {
    self.wakeUp = wakeUp
    epoll = try Epoll()
    hopper = try NetworkNamespaceHopper()
    try epoll.add(wakeUp.descriptor, .input, token: Self.wakeToken)
  }

  /// nil where none is under way.
  var nextDeadline: Instant? { exchanges.values.map(\.deadline).min() }

  /// Begins one that asks over the network.
  func connect(_ exchange: ProbeExchange) {
    if case .done(let result) = exchange.connect(hopper) { return exchange.finish(result) }
    keep(exchange)
  }

  /// Has it until it is done or its time is over.
  func keep(_ exchange: ProbeExchange) {
    lastToken += 1
    exchanges[lastToken] = exchange
    if let descriptor = exchange.descriptor { try? epoll.add(descriptor, exchange.interest, token: lastToken) }
  }

  /// Returns when it is `due`, when somebody has woken the thread, or when one could go on, and did.
  func wait(until due: Instant?) throws(Errno) {
    let timeout = due.map { BootTime(nanoseconds: $0.nanoseconds).millisecondsFromNow } ?? -1
    var ready: [Epoll.Ready] = []
    try epoll.wait(milliseconds: timeout) { ready.append($0) }
    for item in ready {
      if item.token == Self.wakeToken { wakeUp.clear() } else { advance(item.token) }
    }
  }

  func expire(_ now: Instant) {
    for (token, exchange) in exchanges where exchange.deadline <= now {
      if let descriptor = exchange.descriptor { epoll.remove(descriptor) }
      exchanges[token] = nil
      exchange.finish(exchange.atDeadline)
    }
  }

  private func advance(_ token: UInt64) {
    guard let exchange = exchanges[token], let before = exchange.descriptor else { return }
    switch exchange.advance(hopper) {
    case .done(let result):
      epoll.remove(before)
      exchanges[token] = nil
      exchange.finish(result)
    case .waiting:
      guard let descriptor = exchange.descriptor else { return }
      // Another connection may have got the same number: its socket is a new one to epoll.
      if (try? epoll.modify(descriptor, exchange.interest, token: token)) == nil {
        try? epoll.add(descriptor, exchange.interest, token: token)
      }
    }
  }
}
