import BerthCore
import Synchronization

/// What the directory asks for, by pod. Written by the directory's thread, read by everybody.
public final class DesiredStore: Sendable {
  private struct State {
    var entries: [PodKey: DesiredEntry] = [:]
    var warning: String?
  }
  private let state = Mutex(State())

  public init() {}

  public func entry(_ key: PodKey) -> DesiredEntry? { state.withLock { $0.entries[key] } }
  public func all() -> [PodKey: DesiredEntry] { state.withLock { $0.entries } }
  /// What hinders the directory as a whole.
  public var warning: String? { state.withLock { $0.warning } }

  func apply(_ update: ManifestDirectory.Update) {
    state.withLock { state in
      state.warning = update.warning
      for (key, entry) in update.entries { state.entries[key] = entry.asksForNothing ? nil : entry }
    }
  }

  func set(_ key: PodKey, _ entry: DesiredEntry) { state.withLock { $0.entries[key] = entry.asksForNothing ? nil : entry } }
}

extension DesiredEntry {
  /// Its manifest is gone.
  fileprivate var asksForNothing: Bool { desired == nil && problem == nil }
}
