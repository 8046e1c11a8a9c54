extension CronExpression {
  /// Why `text` isn't one, as the end of a sentence that begins with the key; nil if it is.
  static func problem(in text: String) -> String? {
    if CronExpression(text) != nil { return nil }
    if text.hasPrefix("@") {
      return "has an unknown word; there are \(words.keys.sorted().joined(separator: ", ")), and five fields (\"*/5 * * * *\")"
    }
    let fields = fields(of: text)
    guard fields.count == CronField.all.count else { return "must be \(help)" }
    for (field, value) in zip(CronField.all, fields) where field.set(value) == nil {
      return "has \"\(value)\" as its \(field.name), where \(field.allowed) belongs: "
        + "\"*\", a value, a range (\"1-5\"), a step (\"*/2\") or a list of these"
    }
    return "never comes: none of its months has such a day"
  }
}

extension CronField {
  /// In the order in which they are written.
  static let all = [minute, hour, day, month, weekday]

  fileprivate var allowed: String {
    let numbers = "\(range.lowerBound) to \(range.upperBound)"
    guard let first = names.first, let last = names.last else { return numbers }
    return "\(numbers) or \(first) to \(last)"
  }
}
