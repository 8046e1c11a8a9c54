import BerthCore

/// What a command takes: runc's options, as Go's flag package reads them (`-name` and `--name` alike, `--name=value`, `--flag=false`).
struct Grammar {
  struct Option {
    /// The first is the one it is asked for by.
    var names: [String]
    var takesValue: Bool
  }

  var options: [Option] = []
  /// Whether options may stand behind the first argument that isn't one.
  var mixes = true

  /// `flags` and `values`: each an option's names, separated by blanks.
  init(flags: [String] = [], values: [String] = [], mixes: Bool = true) {
    options = flags.map { Option(names: $0.split(separator: " ").map(String.init), takesValue: false) }
    options += values.map { Option(names: $0.split(separator: " ").map(String.init), takesValue: true) }
    self.mixes = mixes
  }

  func option(_ name: String) -> Option? { options.first { $0.names.contains(name) } }
}

/// A command's words, sorted into options and the rest.
struct Words {
  private var given: [(name: String, value: String)] = []
  private(set) var rest: [String] = []

  /// Throws `.invalidArgument` for an option that `grammar` doesn't have and for one without its value.
  init(_ words: [String], _ grammar: Grammar, command: String) throws(BerthError) {
    var words = words[...]
    while let word = words.popFirst() {
      if word == "--" { break }
      guard word.hasPrefix("-"), word != "-" else {
        rest.append(word)
        if grammar.mixes { continue }
        break
      }
      let text = word.drop { $0 == "-" }
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let option = grammar.option(parts.first ?? ""), let name = option.names.first else {
        throw BerthError(.invalidArgument, command, word, cause: "unknown option")
      }
      if parts.count == 2 {
        given.append((name, parts[1]))
      } else if option.takesValue {
        guard let value = words.popFirst() else { throw BerthError(.invalidArgument, command, word, cause: "needs a value") }
        given.append((name, value))
      } else {
        given.append((name, "true"))
      }
    }
    rest += words
  }

  func has(_ name: String) -> Bool { value(name).map { ["true", "1", "t", "T", "TRUE", "True"].contains($0) } ?? false }
  /// The last one given.
  func value(_ name: String) -> String? { given.last { $0.name == name }?.value }
  func values(_ name: String) -> [String] { given.filter { $0.name == name }.map(\.value) }
  var names: Set<String> { Set(given.map(\.name)) }

  func number<Number: FixedWidthInteger>(_ name: String, as type: Number.Type = Number.self) throws(BerthError) -> Number? {
    guard let text = value(name) else { return nil }
    guard let number = Number(text) else {
      throw BerthError(.invalidArgument, "read options", "--\(name)", cause: "\"\(text)\" is no number from \(Number.min) to \(Number.max)")
    }
    return number
  }
}
