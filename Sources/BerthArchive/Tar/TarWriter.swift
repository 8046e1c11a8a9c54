import BerthCore
import BerthLinux

/// Writes ustar, with a PAX header before a member that ustar can't express.
public final class TarWriter {
  private let sink: any ByteSink
  /// Of the current member: content still to come.
  private var content: Int64 = 0
  private var padding = 0

  public init(_ sink: any ByteSink) { self.sink = sink }

  /// Begins a member. For a file, exactly `entry.size` bytes of `content` follow.
  public func begin(_ entry: TarEntry) throws(BerthError) {
    precondition(content == 0, "the last member's content is complete")
    let records = Self.records(for: entry)
    if !records.isEmpty {
      try sink.write(Self.block(name: "PaxHeaders/x".utf8, type: "x", mode: 0o644, size: Int64(records.count)))
      try sink.write(records + [UInt8](repeating: 0, count: (512 - records.count % 512) % 512))
    }
    try sink.write(Self.block(for: entry))
    content = entry.kind == .file ? entry.size : 0
    padding = Int((512 - content % 512) % 512)
    if content == 0 { padding = 0 }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    precondition(Int64(bytes.count) <= content, "no more content than announced")
    try sink.write(bytes)
    content -= Int64(bytes.count)
    if content == 0, padding > 0 {
      try sink.write([UInt8](repeating: 0, count: padding))
      padding = 0
    }
  }

  public func write(_ bytes: [UInt8]) throws(BerthError) {
    var failure: BerthError?
    bytes.withUnsafeBytes { buffer in
      do throws(BerthError) { try write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// A file with its content.
  public func add(_ entry: TarEntry, content: [UInt8] = []) throws(BerthError) {
    var entry = entry
    if entry.kind == .file { entry.size = Int64(content.count) }
    try begin(entry)
    if !content.isEmpty { try write(content) }
  }

  /// The two zero blocks.
  public func finish() throws(BerthError) {
    precondition(content == 0, "the last member's content is complete")
    try sink.write([UInt8](repeating: 0, count: 1024))
  }

  /// How many bytes come before the member's own header.
  public static func extensionSize(for entry: TarEntry) -> Int64 {
    let count = records(for: entry).count
    return count == 0 ? 0 : Int64(512 + (count + 511) / 512 * 512)
  }

  private static let largestOctal: Int64 = 0o77777777777

  private static func target(of entry: TarEntry) -> [UInt8] {
    switch entry.kind {
    case .symlink(let target), .hardLink(let target): target
    default: []
    }
  }

  private static func records(for entry: TarEntry) -> [UInt8] {
    var records: [UInt8] = []
    if entry.name.count > 100 { records += record("path", entry.name) }
    if target(of: entry).count > 100 { records += record("linkpath", target(of: entry)) }
    if entry.size > largestOctal { records += record("size", "\(entry.size)".utf8) }
    if entry.uid > 0o7777777 { records += record("uid", "\(entry.uid)".utf8) }
    if entry.gid > 0o7777777 { records += record("gid", "\(entry.gid)".utf8) }
    let time = entry.modified
    if time.nanoseconds != 0, time.seconds >= 0 {
      let digits = String(time.nanoseconds)
      records += record("mtime", "\(time.seconds).\(String(repeating: "0", count: max(0, 9 - digits.count)))\(digits)".utf8)
    } else if !(0...largestOctal).contains(time.seconds) {
      records += record("mtime", "\(time.seconds)".utf8)
    }
    for attribute in entry.attributes {
      records += record("SCHILY.xattr." + String(decoding: attribute.name, as: UTF8.self), attribute.value)
    }
    return records
  }

  /// The length counts its own digits.
  static func record(_ key: String, _ value: some Collection<UInt8>) -> [UInt8] {
    let rest = key.utf8.count + value.count + 3
    var length = rest + String(rest).utf8.count
    length = rest + String(length).utf8.count
    return Array("\(length) \(key)=".utf8) + value + [10]
  }

  private static func block(for entry: TarEntry) -> [UInt8] {
    var device: (UInt32, UInt32) = (0, 0)
    let type: Unicode.Scalar
    switch entry.kind {
    case .file: type = "0"
    case .hardLink: type = "1"
    case .symlink: type = "2"
    case .characterDevice(let major, let minor): (type, device) = ("3", (major, minor))
    case .blockDevice(let major, let minor): (type, device) = ("4", (major, minor))
    case .directory: type = "5"
    case .fifo: type = "6"
    }
    return block(
      name: entry.name, type: type, mode: entry.mode, uid: entry.uid, gid: entry.gid, size: entry.size > largestOctal ? 0 : entry.size,
      modified: (0...largestOctal).contains(entry.modified.seconds) ? entry.modified.seconds : 0, target: target(of: entry), device: device)
  }

  /// One header block with its checksum.
  static func block(
    name: some Collection<UInt8>, type: Unicode.Scalar, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, size: Int64, modified: Int64 = 0,
    target: [UInt8] = [], device: (UInt32, UInt32) = (0, 0)
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ value: some Collection<UInt8>, _ at: Int, _ limit: Int) {
      bytes.replaceSubrange(at..<at + min(limit, value.count), with: value.prefix(limit))
    }
    func octal(_ value: Int64, _ at: Int, _ digits: Int) {
      let text = String(value, radix: 8)
      put((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8, at, digits)
    }
    put(name, 0, 100)
    octal(Int64(mode), 100, 7)
    octal(uid > 0o7777777 ? 0 : Int64(uid), 108, 7)
    octal(gid > 0o7777777 ? 0 : Int64(gid), 116, 7)
    octal(size, 124, 11)
    octal(modified, 136, 11)
    bytes[156] = UInt8(truncatingIfNeeded: type.value)
    put(target, 157, 100)
    put("ustar\0".utf8, 257, 6)
    put("00".utf8, 263, 2)
    octal(Int64(device.0), 329, 7)
    octal(Int64(device.1), 337, 7)
    put("        ".utf8, 148, 8)
    octal(bytes.reduce(0) { $0 + Int64($1) }, 148, 6)
    bytes[154] = 0
    return bytes
  }
}
