/// Collects what is wrong with one file, up to a bound.
public struct DiagnosticSink: Sendable {
  let file: String
  let source: SourceText
  private(set) var diagnostics: [Diagnostic] = []
  public private(set) var hasErrors = false

  /// Of one file; a file that is wrong in more places than this is no manifest.
  static let limit = 100

  public init(file: String, source: SourceText) {
    self.file = file
    self.source = source
  }

  public mutating func error(_ message: String, at range: SourceRange, help: String? = nil) {
    hasErrors = true
    add(.error, message, range, help)
  }

  public mutating func warning(_ message: String, at range: SourceRange, help: String? = nil) {
    add(.warning, message, range, help)
  }

  /// A syntax error of the file.
  public mutating func add(_ error: TOMLError) {
    self.error(
      error.message, at: error.range, help: error.earlier.map { "it stands on line \(source.position(of: $0.lower).line) already" })
  }

  private mutating func add(_ severity: Diagnostic.Severity, _ message: String, _ range: SourceRange, _ help: String?) {
    guard diagnostics.count < Self.limit else { return }
    let position = source.position(of: range.lower)
    diagnostics.append(
      Diagnostic(
        severity, file: file, position: position, endColumn: source.endColumn(of: range), message: message, help: help,
        sourceLine: source.line(at: range.lower)))
  }

  /// In the order of the file.
  public var sorted: [Diagnostic] { diagnostics.sorted { ($0.position, $0.message) < ($1.position, $1.message) } }
}
