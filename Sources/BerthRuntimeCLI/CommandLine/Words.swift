import BerthCore

/// What a command takes: runc's options, as Go's flag package reads them (`-name` and `--name` alike, `--name=value`, `--flag=false`).
struct Grammar {
  /// Each an option's long name, and behind a blank its short one.
  var flags: [String] = []
  var values: [String] = []
  /// Whether options may stand behind the first argument that isn't one.
  var mixes = true

  /// The long name of an option by either of its names, and whether it takes a value.
  func option(_ name: String) -> (name: String, takesValue: Bool)? {
    if let flag = Self.find(name, in: flags) { return (flag, false) }
    return Self.find(name, in: values).map { ($0, true) }
  }

  private static func find(_ name: String, in entries: [String]) -> String? {
    for entry in entries {
      let blank = entry.utf8.firstIndex(of: 32) ?? entry.endIndex
      let long = String(entry[..<blank])
      if name == long || (blank != entry.endIndex && name == entry[entry.utf8.index(after: blank)...]) { return long }
    }
    return nil
  }
}

/// A command's words, sorted into options and the rest.
struct Words {
  private var options: [String] = []
  /// One for each of `options`.
  private var given: [String] = []
  private(set) var rest: [String] = []

  /// Thrown where a command is asked how it is called.
  static let help = BerthError(.cancelled, "help", cause: "asked for")

  /// A call that is none, as against one that fails: runc's exit code for it is 1, that of a failed exec 255.
  static func misuse(_ command: String, _ word: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "read options", word, cause: "\(command) \(cause)")
  }

  /// Throws `help`, or `misuse` for an option that `grammar` doesn't have and for one without its value.
  init(_ words: [String], _ grammar: Grammar, command: String) throws(BerthError) {
    var words = words[...]
    while let word = words.popFirst() {
      if word == "--" { break }
      guard word.utf8.first == 45, word != "-" else {
        rest.append(word)
        if grammar.mixes { continue }
        break
      }
      let text = word.utf8.drop { $0 == 45 }
      let equals = text.firstIndex(of: 61)
      let name = String(text[..<(equals ?? text.endIndex)]) ?? ""
      guard let option = grammar.option(name) else {
        throw ["help", "h"].contains(name) ? Self.help : Self.misuse(command, word, "has no such option")
      }
      options.append(option.name)
      if let equals {
        given.append(String(text[text.index(after: equals)...]) ?? "")
      } else if option.takesValue {
        guard let value = words.popFirst() else { throw Self.misuse(command, word, "needs a value for it") }
        given.append(value)
      } else {
        given.append("true")
      }
    }
    rest += words
  }

  func has(_ name: String) -> Bool { value(name).map { ["true", "1", "t", "T", "TRUE", "True"].contains($0) } ?? false }
  /// The last one given.
  func value(_ name: String) -> String? { options.lastIndex(of: name).map { given[$0] } }
  func values(_ name: String) -> [String] { options.indices.filter { options[$0] == name }.map { given[$0] } }
  var names: Set<String> { Set(options) }

  func number<Number: FixedWidthInteger>(_ name: String, as type: Number.Type = Number.self) throws(BerthError) -> Number? {
    guard let text = value(name) else { return nil }
    guard let number = Number(text) else {
      throw BerthError(.invalidArgument, "read options", "--\(name)", cause: "\"\(text)\" is no number from \(Number.min) to \(Number.max)")
    }
    return number
  }
}
