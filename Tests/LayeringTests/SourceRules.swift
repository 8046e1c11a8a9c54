/// One file of the package, as the rules see it.
struct SourceFile {
  /// From the package's folder: `Sources/BerthCore/BerthError.swift`.
  var path: String
  var text: String

  private var folders: [Substring] { path.split(separator: "/") }
  var isSource: Bool { folders.first == "Sources" }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var target: String { folders.count > 1 ? String(folders[1]) : "" }
  var name: String { folders.last.map(String.init) ?? path }
}

struct Violation: Hashable, CustomStringConvertible {
  var path: String
  /// From 1; 0 for the file as a whole.
  var line: Int
  var reason: String
  var description: String { "\(path):\(line): \(reason)" }
}

/// What holds for every file: imports by layer, length, names, no traps by `try!` and `as!`.
enum SourceRules {
  static let maximumLines = 500
  static let forbiddenEverywhere: Set<String> = ["Foundation", "FoundationEssentials", "FoundationNetworking"]

  static func violations(in file: SourceFile) -> [Violation] {
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    var found: [Violation] = []
    if lines.count > maximumLines + 1 {
      found.append(Violation(path: file.path, line: 0, reason: "\(lines.count - 1) lines; \(maximumLines) are the limit"))
    }
    if file.name.contains("Util") { found.append(Violation(path: file.path, line: 0, reason: "a file is named for what it does")) }
    guard file.isSwift else { return found }
    for (number, line) in lines.enumerated() {
      let code = bare(line)
      for reason in objections(to: code, in: file) { found.append(Violation(path: file.path, line: number + 1, reason: reason)) }
    }
    return found
  }

  private static func objections(to code: Substring, in file: SourceFile) -> [String] {
    var reasons: [String] = []
    if let module = importedModule(code) {
      if forbiddenEverywhere.contains(module) {
        reasons.append("imports \(module), which nobody may")
      } else if file.isSource, let objection = Layers.objection(target: file.target, importing: module) {
        reasons.append(objection)
      }
    }
    for trap in ["try!", "as!"] where words(code).contains(Substring(trap)) {
      reasons.append("'\(trap)' ends the process on input")
    }
    if file.isSource, words(code).contains("Task.sleep") {
      reasons.append("'Task.sleep' starts libdispatch's threads: Timers.wake doesn't")
    }
    return reasons
  }

  /// The module of an import line: `@testable import struct BerthCore.JSON` gives `BerthCore`.
  static func importedModule(_ code: Substring) -> String? {
    var rest = words(code)[...]
    let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    while let word = rest.first, word.hasPrefix("@") || modifiers.contains(word) { rest = rest.dropFirst() }
    guard rest.first == "import" else { return nil }
    rest = rest.dropFirst()
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    if rest.count > 1, let word = rest.first, kinds.contains(word) { rest = rest.dropFirst() }
    return rest.first.map { String($0.prefix { $0 != "." && $0 != ";" }) }
  }

  private static func words(_ code: Substring) -> [Substring] { code.split { $0 == " " || $0 == "\t" || $0 == "(" || $0 == "{" } }

  /// A line without its comment and without what stands in quotes, which may say anything.
  private static func bare(_ line: Substring) -> Substring {
    var code = ""
    var inText = false
    var previous: Character = " "
    for character in line {
      defer { previous = previous == "\\" && character == "\\" ? " " : character }
      if character == "\"" && previous != "\\" {
        inText.toggle()
      } else if !inText {
        if character == "/" && previous == "/" { return code.dropLast() }
        code.append(character)
      }
    }
    return code[...]
  }
}
