import BerthCore
import BerthImages

/// libFuzzer's entry: any text as an image reference and as a digest. What must hold: no trap, a completed form that means itself, and
/// digests that are one safe component of a path.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReference(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  if let reference = try? ImageReference(text, relativeTo: "/manifests") {
    let completed = reference.description
    let again = try? ImageReference(completed)
    precondition(again?.description == completed, "the completed form means something else")
    if case .registry(let image) = reference {
      precondition(!image.repository.contains("..") && !image.registry.contains("/"), "a way out in a name")
    }
  }
  if let digest = Digest(text) {
    precondition(digest.hex.utf8.count == 64 && digest.hex.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) })
    precondition(digest.description == text)
  }
  return 0
}
