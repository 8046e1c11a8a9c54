import BerthCore
import BerthOCI

/// libFuzzer's entry: any bytes as an image's index, manifest and config. What must hold: no trap, no document that is an index and a
/// manifest at once, numbers within their bounds, and documents that come back from their own text as they were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzImage(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let index = try? Index(parsing: bytes, mediaType: nil)
  let manifest = try? Manifest(parsing: bytes, mediaType: nil)
  precondition(index == nil || manifest == nil, "one document of two kinds")
  if let index {
    _ = index.candidates(for: .host)
    for entry in index.manifests { precondition((0...ImageLimits.blobBytes).contains(entry.size)) }
    let again = try? Index(parsing: index.encoded(), mediaType: nil)
    precondition(again?.manifests.map(\.digest) == index.manifests.map(\.digest), "the index changed on its way through its text")
  }
  if let manifest {
    for layer in manifest.layers + [manifest.config] { precondition((0...ImageLimits.blobBytes).contains(layer.size)) }
    let again = try? Manifest(parsing: manifest.encoded(), mediaType: nil)
    precondition(again?.layers.map(\.digest) == manifest.layers.map(\.digest), "the manifest changed on its way through its text")
  }
  if let config = try? ImageConfig(parsing: bytes) {
    let again = try? ImageConfig(parsing: config.encoded())
    precondition(again?.diffIDs == config.diffIDs && again?.cmd == config.cmd, "the config changed on its way through its text")
  }
  return 0
}
