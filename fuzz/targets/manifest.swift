import BerthCore
import BerthManifest

/// libFuzzer's entry: any bytes as a manifest and as JSON. What must hold: no trap, positions that can be shown, a spec exactly where there
/// is no error, and specs and JSON that come back from their text as they were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifest(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let decoded = ManifestDecoder.decode(bytes, file: "/manifests/web.toml")
  precondition((decoded.spec == nil) == decoded.hasErrors, "a spec beside errors, or neither")
  for diagnostic in decoded.diagnostics {
    precondition(diagnostic.position.line >= 1 && diagnostic.endColumn > diagnostic.position.column, "no place to show")
    precondition(!diagnostic.rendered.isEmpty)
  }
  if let spec = decoded.spec {
    let restored = try? PodSpec(json: JSON(parsing: spec.json.encoded()))
    precondition(restored == spec, "the spec changed on its way through JSON")
  }
  if let value = try? JSON(parsing: bytes) {
    let again = try? JSON(parsing: value.encoded())
    precondition(again == value, "the JSON changed on its way through text")
  }
  return 0
}
