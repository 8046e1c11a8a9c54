/// Where something is mounted in a process's mount namespace, as its own root shows it.
public enum MountPoints {
  /// Source: proc(5) "/proc/pid/mountinfo", whose fifth field is the mount point, with spaces and the like in octal.
  public static func of(process: Int32) throws(Errno) -> Set<String> {
    let text = try Files.readText("/proc/\(process)/mountinfo", limit: 64 << 20)
    return Set(
      text.split(separator: "\n").compactMap { line in
        let fields = line.split(separator: " ", maxSplits: 5)
        return fields.count > 4 ? unescaped(fields[4]) : nil
      })
  }

  static func unescaped(_ text: Substring) -> String {
    guard text.contains("\\") else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == 92, digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
        bytes.append(value)
        rest.removeFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
