import BerthOCI
import BerthRuntime

/// libFuzzer's entry: a line each for type, source and destination of a mount, then one for each option. What must hold: no trap, and a
/// plan that is the same each time.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMounts(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  guard lines.count >= 3 else { return 0 }
  var spec = RuntimeSpec()
  spec.process = RuntimeSpec.Process(args: ["app"], cwd: "/")
  spec.root = .init()
  spec.linux = RuntimeSpec.Linux()
  spec.linux?.namespaces = [.init(.mount)]
  spec.mounts = [.init(destination: lines[2], type: lines[0], source: lines[1], options: Array(lines.dropFirst(3)))]
  let facts = PlanFacts(containerID: "id", rootMountPoint: "/run/bundle")
  let plans = (0..<2).map { _ in try? InitPlanner.plan(spec, facts) }
  precondition(plans[0] == plans[1] && plans[0]?.description.isEmpty != true)
  return 0
}
