/// What is wrong with a TOML text, and where.
public struct TOMLError: Error, Sendable, Hashable {
  public var message: String
  public var range: SourceRange
  /// Where what is there twice stands first.
  public var earlier: SourceRange?
  public init(_ message: String, _ range: SourceRange, earlier: SourceRange? = nil) {
    self.message = message
    self.range = range
    self.earlier = earlier
  }
}

/// What a TOML text may cost.
public struct TOMLLimits: Sendable {
  public var bytes = 1 << 20
  /// Of tables and arrays in each other, however they are written.
  public var depth = 64
  /// Parts of one dotted key or header.
  public var keyParts = 32
  /// Reading stops after so many syntax errors.
  public var errors = 20
  public init() {}
}

/// A parsed TOML 1.0 file. After a syntax error the rest of the file is still read from the next line that looks like a statement,
/// so `root` holds all that could be understood; only with `errors` empty is it the file's whole content.
public struct TOMLDocument: Sendable {
  public let source: SourceText
  public let root: TOMLTable
  public let errors: [TOMLError]

  /// Strict TOML 1.0, for any bytes. Never traps.
  public init(parsing bytes: [UInt8], limits: TOMLLimits = TOMLLimits()) {
    source = SourceText(bytes)
    guard bytes.count <= limits.bytes else {
      root = TOMLTable()
      errors = [TOMLError("the file is larger than \(limits.bytes) bytes", SourceRange(0, 1))]
      return
    }
    if let offset = source.firstInvalidUTF8() {
      root = TOMLTable()
      errors = [TOMLError("invalid UTF-8", SourceRange(offset, offset + 1))]
      return
    }
    var parser = TOMLParser(source: source, limits: limits)
    parser.document()
    root = parser.builder.frozen(TOMLTableBuilder.root)
    errors = parser.errors
  }
}
