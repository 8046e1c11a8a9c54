import BerthLinux

/// Bytes between two connected sockets, each way until its sender ends, in constant memory.
public struct TwoWayRelay: ~Copyable {
  private let near: FD
  private let far: FD
  private var there = Direction()
  private var back = Direction()
  private static let piece = 64 << 10

  private struct Direction {
    var pending: ArraySlice<UInt8> = []
    var hasEnded = false
    /// The end was passed on.
    var isDone = false
  }

  /// Both non-blocking.
  public init(_ near: consuming FD, _ far: consuming FD) {
    self.near = near
    self.far = far
  }

  /// Until both ways have ended, or one broke.
  public mutating func run() throws(Errno) {
    while !there.isDone || !back.isDone {
      var (readable, writable): ([Int32], [Int32]) = ([], [])
      Self.want(there, near, far, &readable, &writable)
      Self.want(back, far, near, &readable, &writable)
      _ = try Descriptors.wait(readable: readable, writable: writable)
      try Self.move(&there, near, far)
      try Self.move(&back, far, near)
    }
  }

  private static func want(_ way: Direction, _ from: borrowing FD, _ to: borrowing FD, _ readable: inout [Int32], _ writable: inout [Int32])
  {
    if way.isDone { return }
    if way.pending.isEmpty { readable.append(from.raw) } else { writable.append(to.raw) }
  }

  private static func move(_ way: inout Direction, _ from: borrowing FD, _ to: borrowing FD) throws(Errno) {
    if way.isDone { return }
    if way.pending.isEmpty, !way.hasEnded, let bytes = try TCPSocket.receive(from, upTo: piece) {
      way.pending = bytes[...]
      way.hasEnded = bytes.isEmpty
    }
    if !way.pending.isEmpty { way.pending = way.pending.dropFirst(try TCPSocket.send(way.pending, over: to)) }
    guard way.hasEnded else { return }
    TCPSocket.finishSending(to)
    way.isDone = true
  }
}
