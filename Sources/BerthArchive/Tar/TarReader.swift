import BerthCore
import BerthLinux

/// Reads a tar stream member by member: ustar, PAX and GNU long names. Every number is checked before it is used; the size that
/// decides how much content is read is the same that decides where the next header starts.
public final class TarReader {
  private let input: InputBuffer
  /// The source, where it is a file: what isn't wanted of it needn't be read.
  private let file: FileSource?
  /// Of the current member: content not read yet, and the filling up to 512 after it.
  private var content: Int64 = 0
  private var padding = 0
  private var ended = false
  private var isFirst = true

  public init(_ source: any ByteSource) {
    input = InputBuffer(source)
    file = source as? FileSource
  }

  /// The next member; nil at the archive's end. What is left of the last one's content is skipped.
  public func next() throws(BerthError) -> TarEntry? {
    var extensions = TarExtensions()
    var extensionBytes = 0
    while true {
      guard let header = try nextHeader() else { return nil }
      switch header.type {
      case UInt8(ascii: "x"): try extensions.read(try extensionContent(header, &extensionBytes))
      case UInt8(ascii: "L"): extensions.longName = try longName(header, &extensionBytes)
      case UInt8(ascii: "K"): extensions.longLinkName = try longName(header, &extensionBytes)
      // A global header speaks of the archive; as other image tools do, nothing in it is applied to members. A volume label is no file.
      case UInt8(ascii: "g"), UInt8(ascii: "V"): _ = try extensionContent(header, &extensionBytes)
      default: return try entry(header, extensions)
      }
    }
  }

  /// Hands the current member's content over in parts, each valid during the call.
  public func content(_ body: (UnsafeRawBufferPointer) throws(BerthError) -> Void) throws(BerthError) {
    while content > 0 {
      guard try input.refill() else { throw TarHeader.malformed("the archive is truncated") }
      let count = Int(min(Int64(input.available.count), content))
      try body(UnsafeRawBufferPointer(rebasing: input.available[..<count]))
      input.consume(count)
      content -= Int64(count)
    }
  }

  /// The next header that isn't zero; nil at the end, which is two zero blocks, or one, or the end of the stream.
  private func nextHeader() throws(BerthError) -> TarHeader? {
    if !ended { try skip() }
    if ended { return nil }
    guard let header = try block() else {
      ended = true
      return nil
    }
    if header.isZero {
      ended = true
      if let second = try block(), !second.isZero { throw TarHeader.malformed("a member follows a zero block") }
      return nil
    }
    do throws(BerthError) { try header.verifyChecksum() } catch {
      throw isFirst ? TarHeader.malformed("it is no tar archive: \(error.cause)") : error
    }
    isFirst = false
    return header
  }

  /// Where the current member's content that wasn't read yet starts in the file that `source` reads; nil if it reads no file.
  public var contentOffset: Int64? { file.map { $0.at - Int64(input.available.count) } }

  private func skip() throws(BerthError) {
    let ready = Int64(input.available.count)
    if let file, content > ready {
      file.skip(content - ready)
      input.drop()
      content = 0
    }
    try content { (_) throws(BerthError) in }
    while padding > 0 {
      // umoci ends an archive with the content of its last member, unfilled; other readers take that, too.
      guard try input.refill() else {
        ended = true
        return
      }
      let count = min(input.available.count, padding)
      input.consume(count)
      padding -= count
    }
  }

  /// 512 bytes; nil at the end of the stream.
  private func block() throws(BerthError) -> TarHeader? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(TarHeader.size)
    while bytes.count < TarHeader.size {
      guard try input.refill() else {
        if bytes.isEmpty { return nil }
        throw TarHeader.malformed("the archive is truncated")
      }
      let count = min(input.available.count, TarHeader.size - bytes.count)
      bytes += input.available[..<count]
      input.consume(count)
    }
    return TarHeader(bytes: bytes)
  }

  private func begin(_ size: Int64) throws(BerthError) {
    guard size >= 0, size <= Int64.max - 512 else { throw TarHeader.malformed("a member's size is out of range") }
    content = size
    padding = Int((512 - size % 512) % 512)
  }

  private func extensionContent(_ header: TarHeader, _ total: inout Int) throws(BerthError) -> [UInt8] {
    let size = try header.number(124..<136, "size")
    guard size >= 0, size <= Int64(TarLimits.extensionBytes - total) else {
      throw TarHeader.malformed("an extension header is larger than \(TarLimits.extensionBytes) bytes")
    }
    // The header itself counts too, so that a chain of empty ones ends.
    total += Int(size) + TarHeader.size
    try begin(size)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(size))
    try content { (part) throws(BerthError) in bytes += part }
    return bytes
  }

  private func longName(_ header: TarHeader, _ total: inout Int) throws(BerthError) -> [UInt8] {
    let bytes = try extensionContent(header, &total)
    let name = Array(bytes.prefix { $0 != 0 })
    guard name.count <= TarLimits.nameBytes, bytes.count <= name.count + 512 else {
      throw TarHeader.malformed("a name is longer than \(TarLimits.nameBytes) bytes or has a NUL in it")
    }
    return name
  }

  private func entry(_ header: TarHeader, _ extensions: TarExtensions) throws(BerthError) -> TarEntry {
    let name = extensions.name ?? extensions.longName ?? header.name
    let target = extensions.linkName ?? extensions.longLinkName ?? header.text(157..<257)
    // Where PAX says a size, the header's may be meaningless and isn't read at all; likewise the owner and the time.
    var size: Int64 = if let size = extensions.size { size } else { try header.number(124..<136, "size") }
    let uid: UInt32 = if let uid = extensions.uid { uid } else { try header.small(108..<116, "uid") }
    let gid: UInt32 = if let gid = extensions.gid { gid } else { try header.small(116..<124, "gid") }
    let modified =
      if let time = extensions.modified { time } else { TreeFiles.Time(seconds: try header.number(136..<148, "mtime")) }
    let kind: TarEntry.Kind
    switch header.type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      // The oldest format has no type for directories.
      let isDirectory = header.type == 0 && name.last == UInt8(ascii: "/")
      kind = isDirectory ? .directory : .file
      if isDirectory { size = 0 }
    case UInt8(ascii: "1"): kind = .hardLink(target: target)
    case UInt8(ascii: "2"): kind = .symlink(target: target)
    case UInt8(ascii: "3"):
      kind = .characterDevice(major: try header.small(329..<337, "device"), minor: try header.small(337..<345, "device"))
    case UInt8(ascii: "4"): kind = .blockDevice(major: try header.small(329..<337, "device"), minor: try header.small(337..<345, "device"))
    case UInt8(ascii: "5"): kind = .directory
    case UInt8(ascii: "6"): kind = .fifo
    case UInt8(ascii: "S"): throw BerthError(.unsupported, "read tar", cause: "sparse files are not supported")
    default: throw BerthError(.unsupported, "read tar", cause: "member type \(header.type) is not supported")
    }
    // All but files have no content, whatever their size field says.
    if kind != .file { size = 0 }
    try begin(size)
    return TarEntry(
      name: name, kind: kind, mode: UInt32(truncatingIfNeeded: try header.number(100..<108, "mode")) & 0o7777, uid: uid, gid: gid,
      size: size,
      modified: modified, attributes: extensions.attributes)
  }
}
