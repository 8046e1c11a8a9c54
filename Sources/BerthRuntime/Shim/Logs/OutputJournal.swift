import BerthCore
import BerthLinux

/// What a stream of a container has given and its log hasn't got yet, in the pages of a file: whoever looks after the container when this
/// process has been killed, at whatever instruction, finds what was on its way and where the log stood. Nothing is lost, nothing is
/// written twice.
///
/// The file has a header and then the data. One word of the header, the mark, says what of the data is pending; it is changed in one
/// store, and names one of two places that hold where the log stood when the pending data's first record had yet to be written, and the
/// time that all of them bear. From these the records are made again, byte for byte, and those that the log has already are passed over.
///
/// read(2) takes bytes off a pipe before it can say how many they were. So it is asked for as many as the pipe is known to have, which
/// gives all or, killed before, none of them; which it was is told by the last of the bytes, where something stood that no text has.
///
/// Where the file can't be had (a full state folder, Linux before 5.14), it is memory like any other, which goes with its process.
final class OutputJournal {
  static let size = 80 << 10
  static let dataOffset = 64
  static let capacity = size - dataOffset
  /// What one read takes at most: as much as a pipe holds.
  private static let maxRead = 64 << 10
  /// No UTF-8 has any of these bytes.
  private static let unread: [UInt8] = [
    0xFF, 0xFB, 0xFE, 0xF9, 0xFA, 0xFF, 0xFC, 0xFD, 0xFB, 0xF8, 0xFE, 0xFC, 0xF9, 0xFF, 0xFD, 0xFA,
  ]

  private let path: String
  private var pages: MappedPages?
  /// How many bytes of the file are there for sure.
  private var reserved = 0
  private var mark = Mark()
  /// Of all records of what is pending.
  private(set) var time = Timestamp(nanoseconds: 0)

  /// Touches nothing yet.
  init(path: String) { self.path = path }

  /// Valid until the next `read`, also what has been taken of it since the last.
  var pending: UnsafeRawBufferPointer { data(mark.start..<mark.end) }
  /// Whether nothing comes after what is pending.
  var isLast: Bool { mark.isLast }
  /// Whether a keeper will find what is pending.
  var isKept: Bool { pages?.isFile ?? false }

  private func data(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    guard let pages else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: pages.bytes[Self.dataOffset + range.lowerBound..<Self.dataOffset + range.upperBound])
  }

  // MARK: reading

  /// One read(2). `admit` is to follow at once: the bytes are pending from then on. 0 at the end of the stream, nil if there is nothing
  /// yet.
  func read(from number: Int32) throws(Errno) -> Int? {
    compact()
    // One that has nothing, as far as it says, is asked all the same: for its end, or an error.
    let wanted = min(max(1, (try? Descriptors.readableCount(number)) ?? 0), Self.maxRead, Self.capacity - mark.end)
    let pages = try reserve(Self.dataOffset + mark.end + wanted)
    let space = UnsafeMutableRawBufferPointer(rebasing: pages.bytes[(Self.dataOffset + mark.end)...].prefix(wanted))
    Self.putUnread(space)
    set { $0.wanted = wanted }
    do throws(Errno) { return try Descriptors.read(number, into: space) } catch {
      set { $0.wanted = 0 }
      if error == .again { return nil }
      throw error
    }
  }

  /// What is pending moves to the front, where it doesn't overlap with itself there: until the mark is set, what it says is true.
  private func compact() {
    let count = mark.end - mark.start
    guard mark.start > 0, count <= mark.start, let pages else { return }
    UnsafeMutableRawBufferPointer(rebasing: pages.bytes[Self.dataOffset...].prefix(count)).copyMemory(from: pending)
    set { ($0.start, $0.end) = (0, count) }
  }

  private static func putUnread(_ space: UnsafeMutableRawBufferPointer) {
    let count = min(unread.count, space.count)
    for at in 0..<count { space[space.count - count + at] = unread[at] }
  }

  private static func isUnread(_ space: UnsafeRawBufferPointer) -> Bool {
    let count = min(unread.count, space.count)
    return space[(space.count - count)...].elementsEqual(unread[..<count])
  }

  // MARK: from here to the log

  /// The `count` bytes that were just read are pending, with what was pending before; the log stands at `position`.
  func admit(_ count: Int, at position: LogPosition, _ now: Timestamp) {
    time = now
    set(position) { ($0.end, $0.wanted) = ($0.end + count, 0) }
  }

  /// Nothing comes after what is pending.
  func end(at position: LogPosition, _ now: Timestamp) {
    time = now
    set(position) { $0.isLast = true }
  }

  /// The records of the first `count` bytes that were pending are in the log, which stands at `position` now.
  func take(_ count: Int, at position: LogPosition) {
    set(position) {
      $0.start += count
      if $0.start == $0.end { ($0.start, $0.end) = (0, 0) }
    }
  }

  private func set(_ position: LogPosition? = nil, _ change: (inout Mark) -> Void) {
    change(&mark)
    if let position {
      mark.place ^= 1
      store(position)
    }
    pages?.store(mark.word, at: 0)
  }

  // MARK: memory

  /// The memory that nothing is in is the kernel's again.
  func rest() {
    guard let pages else { return }
    let used = mark.end == 0 ? 0 : Self.wholePages(Self.dataOffset + mark.end)
    pages.giveBack(used..<Self.size)
    reserved = min(reserved, used)
    // There may be room for a file by now.
    if !pages.isFile, used == 0 { self.pages = nil }
  }

  /// All of it is in the log.
  func remove() {
    pages = nil
    reserved = 0
    mark = Mark()
    try? Files.unlink(path)
  }

  private static func wholePages(_ count: Int) -> Int { (count + MappedPages.pageSize - 1) / MappedPages.pageSize * MappedPages.pageSize }

  private func reserve(_ count: Int) throws(Errno) -> MappedPages {
    let wanted = Self.wholePages(count)
    if let pages, wanted <= reserved { return pages }
    do throws(Errno) {
      let open = if let pages { pages } else { try MappedPages(file: path, size: Self.size, create: true) }
      try open.reserve(reserved..<wanted)
      (pages, reserved) = (open, wanted)
      return open
    } catch { return try leaveFile() }
  }

  /// What is pending must not be found in the file any more.
  private func leaveFile() throws(Errno) -> MappedPages {
    let own = try MappedPages(size: Self.size)
    if let pages, reserved > 0 {
      let used = Self.dataOffset + mark.end
      own.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: pages.bytes[..<used]))
      pages.store(0, at: 0)
    }
    try? Files.unlink(path)
    (pages, reserved) = (own, Self.size)
    return own
  }

  // MARK: after another's death

  /// Takes over what another process left. The log stands at `position`; the answer is where it stood when the first record of what is
  /// pending had yet to be written. What was read when that process died, and not yet admitted, is pending, too.
  func recover(at position: LogPosition, _ now: Timestamp) -> LogPosition {
    guard let left = try? MappedPages(file: path, size: Self.size, create: false),
      (try? left.reserve(0..<MappedPages.pageSize)) != nil, let found = Mark(word: left.bytes.load(as: UInt64.self)),
      (try? left.reserve(0..<Self.wholePages(Self.dataOffset + found.end + found.wanted))) != nil
    else { return position }
    (pages, mark, reserved) = (left, found, Self.wholePages(Self.dataOffset + found.end + found.wanted))
    if found.wanted > 0 {
      admit(Self.isUnread(data(found.end..<found.end + found.wanted)) ? 0 : found.wanted, at: position, now)
      return position
    }
    return stored()
  }

  private var placeOffset: Int { 8 + 24 * mark.place }

  private func store(_ position: LogPosition) {
    guard let bytes = pages?.bytes else { return }
    bytes.storeBytes(of: position.inode, toByteOffset: placeOffset, as: UInt64.self)
    bytes.storeBytes(of: position.size, toByteOffset: placeOffset + 8, as: Int64.self)
    bytes.storeBytes(of: time.nanoseconds, toByteOffset: placeOffset + 16, as: Int64.self)
  }

  private func stored() -> LogPosition {
    guard let bytes = pages?.bytes else { return .unknown }
    time = Timestamp(nanoseconds: bytes.load(fromByteOffset: placeOffset + 16, as: Int64.self))
    return LogPosition(
      inode: bytes.load(fromByteOffset: placeOffset, as: UInt64.self), size: bytes.load(fromByteOffset: placeOffset + 8, as: Int64.self))
  }
}

extension OutputJournal {
  /// What one 64-bit word of the file says: 17 bits for each number, two flags, and the version above.
  private struct Mark: Equatable {
    static let version: UInt64 = 1

    /// Of the data: what is pending.
    var start = 0
    var end = 0
    /// How many bytes a read that has begun puts at `end`; 0 at any other time.
    var wanted = 0
    var isLast = false
    /// Which place says where the log stood.
    var place = 0

    init() {}

    /// nil for zeros, and for what another version wrote.
    init?(word: UInt64) {
      func number(_ shift: UInt64) -> Int { Int(word >> shift & 0x1FFFF) }
      (start, end, wanted) = (number(0), number(17), number(34))
      isLast = word >> 51 & 1 != 0
      place = Int(word >> 52 & 1)
      guard word >> 56 == Self.version, start <= end, end + wanted <= OutputJournal.capacity else { return nil }
    }

    var word: UInt64 {
      UInt64(start) | UInt64(end) << 17 | UInt64(wanted) << 34 | (isLast ? 1 << 51 : 0) | UInt64(place) << 52 | Self.version << 56
    }
  }
}
