import BerthCore
import BerthOCI
import CBerthInit
import Testing

@testable import BerthRuntime

struct PlanArenaTests {
  private func words() throws -> [UInt64] {
    var process = RuntimeSpec.Process(args: ["a", "b"])
    process.env = ["PATH=/bin", "K=v"]
    process.user.additionalGids = [1, 2, 3]
    process.noNewPrivileges = true
    var linux = RuntimeSpec.Linux()
    linux.namespaces = [.init(.mount)]
    linux.maskedPaths = ["/x"]
    var spec = RuntimeSpec()
    spec.process = process
    spec.linux = linux
    spec.mounts = [.init(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755", "nosuid"])]
    var facts = PlanFacts(containerID: "id", rootMountPoint: "/b")
    facts.seccompFilter = [6, 0, 0, 0, 0, 0, 255, 127]
    return try PlanArena(InitPlanner.plan(spec, facts)).words
  }

  private func check(_ words: [UInt64], bytes: Int? = nil) -> Int32 {
    words.withUnsafeBytes { berth_plan_check($0.baseAddress, bytes ?? $0.count) }
  }

  @Test("a plan as laid out passes the interpreter's check, a part of it doesn't")
  func accepts() throws {
    let words = try words()
    #expect(check(words) == 0)
    for count in stride(from: 0, to: words.count * 8, by: 8) { #expect(check(words, bytes: count) != 0) }
  }

  @Test("a changed offset, count, slot or operation is refused or harmless, never read past the end")
  func mutations() throws {
    let words = try words()
    var generator = SystemRandomNumberGenerator()
    var refused = 0
    for _ in 0..<20_000 {
      var changed = words
      let at = Int.random(in: 0..<words.count, using: &generator)
      changed[at] ^= UInt64.random(in: 1 ... .max, using: &generator) >> UInt64.random(in: 0..<64, using: &generator)
      if check(changed) != 0 { refused += 1 }
    }
    #expect(refused > 1000)
  }
}
