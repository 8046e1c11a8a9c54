import BerthCore
import BerthLinux

/// The 512 bytes before each member. Sources: POSIX pax "ustar Interchange Format"; GNU tar manual "Basic Tar Format".
struct TarHeader {
  static let size = 512
  let bytes: [UInt8]

  static func malformed(_ cause: String) -> BerthError { BerthError(.dataLoss, "read tar", cause: cause) }

  var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
  var type: UInt8 { bytes[156] }

  /// A field's bytes up to its first NUL.
  func text(_ range: Range<Int>) -> [UInt8] { Array(bytes[range].prefix { $0 != 0 }) }

  /// The sum of all bytes with the sum's own field as spaces, bytes taken unsigned or, as old writers did, signed.
  func verifyChecksum() throws(BerthError) {
    let stored = try number(148..<156, "checksum")
    let (unsigned, negative) = bytes.withUnsafeBufferPointer { bytes in
      // 512 bytes can't overflow it, and without checks of that the loop takes many at once.
      var (sum, negative): (UInt32, UInt32) = (8 * 32, 0)
      for part in [bytes[..<148], bytes[156...]] {
        for byte in UnsafeBufferPointer(rebasing: part) {
          sum &+= UInt32(byte)
          negative &+= UInt32(byte >> 7)
        }
      }
      return (Int64(sum), Int64(negative))
    }
    guard stored == unsigned || stored == unsigned - 256 * negative else { throw Self.malformed("a header has the wrong checksum") }
  }

  /// Octal digits between spaces or NULs, or base-256 where the first bit is set. Fits 63 bits and a sign or throws.
  func number(_ range: Range<Int>, _ name: String) throws(BerthError) -> Int64 {
    let field = bytes[range]
    guard let first = field.first else { return 0 }
    if first & 0x80 != 0 { return try base256(field, name) }
    let digits = field.drop { $0 == 32 || $0 == 0 }.prefix { $0 != 32 && $0 != 0 }
    var value: Int64 = 0
    for digit in digits {
      guard (48...55).contains(digit) else { throw Self.malformed("a header's \(name) is not an octal number") }
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 8)
      let (sum, past) = shifted.addingReportingOverflow(Int64(digit - 48))
      guard !overflow, !past else { throw Self.malformed("a header's \(name) is out of range") }
      value = sum
    }
    return value
  }

  private func base256(_ field: ArraySlice<UInt8>, _ name: String) throws(BerthError) -> Int64 {
    let isNegative = (field.first ?? 0) & 0x40 != 0
    var value: Int64 = isNegative ? -1 : 0
    for (at, byte) in field.enumerated() {
      let digit = at == 0 ? (isNegative ? byte | 0x80 : byte & 0x7f) : byte
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
      // For a negative number the first byte's ones are the sign's.
      let (sum, past) =
        at == 0 ? (isNegative ? Int64(Int8(bitPattern: digit)) : Int64(digit), false) : shifted.addingReportingOverflow(Int64(digit))
      guard at == 0 || !overflow, !past else { throw Self.malformed("a header's \(name) is out of range") }
      value = sum
    }
    return value
  }

  /// With the prefix that POSIX' format has and GNU's has not.
  var name: [UInt8] {
    let name = text(0..<100)
    guard bytes[257..<263].elementsEqual("ustar\0".utf8) else { return name }
    let prefix = text(345..<500)
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }

  /// uid, gid and device numbers: 32 bits.
  func small(_ range: Range<Int>, _ name: String) throws(BerthError) -> UInt32 {
    guard let value = UInt32(exactly: try number(range, name)) else { throw Self.malformed("a header's \(name) is out of range") }
    return value
  }
}
