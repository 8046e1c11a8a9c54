import BerthCore
import BerthLinux
import BerthOCI

/// An image that is here, unpacked, and ready to be run.
public struct Image: Sendable, Hashable {
  /// The reference it was asked for by, in its completed form.
  public var requested: String
  /// Of the manifest for this node's platform.
  public var digest: Digest
  /// Of the index that led to the manifest, if one did.
  public var indexDigest: Digest?
  public var config: ImageConfig
  /// Lowest first.
  public var chainIDs: [Digest]
  /// Absolute paths of the unpacked layers, topmost first as overlayfs takes them. Never empty.
  public var layerDirectories: [String]
  /// Of the unpacked files' content, in bytes.
  public var size: Int64
  /// Wall clock of the pull, seconds since 1970; for display.
  public var created: Int64
  /// Never removed to make room.
  public var isPinned: Bool
  /// When a container was last seen to use it, wall clock, seconds since 1970; 0: not yet.
  public var lastUsed: Int64
  /// A directory of the node, not layers of the store's.
  var isDirectory = false
  /// How the image's root directory looks: a snapshot's looks the same.
  var root: RootDirectory

  struct RootDirectory: Sendable, Hashable {
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
  }
}

/// How far a pull is.
public enum PullEvent: Sendable, Equatable {
  /// A place where the image isn't to be had now; others are tried.
  case attempt(RegistryAttempt)
  /// The manifest is known; layers lowest first, in bytes as they are fetched.
  case resolved(manifest: Digest, layers: [(digest: Digest, size: Int64)])
  /// A layer's bytes so far.
  case progress(layer: Digest, done: Int64, total: Int64)

  public static func == (a: PullEvent, b: PullEvent) -> Bool {
    switch (a, b) {
    case (.attempt(let one), .attempt(let two)): one == two
    case (.resolved(let one, let layers), .resolved(let two, let others)):
      one == two && layers.map(\.digest) == others.map(\.digest) && layers.map(\.size) == others.map(\.size)
    case (.progress(let one, let done, let total), .progress(let two, let other, let whole)): one == two && done == other && total == whole
    default: false
    }
  }
}

/// Lets somebody else end the wait for a pull. The pull itself ends when nobody waits for it any more.
public final class PullCancellation: Sendable {
  private struct State {
    var isCancelled = false
    var handlers: [Int: @Sendable () -> Void] = [:]
    var next = 0
  }
  private let state = Monitor(State())

  public init() {}

  public var isCancelled: Bool { state.with { $0.isCancelled } }

  public func cancel() {
    let handlers = state.with { state -> [@Sendable () -> Void] in
      state.isCancelled = true
      defer { state.handlers = [:] }
      return Array(state.handlers.values)
    }
    for handler in handlers { handler() }
  }

  /// Calls `handler` at the cancellation, or now if that was before. Forget it by the number that is returned.
  func onCancel(_ handler: @escaping @Sendable () -> Void) -> Int {
    let (number, now) = state.with { state -> (Int, Bool) in
      state.next += 1
      if !state.isCancelled { state.handlers[state.next] = handler }
      return (state.next, state.isCancelled)
    }
    if now { handler() }
    return number
  }

  func forget(_ number: Int) { state.with { $0.handlers[number] = nil } }
}
