import BerthCore
import BerthLinux

/// One record of a container's log in CRI format: `TIME STREAM F|P TEXT`.
public struct LogRecord: Sendable, Hashable {
  public var time: Timestamp
  public var stream: String
  /// False: the line goes on in the next record of this stream.
  public var endsLine: Bool
  public var text: [UInt8]

  /// nil for a line that is no record, as a half-written last one.
  public init?(_ line: some Collection<UInt8>) {
    let parts = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, let time = Timestamp(String(decoding: parts[0], as: UTF8.self)) else { return nil }
    self.time = time
    stream = String(decoding: parts[1], as: UTF8.self)
    endsLine = parts[2].elementsEqual([UInt8(ascii: "F")])
    text = Array(parts[3])
  }
}

/// Reads a container's log files, oldest first, across rotation.
public struct LogReader: ~Copyable {
  /// `ROOT/logs/NS_POD_UID/CONTAINER`.
  private let directory: String
  private var attempt: UInt32
  private var current: FD?
  private var pending: [UInt8] = []

  /// `path`: the newest file of an attempt, `…/N.log`. Throws `.invalidArgument` for a path of another form.
  public init(path: String) throws(BerthError) {
    let name = Files.name(of: path)
    guard name.hasSuffix(".log"), let attempt = UInt32(name.dropLast(4)) else {
      throw BerthError(.invalidArgument, "read log", path, cause: "is not called N.log")
    }
    directory = Files.parent(of: path)
    self.attempt = attempt
  }

  /// Every record that is there now. Call it again for what came since.
  public mutating func records(_ each: (LogRecord) -> Void) throws(BerthError) {
    do throws(Errno) {
      if current == nil { try readRotated(each) }
      while true {
        try readCurrent(each)
        // Rotated meanwhile: what is still in the old file has been read, the new one follows.
        guard try wasReplaced() else { return }
        current = nil
      }
    } catch {
      if error == .notFound { return }
      throw BerthError(.unavailable, "read log", "\(directory)/\(attempt).log", cause: "\(error)")
    }
  }

  /// Waits for changes and reads on, also into the logs of later attempts, until the log's folder is gone.
  public mutating func follow(_ each: (LogRecord) -> Void) throws(BerthError) {
    do throws(Errno) {
      let changes = try DirectoryChanges(directory)
      while true {
        try read(each)
        while Files.exists("\(directory)/\(attempt + 1).log") {
          attempt += 1
          current = nil
          try read(each)
        }
        guard try changes.wait() else { return }
      }
    } catch { throw BerthError(.unavailable, "follow log", directory, cause: "\(error)") }
  }

  private mutating func read(_ each: (LogRecord) -> Void) throws(Errno) {
    do throws(BerthError) { try records(each) } catch { throw Errno(5) }
  }

  private mutating func readRotated(_ each: (LogRecord) -> Void) throws(Errno) {
    let prefix = "\(attempt).log."
    let numbers = try Files.list(directory).filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }
    for number in numbers.sorted(by: >) {
      let file = try Files.open("\(directory)/\(prefix)\(number)", FileFlags.read)
      try drain(file, each)
    }
  }

  private mutating func readCurrent(_ each: (LogRecord) -> Void) throws(Errno) {
    if current == nil { current = try Files.open("\(directory)/\(attempt).log", FileFlags.read) }
    guard let file = current.take() else { return }
    try drain(file, each)
    current = consume file
  }

  private mutating func drain(_ file: borrowing FD, _ each: (LogRecord) -> Void) throws(Errno) {
    while true {
      let bytes = try file.read(upTo: 1 << 18)
      if bytes.isEmpty { return }
      pending += bytes
      var start = 0
      while let end = pending[start...].firstIndex(of: 10) {
        if let record = LogRecord(pending[start..<end]) { each(record) }
        start = end + 1
      }
      pending.removeFirst(start)
    }
  }

  private mutating func wasReplaced() throws(Errno) -> Bool {
    guard let file = current.take() else { return false }
    let open = try file.status()
    current = consume file
    let named = try Files.status("\(directory)/\(attempt).log")
    return named.inode != open.inode || named.device != open.device
  }
}
