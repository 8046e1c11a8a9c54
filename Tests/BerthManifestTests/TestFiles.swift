import BerthTestSupport
import Glibc

/// Reading files in tests, without Foundation.
enum TestFiles {
  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }

  static func lines(_ path: String) -> [String]? {
    read(path).map { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) }
  }

  /// The repository's folder.
  static let repository: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    while let last = parts.last, last != "Tests" { parts.removeLast() }
    return parts.dropLast().joined(separator: "/")
  }()

  /// The folder of the toml-test corpus: `BERTH_TOML_TEST`, or beside the repository.
  static let tomlTest: String? = {
    let candidates = [getenv("BERTH_TOML_TEST").map { String(cString: $0) }, repository + "/../shared/toml-test"]
    return candidates.compactMap(\.self).first { access($0 + "/files-toml-1.0.0", R_OK) == 0 }
  }()
}

/// Random edits of a text, for parsers that must survive any bytes.
enum Mutation {
  private static let splices: [[UInt8]] = [
    "\"\"\"", "'''", "[[", "]]", "{", "}", "=", ".", "\\u", "\\UFFFFFFFF", "\n", "\r", "#", "1e999", "0x", "99999999999999999999", "nan",
    "-",
    "1979-05-27T07:32:00", ",", "\"", "\u{0}", "é", "[a.b.c]\n",
  ].map { Array($0.utf8) }

  static func mutate(_ seed: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1 where at < bytes.count: bytes.remove(at: at)
      case 2: bytes.insert(contentsOf: splices.randomElement(using: &random) ?? [], at: at)
      case 3: bytes.removeSubrange(at..<Int.random(in: at...min(bytes.count, at + 20), using: &random))
      default:
        let end = Int.random(in: at...min(bytes.count, at + 40), using: &random)
        bytes.insert(contentsOf: Array(bytes[at..<end]), at: Int.random(in: 0...bytes.count, using: &random))
      }
    }
    return bytes
  }
}
