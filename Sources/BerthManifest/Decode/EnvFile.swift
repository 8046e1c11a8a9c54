/// The files that `env_file` names: `NAME=value` lines, `#` comments and blank lines, as Docker reads them. Values are taken as they
/// stand, quotes included.
public enum EnvFile {
  public enum Outcome: Sendable {
    case variables([(name: String, value: String)])
    /// Line from 1.
    case problem(line: Int, String)
  }

  public static func parse(_ content: FileContent) -> Outcome {
    var variables: [(name: String, value: String)] = []
    for (at, bytes) in content.bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      guard let line = String(validating: bytes.last == 13 ? bytes.dropLast() : bytes, as: UTF8.self) else {
        return .problem(line: at + 1, "is not UTF-8")
      }
      let start = line.drop { $0 == " " || $0 == "\t" }
      if start.isEmpty || start.hasPrefix("#") { continue }
      let parts = start.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return .problem(line: at + 1, "must be NAME=value") }
      let name = String(parts[0])
      if let problem = TextFormat.environmentName.problem(in: name) { return .problem(line: at + 1, "the name \(problem)") }
      if parts[1].utf8.contains(0) { return .problem(line: at + 1, "the value must not contain NUL") }
      variables.append((name, String(parts[1])))
    }
    return .variables(variables)
  }

  /// Empty for what doesn't parse: that was refused with the manifest.
  public static func variables(_ content: FileContent?) -> [(name: String, value: String)] {
    guard let content, case .variables(let variables) = parse(content) else { return [] }
    return variables
  }
}
