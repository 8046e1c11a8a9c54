import CBerthSys
import Glibc

/// Extended attributes. An entry that can't be opened without an effect (symlink, device, FIFO) is reached by its directory's descriptor
/// in /proc, the name not followed.
extension TreeFiles {
  public static func setAttribute(_ file: borrowing FD, _ attribute: PathBytes, _ value: some Collection<UInt8>) throws(Errno) {
    let number = file.raw
    let bytes = Array(value)
    try call {
      attribute.withCString { attribute in bytes.withUnsafeBytes { berth_fsetxattr(number, attribute, $0.baseAddress, $0.count) } }
    }
  }

  public static func setAttribute(
    _ directory: borrowing FD, _ name: PathBytes, _ attribute: PathBytes, _ value: some Collection<UInt8>
  ) throws(Errno) {
    let path = try path(directory, name)
    let bytes = Array(value)
    try call {
      attribute.withCString { attribute in
        path.withCString { path in bytes.withUnsafeBytes { berth_lsetxattr(path, attribute, $0.baseAddress, $0.count) } }
      }
    }
  }

  /// nil where it isn't set.
  public static func attribute(_ file: borrowing FD, _ attribute: PathBytes) throws(Errno) -> [UInt8]? {
    let number = file.raw
    return try value { buffer in attribute.withCString { berth_fgetxattr(number, $0, buffer.baseAddress, buffer.count) } }
  }

  public static func attribute(_ directory: borrowing FD, _ name: PathBytes, _ attribute: PathBytes) throws(Errno) -> [UInt8]? {
    let path = try path(directory, name)
    return try value { buffer in
      path.withCString { path in attribute.withCString { berth_lgetxattr(path, $0, buffer.baseAddress, buffer.count) } }
    }
  }

  /// The names of a file's extended attributes, in the file system's order.
  public static func attributes(_ file: borrowing FD) throws(Errno) -> [PathBytes] {
    let number = file.raw
    return try names { buffer in berth_flistxattr(number, buffer.baseAddress, buffer.count) }
  }

  public static func attributes(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> [PathBytes] {
    let path = try path(directory, name)
    return try names { buffer in path.withCString { berth_llistxattr($0, buffer.baseAddress, buffer.count) } }
  }

  private static func path(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> PathBytes {
    guard let path = PathBytes(Array("/proc/self/fd/\(directory.raw)/".utf8) + name.bytes) else { throw .invalid }
    return path
  }

  /// The kernel's bound of a value and of a list of names, in bytes.
  private static let limit = 1 << 16

  private static func value(_ get: (UnsafeMutableBufferPointer<UInt8>) -> Int) throws(Errno) -> [UInt8]? {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
      do throws(Errno) { filled = try call { get(buffer) } } catch { failure = error }
    }
    if failure == Errno(ENODATA) || failure == .notSupported { return nil }
    if let failure { throw failure }
    return bytes
  }

  private static func names(_ list: (UnsafeMutableBufferPointer<CChar>) -> Int) throws(Errno) -> [PathBytes] {
    // Most files have none: a small buffer first.
    for size in [256, limit] {
      var failure: Errno?
      let bytes = [CChar](unsafeUninitializedCapacity: size) { buffer, filled in
        do throws(Errno) { filled = try call { list(buffer) } } catch { failure = error }
      }
      if failure == Errno(ERANGE), size < limit { continue }
      if failure == .notSupported { return [] }
      if let failure { throw failure }
      return bytes.split(separator: 0).compactMap { PathBytes($0.map { UInt8(bitPattern: $0) }) }
    }
    return []
  }
}
