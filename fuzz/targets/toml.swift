import BerthManifest

/// Any bytes as TOML alone, so that nothing a manifest doesn't have is left out of reach. What must hold: no trap, and errors that lie in
/// the text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTOML(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let document = TOMLDocument(parsing: Array(UnsafeBufferPointer(start: data, count: size)))
  for error in document.errors {
    precondition(!error.message.isEmpty, "an error without words")
    let position = document.source.position(of: error.range.lower)
    precondition(position.line >= 1 && position.column >= 1, "no place to show")
    precondition(document.source.endColumn(of: error.range) > position.column, "a place that ends before it begins")
  }
  return 0
}
