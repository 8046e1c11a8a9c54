import BerthCore
import BerthLinux
import BerthPods
import BerthRuntime
import Testing

@Suite("Shim's logs", .serialized, .enabled(if: ShimMachine.canRun, ShimMachine.reason))
struct ShimLogTests {
  @Test("every line of a container is in its rotated logs exactly once, in order")
  func rotation() async throws {
    try await TestPod.with { pod in
      let target = LogTarget(path: pod.logPath("app"), maxSize: 256 << 10, maxFiles: 200)
      try await pod.run(script: "seq 1 200000", log: target)
      #expect(try await pod.exit().exitCode == 0)
      let folder = Files.parent(of: target.path)
      let old = try Files.list(folder).compactMap { Int($0.dropFirst("0.log.".count)) }.sorted(by: >)
      #expect(old.count > 10)
      var next = 1
      for name in old.map({ "0.log.\($0)" }) + ["0.log"] {
        for line in try Files.readText("\(folder)/\(name)").split(separator: "\n") {
          guard line.hasSuffix(" stdout F \(next)") else {
            Issue.record("\(line) where \(next) should be, in \(name)")
            return
          }
          next += 1
        }
      }
      #expect(next == 200_001)
    }
  }

  @Test("a line of 100 KB comes in parts that make it up again")
  func longLine() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "head -c 102400 /dev/zero | busybox tr '\\0' y; echo; echo end")
      #expect(try await pod.exit().exitCode == 0)
      let lines = try pod.log()
      #expect(lines.last == "stdout F end")
      #expect(lines.dropLast().map { String($0.prefix(8)) } == Array(repeating: "stdout P", count: 6) + ["stdout F"])
      let text = lines.dropLast().map { $0.dropFirst(9) }.joined()
      #expect(text == String(repeating: "y", count: 102_400))
    }
  }

  @Test("100 MB of output cost the shim no memory, and disk only as much as rotation allows")
  func flood() async throws {
    try await TestPod.with { pod in
      let target = LogTarget(path: pod.logPath("app"), maxSize: 1 << 20, maxFiles: 3)
      let shim = try await pod.identity().pid
      try await pod.run(
        script: "yes 0123456789012345678901234567890123456789012345678 | head -c 100000000; echo; echo the end; sleep 1000", log: target)
      let before = try ShimMachine.privateKiB(shim)
      let folder = Files.parent(of: target.path)
      var most = before
      while !Self.holds("stdout F the end", target.path) {
        most = max(most, try ShimMachine.privateKiB(shim))
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(most <= before + 256, "KiB")
      #expect(try Files.list(folder).count == 3)
      for name in try Files.list(folder) { #expect(try Files.status("\(folder)/\(name)").size <= 1 << 20) }
    }
  }

  private static func holds(_ text: String, _ path: String) -> Bool { (try? Files.readText(path))?.contains(text) == true }

  @Test("a shim with a container and flowing logs stays small")
  func memory() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "while :; do echo a line of output; sleep 0.01; done")
      try await waitForLog(pod, "stdout F a line of output")
      let shim = try await pod.identity().pid
      let used = try ShimMachine.privateKiB(shim)
      print("private memory of a shim with one container and flowing logs: \(used) KiB")
      #expect(used < 512)
    }
  }
}
