import BerthLinux

/// Bytes between this program's streams and those of a process: nothing waits for a process that doesn't read while another writes.
struct Relay: ~Copyable {
  /// To the process's standard input; nil once it is closed.
  var input: FD?
  /// From its standard output and error.
  var output: FD?
  var errors: FD?
  /// The other side of its terminal, in place of the three.
  private(set) var terminal: FD?
  /// Whether what the process writes comes from there.
  private var readsTerminal = false
  var readsInput = false
  private var keys = DetachKeys()
  /// Read here and not yet written there.
  private var pending: ArraySlice<UInt8> = []
  private var inputEnded = false
  private static let piece = 64 << 10

  init() {}

  mutating func makeNonBlocking() throws(Errno) {
    for number in [input.descriptor, output.descriptor, errors.descriptor] { if let number { try Descriptors.setNonBlocking(number) } }
  }

  /// `reads`: what the process writes is read from it, and not from `output`.
  mutating func begin(terminal: consuming FD, reads: Bool) {
    // Whoever else holds an attached terminal reads it without waiting, too.
    try? terminal.setNonBlocking()
    self.terminal = consume terminal
    readsTerminal = reads
    copySize()
  }

  mutating func begin(input: consuming FD) { self.input = consume input }

  func copySize() { if let number = terminal.descriptor { RawTerminal.copySize(to: number) } }

  private var target: Int32? { terminal.descriptor ?? input.descriptor }

  var readable: [Int32] {
    let sources = [output.descriptor, errors.descriptor, readsTerminal ? terminal.descriptor : nil].compactMap(\.self)
    return readsInput && pending.isEmpty && target != nil ? sources + [0] : sources
  }
  var writable: [Int32] { pending.isEmpty ? [] : [target].compactMap(\.self) }

  /// True if the user wants to leave.
  mutating func serve(_ readable: Set<Int32>, _ writable: Set<Int32>) -> Bool {
    if let number = output.descriptor, readable.contains(number), !copy(number, to: 1) { output = nil }
    if let number = errors.descriptor, readable.contains(number), !copy(number, to: 2) { errors = nil }
    if readsTerminal, let number = terminal.descriptor, readable.contains(number), !copy(number, to: 1) { terminal = nil }
    var leaves = false
    if readable.contains(0) { leaves = readInput() }
    if let target, !pending.isEmpty { writePending(to: target) }
    return leaves
  }

  private mutating func readInput() -> Bool {
    guard var bytes = try? Descriptors.readAvailable(0, upTo: Self.piece), !bytes.isEmpty else {
      readsInput = false
      inputEnded = true
      // A terminal has no end: its users type one.
      if terminal.descriptor != nil { pending = [4] } else { input = nil }
      return false
    }
    var leaves = false
    if terminal.descriptor != nil { (bytes, leaves) = keys.pass(bytes) }
    pending = bytes[...]
    return leaves
  }

  private mutating func writePending(to target: Int32) {
    do throws(Errno) { pending = pending.dropFirst(try Descriptors.writeAvailable(pending, to: target)) } catch {
      // Nobody reads it any more.
      pending = []
      readsInput = false
      input = nil
    }
  }

  /// False at the end of the stream.
  private func copy(_ from: Int32, to: Int32) -> Bool {
    var bytes: [UInt8]
    do throws(Errno) { bytes = try Descriptors.read(from, upTo: Self.piece) } catch { return error == .again }
    return !bytes.isEmpty && Descriptors.write(&bytes, to: to)
  }

  /// What the process wrote before its end. A pipe holds at most 1 MiB; what others still write isn't waited for.
  mutating func drain() {
    for _ in 0..<32 {
      if let number = output.descriptor, !drainOnce(number, to: 1) { output = nil }
      if let number = errors.descriptor, !drainOnce(number, to: 2) { errors = nil }
      if readsTerminal, let number = terminal.descriptor, !drainOnce(number, to: 1) { terminal = nil }
    }
  }

  /// False if there is nothing (any more).
  private func drainOnce(_ from: Int32, to: Int32) -> Bool {
    guard var bytes = try? Descriptors.read(from, upTo: Self.piece), !bytes.isEmpty else { return false }
    return Descriptors.write(&bytes, to: to)
  }
}
