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
  /// This attempt's files were removed; all of them had been read.
  private var isGone = false
  /// Bytes read of the current file.
  private var offset: Int64 = 0
  /// The newest file as it was when reading began, where what comes after that isn't asked for: a container may write faster than anybody
  /// reads.
  private var end: FileStatus?

  /// Called where reading goes on behind files that were rotated away before they could be read.
  public var whenMissed: () -> Void = {}

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
    defer { end = nil }
    do throws(Errno) {
      end = try generations().last?.status
      try read(each)
    } catch {
      if error == .notFound { return }
      throw BerthError(.unavailable, "read log", "\(directory)/\(attempt).log", cause: "\(error)")
    }
  }

  /// Waits for changes and reads on, also into the logs of later attempts, until the log's folder is gone or `end` was woken; what was
  /// written before that is read.
  public mutating func follow(until end: WakeUp? = nil, _ each: (LogRecord) -> Void) throws(BerthError) {
    do throws(Errno) {
      let changes = try DirectoryChanges(directory)
      while true {
        try readAttempts(each)
        guard try changes.wait(until: end) else { return try readAttempts(each) }
      }
    } catch {
      if error == .notFound { return }
      throw BerthError(.unavailable, "follow log", directory, cause: "\(error)")
    }
  }

  private mutating func readAttempts(_ each: (LogRecord) -> Void) throws(Errno) {
    while true {
      // Looked for before the last read: once there is a later attempt, this one has ended.
      let later = try Files.list(directory).compactMap { $0.hasSuffix(".log") ? UInt32($0.dropLast(4)) : nil }.filter { $0 > attempt }.min()
      try read(each)
      guard let later else { return }
      attempt = later
      current = nil
      isGone = false
    }
  }

  private mutating func read(_ each: (LogRecord) -> Void) throws(Errno) {
    if isGone { return }
    if current == nil { try openFile(after: nil) }
    while current != nil {
      try readCurrent(each)
      if try isAtEnd() { return }
      guard try isOld() else { return try letGoIfRemoved() }
      // What came between reading and rotation; from here on nobody writes to it.
      try readCurrent(each)
      try openFile(after: try current?.status())
    }
  }

  /// A removed file that is still open keeps the kernel from telling that its folder is gone too.
  private mutating func letGoIfRemoved() throws(Errno) {
    guard try current?.status().links == 0 else { return }
    current = nil
    isGone = true
  }

  private struct Generation {
    /// 0 is the one being written; the higher, the older.
    var number: Int
    var path: String
    var status: FileStatus
  }

  /// This attempt's files that are there, oldest first.
  private func generations() throws(Errno) -> [Generation] {
    let base = "\(attempt).log"
    var found: [Generation] = []
    for name in try Files.list(directory) where name == base || name.hasPrefix(base + ".") {
      guard let number = name == base ? 0 : Int(name.dropFirst(base.utf8.count + 1)) else { continue }
      // One that was just moved on is listed again by the next look.
      guard let status = try? Files.status("\(directory)/\(name)") else { continue }
      found.append(Generation(number: number, path: "\(directory)/\(name)", status: status))
    }
    return found.sorted { $0.number > $1.number }
  }

  /// Whether all that was asked for has been read.
  private func isAtEnd() throws(Errno) -> Bool {
    guard let end, let open = try current?.status() else { return false }
    return Self.isSame(open, end) && offset >= end.size
  }

  /// Whether the open file has a younger one.
  private func isOld() throws(Errno) -> Bool {
    guard let open = try current?.status() else { return false }
    return try generations().last.map { !Self.isSame($0.status, open) } ?? false
  }

  /// Opens the file after the one with this status: the oldest for nil, or where that one is no longer there. Tried again where a
  /// rotation comes in between.
  private mutating func openFile(after status: FileStatus?) throws(Errno) {
    for _ in 0..<8 {
      let files = try generations()
      let at = status.flatMap { status in files.firstIndex { Self.isSame($0.status, status) } }
      guard let next = files.dropFirst(at.map { $0 + 1 } ?? 0).first else { return }
      guard let file = try? Files.open(next.path, FileFlags.read), Self.isSame(try file.status(), next.status) else { continue }
      current = consume file
      offset = 0
      if status != nil, at == nil { whenMissed() }
      return
    }
  }

  private static func isSame(_ a: FileStatus, _ b: FileStatus) -> Bool { a.inode == b.inode && a.device == b.device }

  private mutating func readCurrent(_ each: (LogRecord) -> Void) throws(Errno) {
    guard let file = current.take() else { return }
    try drain(file, each)
    current = consume file
  }

  private mutating func drain(_ file: borrowing FD, _ each: (LogRecord) -> Void) throws(Errno) {
    let status = try file.status()
    let limit = end.flatMap { Self.isSame($0, status) ? $0.size : nil } ?? .max
    while offset < limit {
      let bytes = try file.read(upTo: 1 << 18)
      if bytes.isEmpty { return }
      offset += Int64(bytes.count)
      pending += bytes
      var start = 0
      while let end = pending[start...].firstIndex(of: 10) {
        if let record = LogRecord(pending[start..<end]) { each(record) }
        start = end + 1
      }
      pending.removeFirst(start)
    }
  }
}
