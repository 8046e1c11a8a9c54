import BerthLinux
import NIOCore
import Synchronization

/// The connections that are open, and which of them hold a place, or memory, without using it: so that clients that connect and say
/// nothing, or don't read what they asked for, keep nobody else out and don't fill the daemon's memory.
final class ConnectionTable: Sendable {
  private enum Use {
    /// For the rest of a request, or the next one, since then.
    case waiting(since: Int64)
    case served
    /// The client doesn't take its answer, since then.
    case unread(since: Int64)
  }
  private struct Entry {
    let channel: Channel
    var use: Use
    var unsent: Unsent?
  }
  /// An answer that waits for its client.
  private struct Unsent {
    var bytes: Int
    /// When it began, or a part of it was last sent.
    var moved: Int64
  }

  /// Of answers that wait, all of them together: what each takes beyond `free`. A single one may be larger.
  static let unsentTotal = 32 << 20
  static let free = 64 << 10

  /// An answer that is on its way stands still for a moment, too.
  private static let longestPause: Int64 = 1_000_000_000

  private let limit: Int
  private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

  init(limit: Int) { self.limit = limit }

  func add(_ channel: Channel) {
    entries.withLock { $0[ObjectIdentifier(channel)] = Entry(channel: channel, use: .waiting(since: Clock.bootNanoseconds())) }
    channel.closeFuture.whenComplete { [weak self] _ in self?.remove(channel) }
  }

  private func remove(_ channel: Channel) { entries.withLock { $0[ObjectIdentifier(channel)] = nil } }
  func waits(_ channel: Channel) { set(channel, .waiting(since: Clock.bootNanoseconds())) }
  func isServed(_ channel: Channel) { set(channel, .served) }
  func isUnread(_ channel: Channel) { set(channel, .unread(since: Clock.bootNanoseconds())) }

  private func set(_ channel: Channel, _ use: Use) { entries.withLock { $0[ObjectIdentifier(channel)]?.use = use } }

  /// Whether there is a place for a new connection: where there are too many, the one that has waited longest makes way, else one
  /// whose answer nobody reads. False if all are in use.
  func makeRoom(for newest: Channel) -> Bool {
    let (isFull, victim) = entries.withLock { entries -> (Bool, Channel?) in
      guard entries.count > limit else { return (false, nil) }
      let now = Clock.bootNanoseconds()
      let others = entries.filter { $0.key != ObjectIdentifier(newest) }
      let victim = others.min { Self.rank($0.value.use, now) < Self.rank($1.value.use, now) }
      guard let victim, Self.rank(victim.value.use, now) < .max else { return (true, nil) }
      entries[victim.key] = nil
      return (true, victim.value.channel)
    }
    victim?.close(promise: nil)
    return !isFull || victim != nil
  }

  /// Whether there is room for an answer of so many bytes. Those that nobody has read anything of for longest make way for it.
  func admit(_ count: Int, for channel: Channel) -> Bool {
    let (hasRoom, victims) = entries.withLock { entries -> (Bool, [Channel]) in
      let now = Clock.bootNanoseconds()
      let bytes = max(0, count - Self.free)
      var total = entries.values.reduce(bytes) { $0 + ($1.unsent?.bytes ?? 0) }
      var victims: [Channel] = []
      while bytes > 0, total > max(bytes, Self.unsentTotal) {
        let still = entries.filter { $0.value.unsent.map { $0.bytes > 0 && now - $0.moved > Self.longestPause } ?? false }
        guard let oldest = still.min(by: { ($0.value.unsent?.moved ?? 0) < ($1.value.unsent?.moved ?? 0) }) else { break }
        entries[oldest.key] = nil
        total -= oldest.value.unsent?.bytes ?? 0
        victims.append(oldest.value.channel)
      }
      let hasRoom = bytes == 0 || total <= max(bytes, Self.unsentTotal)
      if hasRoom { entries[ObjectIdentifier(channel)]?.unsent = Unsent(bytes: bytes, moved: now) }
      return (hasRoom, victims)
    }
    for victim in victims { victim.close(promise: nil) }
    return hasRoom
  }

  /// A part of its answer was sent.
  func progresses(_ channel: Channel) {
    entries.withLock { $0[ObjectIdentifier(channel)]?.unsent?.moved = Clock.bootNanoseconds() }
  }

  func hasSent(_ channel: Channel) { entries.withLock { $0[ObjectIdentifier(channel)]?.unsent = nil } }

  /// The lowest goes first; the highest of all stays.
  private static func rank(_ use: Use, _ now: Int64) -> Int64 {
    switch use {
    case .waiting(let since): since - now
    case .unread(let since): now - since > longestPause ? .max / 2 - (now - since) : .max
    case .served: .max
    }
  }
}

/// What bodies of requests may take in memory, all of them together. The beginning of each is free, so that only large ones can be refused.
final class BodyBudget: Sendable {
  static let total = 32 << 20
  static let free = 64 << 10
  private let used = Atomic(0)

  /// Makes a body that holds `count` bytes one of `more` as well. False: there is no room; nothing is taken then.
  func grow(from count: Int, by more: Int) -> Bool {
    let charge = Self.charge(count + more) - Self.charge(count)
    guard used.add(charge, ordering: .relaxed).newValue <= Self.total || charge == 0 else {
      used.subtract(charge, ordering: .relaxed)
      return false
    }
    return true
  }

  func release(_ count: Int) { used.subtract(Self.charge(count), ordering: .relaxed) }

  private static func charge(_ count: Int) -> Int { max(0, count - free) }
}
