import CBerthSys

/// An epoll(7) instance, level-triggered. Tokens are the owner's: they come back with the descriptors that are ready.
public struct Epoll: ~Copyable, Sendable {
  /// What a descriptor is watched for, and what it is ready for.
  public struct Interest: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let input = Interest(rawValue: EPOLLIN.rawValue)
    public static let output = Interest(rawValue: EPOLLOUT.rawValue)
    /// Reported whether asked for or not.
    public static let hangUp = Interest(rawValue: EPOLLHUP.rawValue)
    /// Reported whether asked for or not.
    public static let failure = Interest(rawValue: EPOLLERR.rawValue)
  }

  /// A ready descriptor.
  public struct Ready: Sendable {
    public var token: UInt64
    public var events: Interest
  }

  /// The most that one `wait` reports; what else is ready comes with the next.
  public static let batch = 32

  private let fd: FD

  public init() throws(Errno) { fd = FD(owning: try call { epoll_create1(Int32(EPOLL_CLOEXEC)) }) }

  public borrowing func add(_ number: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
    let epoll = fd.raw
    try call { berth_epoll_control(epoll, EPOLL_CTL_ADD, number, interest.rawValue, token) }
  }

  public borrowing func modify(_ number: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
    let epoll = fd.raw
    try call { berth_epoll_control(epoll, EPOLL_CTL_MOD, number, interest.rawValue, token) }
  }

  /// Must come before the descriptor is closed if a duplicate of it lives on elsewhere. One that isn't watched is fine.
  public borrowing func remove(_ number: Int32) {
    let epoll = fd.raw
    _ = berth_epoll_control(epoll, EPOLL_CTL_DEL, number, 0, 0)
  }

  /// Calls `body` for every ready descriptor, up to `batch`. A negative `milliseconds` waits for ever; a signal ends the wait early.
  public borrowing func wait(milliseconds: Int32 = -1, _ body: (Ready) -> Void) throws(Errno) {
    let epoll = fd.raw
    var failure: Errno?
    withUnsafeTemporaryAllocation(of: berth_epoll_ready.self, capacity: Self.batch) { ready in
      let found = berth_epoll_wait(epoll, ready.baseAddress, Int32(Self.batch), milliseconds)
      if found < 0, Errno.current != .interrupted { failure = Errno.current }
      for at in 0..<Int(max(found, 0)) {
        body(Ready(token: ready[at].token, events: Interest(rawValue: ready[at].events)))
      }
    }
    if let failure { throw failure }
  }
}
