/// "Did you mean": the known word nearest to a written one.
public enum Suggestion {
  private static let longestWord = 64

  /// The nearest first, three at most: those in which at most a third of the letters, but one at least, differ.
  public static func near(to word: String, among known: some Sequence<String>) -> [String] {
    let word = Array(word.utf8.prefix(longestWord))
    return Set(known).map { ($0, distance(word, Array($0.utf8.prefix(longestWord)))) }
      .filter { $0.1 <= Swift.max(1, word.count / 3) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(3).map(\.0)
  }

  /// nil where nothing is near: at most a third of the letters, and never more than three, may differ.
  public static func nearest(to word: String, among known: some Sequence<String>) -> String? {
    guard word.utf8.count <= longestWord else { return nil }
    let allowed = Swift.min(3, Swift.max(1, word.utf8.count / 3))
    var best: (word: String, distance: Int)?
    for candidate in known where abs(candidate.utf8.count - word.utf8.count) <= allowed {
      let distance = distance(Array(word.utf8), Array(candidate.utf8))
      if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  /// One of other capitals or separators (`OnFailure` for `on-failure`), else the near one, else one that is cut (`dir` for `directory`).
  static func spelling(of word: String, among known: some Sequence<String>) -> String? {
    guard word.utf8.count <= longestWord else { return nil }
    let written = letters(word)
    return known.first { letters($0) == written } ?? nearest(to: word, among: known)
      ?? (written.utf8.count > 2 ? known.first { letters($0).hasPrefix(written) } : nil)
  }

  /// The near word, else one that is spelt or cut differently: `readiness`, `readinessProbe` and `readiness-probe` for `readiness_probe`,
  /// `grace_period` for `termination_grace_period`.
  static func help(for word: String, among known: some Sequence<String>) -> String? {
    let found = nearest(to: word, among: known) ?? otherwiseSpelt(word, among: known)
    return found.map { "did you mean '\($0)'?" }
  }

  private static func otherwiseSpelt(_ word: String, among known: some Sequence<String>) -> String? {
    let letters = letters(word)
    guard letters.count > 2, word.utf8.count <= longestWord else { return nil }
    let sorted = known.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    // Kubernetes names the unit: `periodSeconds`.
    let bare = letters.hasSuffix("seconds") ? String(letters.dropLast(7)) : letters
    return sorted.first { [letters, bare].contains(self.letters($0)) } ?? sorted.first { $0.hasPrefix("\(word)_") }
      ?? sorted.first { $0.hasSuffix("_\(word)") || $0.split(separator: "_").contains(Substring(word)) }
  }

  private static func letters(_ word: String) -> String { word.lowercased().filter { $0 != "_" && $0 != "-" } }

  /// Edits to get from one to the other: insert, remove, replace, swap neighbours.
  static func distance(_ from: [UInt8], _ to: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...to.count)
    for (row, letter) in from.enumerated() {
      var current = [row + 1]
      for (column, other) in to.enumerated() {
        var cost = Swift.min(previous[column] + (letter == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, letter == to[column - 1], from[row - 1] == other { cost = Swift.min(cost, beforePrevious[column - 1] + 1) }
        current.append(cost)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[to.count]
  }
}
