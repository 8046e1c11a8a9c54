import BerthArchive
import BerthCore

/// libFuzzer's entry: any bytes as a layer's tar stream. What must hold: no trap, no member whose name is empty or past its bound, and an
/// end: every member and every read takes some of the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTar(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let reader = TarReader(MemorySource(Array(UnsafeBufferPointer(start: data, count: size))))
  var members = 0
  do throws(BerthError) {
    while let entry = try reader.next() {
      members += 1
      precondition(members <= size / 512 + 1, "more members than blocks")
      precondition(entry.name.count <= TarLimits.nameBytes && entry.size >= 0, "a name or size past its bound")
    }
  } catch { precondition(!error.description.isEmpty, "an error that says nothing") }
  return 0
}
