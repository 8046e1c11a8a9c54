import Synchronization

/// The one-slot mailbox of a pod's worker: what is posted while a letter lies there melts into it.
final class Mailbox: Sendable {
  struct Letter: Sendable {
    /// The newest word of the directory, nil where only a look was asked for.
    var entry: DesiredEntry?
  }

  enum Receipt {
    /// The caller must see to a reader.
    case needsReader
    /// Somebody reads it.
    case taken
    /// Nobody ever will: the worker is gone.
    case closed
  }

  private struct State {
    var letter: Letter?
    var isClosed = false
    /// Whether somebody is working the box off: until `take` finds it empty, a post needs no new reader.
    var hasReader = false
  }
  private let state = Mutex(State())

  func post(_ entry: DesiredEntry?) -> Receipt {
    state.withLock { state in
      if state.isClosed { return .closed }
      state.letter = Letter(entry: entry ?? state.letter?.entry)
      defer { state.hasReader = true }
      return state.hasReader ? .taken : .needsReader
    }
  }

  /// What lies there.
  var letter: Letter? { state.withLock { $0.letter } }

  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// nil ends the reader's duty.
  func take() -> Letter? {
    state.withLock { state in
      defer { state.letter = nil }
      if state.letter == nil { state.hasReader = false }
      return state.letter
    }
  }

  /// By the reader: no more letters, unless one has come already. Returns whether it is closed now.
  func close() -> Bool {
    state.withLock { state in
      state.isClosed = state.letter == nil
      return state.isClosed
    }
  }
}
