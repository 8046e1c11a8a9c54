import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("a pod whose shim is gone")
  struct ShimLoss {
    private func killShim(of pod: PodView) throws {
      let status = try Files.readText("/proc/\(pod.container.pid ?? 0)/status")
      let parent = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap { Int64($0.filter(\.isNumber)) }
      #expect(try Command.run("sh", ["-c", "kill -9 \(parent ?? 0)"]).exit == 0)
    }

    @Test("its manifest's removal ends it all the same")
    func removal() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        try killShim(of: pod)
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        #expect(!isAlive(pod.container.pid))
      }
    }

    @Test("an edit replaces it")
    func edit() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        try killShim(of: pod)
        try daemon.drop("web", ManifestText.of(container: "env = { V = \"2\" }"))
        let second = try daemon.pod("web", "is replaced") { $0.container.isRunning && $0.uid != pod.uid && $0.reason != "ShimLost" }
        #expect(!isAlive(pod.container.pid))
        #expect(isAlive(second.container.pid))
      }
    }

    @Test("one whose shims die over and over is made anew after a pause that status tells of; an edit doesn't wait for it")
    func overAndOver() throws {
      try withDaemon { daemon in
        try daemon.drop("web", ManifestText.of())
        var known: Set<String> = []
        var isPausing = false
        // The pauses double: by the eighth it lasts a minute, however slow this machine is.
        for _ in 0..<8 where !isPausing {
          let pod = try daemon.pod("web", "runs anew") { $0.container.isRunning && !known.contains($0.uid) && $0.reason != "ShimLost" }
          known.insert(pod.uid)
          try killShim(of: pod)
          if isAlive(pod.container.pid) { _ = try Command.run("sh", ["-c", "kill -9 \(pod.container.pid ?? 0)"]) }
          let next = try daemon.pod("web", "pauses, or is made anew") { $0.message.contains("a pause before") || $0.uid != pod.uid }
          isPausing = next.message.contains("a pause before")
        }
        #expect(isPausing)
        try daemon.drop("web", ManifestText.of(container: "env = { V = \"2\" }"))
        try daemon.pod("web", "runs as edited") { $0.container.isRunning && !known.contains($0.uid) && $0.reason != "ShimLost" }
      }
    }

    @Test("once its last process has ended it is made anew")
    func comesBack() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        try killShim(of: pod)
        if isAlive(pod.container.pid) { _ = try Command.run("sh", ["-c", "kill -9 \(pod.container.pid ?? 0)"]) }
        try daemon.pod("web", "runs anew") { $0.container.isRunning && $0.uid != pod.uid }
      }
    }
  }

  @Suite("limits that are taken back")
  struct LimitRemoval {
    @Test("a limit that the manifest drops is lifted in place")
    func lifted() throws {
      try withDaemon { daemon in
        let first = try daemon.run(
          "web", ManifestText.of(tables: "[container.resources]\ncpu = 0.5\nmemory = \"64MiB\"\npids = 50"))
        let group = try ControlGroup(of: first.container.pid ?? 0)
        try daemon.drop("web", ManifestText.of())
        try eventually("the CPU limit is gone") { try ["-1 100000", "max 100000"].contains(group.cpuLimit()) }
        try daemon.sync()
        let memory = try group.read("memory", v1: "memory.limit_in_bytes", v2: "memory.max")
        #expect(memory == "max" || (Int64(memory) ?? 0) > 1 << 40, "\(memory)")
        #expect(try group.read("pids", v1: "pids.max", v2: "pids.max") == "4096")
        #expect(try daemon.pod("web")?.container.pid == first.container.pid)
      }
    }
  }
}
