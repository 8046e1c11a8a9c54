/// A path or a name as the kernel sees it: bytes without NUL, of no particular encoding. For names that somebody else chose.
public struct PathBytes: Hashable, Sendable, CustomStringConvertible {
  /// With a NUL at the end.
  private let terminated: [UInt8]

  /// nil if `bytes` holds a NUL. Inlined, since layers have many thousands of names: a collection that isn't known is copied byte by byte.
  @inlinable
  public init?(_ bytes: some Collection<UInt8>) {
    var copy: [UInt8] = []
    copy.reserveCapacity(bytes.count + 1)
    copy += bytes
    self.init(unterminated: copy)
  }

  @usableFromInline
  init?(unterminated bytes: consuming [UInt8]) {
    guard !bytes.contains(0) else { return nil }
    bytes.append(0)
    terminated = bytes
  }

  /// A name of the program's own.
  public init(_ text: StaticString) { terminated = text.withUTF8Buffer { Array($0) } + [0] }

  /// `components` with slashes between them; `.` for none. None of them holds a NUL, being path bytes.
  public init(joining components: some Collection<PathBytes>) {
    var bytes: [UInt8] = []
    for component in components {
      if !bytes.isEmpty { bytes.append(UInt8(ascii: "/")) }
      bytes += component.bytes
    }
    if bytes.isEmpty { bytes.append(UInt8(ascii: ".")) }
    bytes.append(0)
    terminated = bytes
  }

  public var bytes: ArraySlice<UInt8> { terminated.dropLast() }
  public var count: Int { terminated.count - 1 }
  public var isEmpty: Bool { terminated.count == 1 }

  /// The pointer is valid during the call.
  public func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    terminated.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("never without its NUL") }
      return body(base.assumingMemoryBound(to: CChar.self))
    }
  }

  /// For messages: what is not UTF-8 is replaced, control characters are escaped.
  public var description: String {
    var text = ""
    for scalar in String(decoding: bytes.prefix(512), as: UTF8.self).unicodeScalars {
      text += scalar.value < 32 || (127..<160).contains(scalar.value) ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return text
  }
}
