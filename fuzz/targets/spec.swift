import BerthCore
import BerthOCI
import BerthRuntime

/// libFuzzer's entry: any bytes as a config.json. What must hold: no trap while it is read, checked and planned, errors of one line, and a
/// spec that comes back from its own text as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSpec(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let spec: RuntimeSpec
  do throws(BerthError) { spec = try RuntimeSpec(parsing: bytes) } catch {
    precondition(!error.description.isEmpty, "an error that says nothing")
    return 0
  }
  guard let again = try? RuntimeSpec(parsing: spec.json().encoded()) else { preconditionFailure("its own text is refused") }
  precondition(again.json() == spec.json(), "the spec changed on its way through JSON")
  let facts = PlanFacts(containerID: "id", rootMountPoint: "/run/bundle")
  if let plan = try? InitPlanner.plan(spec, facts) { precondition(!plan.description.isEmpty) }
  return 0
}
