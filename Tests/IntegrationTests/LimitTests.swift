import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("limits bite")
  struct Limits {
    @Test("more memory than the limit: the container is killed and called OOMKilled, its neighbour isn't")
    func memory() throws {
      try withDaemon { daemon in
        let other = try daemon.run("other", ManifestText.of())
        try daemon.drop(
          "greedy",
          """
          network = "none"
          restart_policy = "never"
          [[container]]
          image = "\(try ManifestText.imageReference())"
          command = ["tail", "/dev/zero"]
          [container.resources]
          memory = "16MiB"
          """)
        let pod = try daemon.pod("greedy", "is killed") { $0.phase == "Failed" }
        #expect(pod.container.reason == "OOMKilled")
        #expect(pod.container.exitCode == 137)
        #expect(try daemon.pod("other")?.container.pid == other.container.pid)
      }
    }

    @Test("every death for want of memory is called that, a child's too, and no other end is")
    func attribution() throws {
      let count = getenv("BERTH_OOM").flatMap { Int(String(cString: $0)) } ?? 20
      // By turns: the first process is struck, or one that it waits for; beside each one ends alike by itself.
      let scripts = ["exec tail /dev/zero", "tail /dev/zero; exit $?"]
      try withDaemon { daemon in
        for start in stride(from: 0, to: count, by: 10) {
          let numbers = start..<min(count, start + 10)
          for number in numbers {
            let limit = "[container.resources]\nmemory = \"16MiB\""
            try daemon.drop("struck-\(number)", ManifestText.job(scripts[number % scripts.count], tables: limit))
            try daemon.drop("alike-\(number)", ManifestText.job("exit 137", tables: limit))
          }
          for number in numbers {
            let struck = try daemon.pod("struck-\(number)", "has ended") { $0.phase == "Failed" }
            #expect(struck.container.reason == "OOMKilled" && struck.container.exitCode == 137, "\(struck.json.pretty())")
            let alike = try daemon.pod("alike-\(number)", "has ended") { $0.phase == "Failed" }
            #expect(alike.container.reason == "Error" && alike.container.exitCode == 137, "\(alike.json.pretty())")
          }
          for number in numbers { for name in ["struck", "alike"] { try daemon.remove("\(name)-\(number)") } }
          try daemon.sync()
        }
      }
    }

    @Test("more processes than the limit: fork fails")
    func pids() throws {
      try withDaemon { daemon in
        // A shell that can't fork ends, so the one that tries isn't the container's first process.
        let script = "exec 2>&1; (for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done); exec sleep 1000"
        let pod = try daemon.run("forks", ManifestText.of(script, tables: "[container.resources]\npids = 4"))
        let group = try ControlGroup(of: pod.container.pid ?? 0)
        #expect(try group.read("pids", v1: "pids.max", v2: "pids.max") == "4")
        try eventually("fork is refused", seen: { (try? daemon.logs("forks")) ?? "" }) { try daemon.logs("forks").contains("fork") }
      }
    }

    @Test("4096 processes is the limit where none is asked for")
    func defaultPids() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("plain", ManifestText.of())
        #expect(try ControlGroup(of: pod.container.pid ?? 0).read("pids", v1: "pids.max", v2: "pids.max") == "4096")
      }
    }

    @Test("more CPU than the limit: the container is throttled")
    func cpu() throws {
      try withDaemon { daemon in
        let pod = try daemon.run(
          "busy", ManifestText.of("trap exit TERM; while true; do :; done", tables: "[container.resources]\ncpu = \"100m\""))
        let group = try ControlGroup(of: pod.container.pid ?? 0)
        #expect(try group.cpuLimit() == "10000 100000")
        try eventually("it is throttled") { try group.timesThrottled() > 0 }
      }
    }

    @Test("less memory than is in use is refused with the figure, and the old limit stays")
    func memoryBelowUse() throws {
      try withDaemon { daemon in
        let script = "head -c 20000000 /dev/zero > /dev/shm/held; echo ready; \(ManifestText.stay)"
        let first = try daemon.run("holder", ManifestText.of(script, tables: "[container.resources]\nmemory = \"64MiB\""))
        try eventually("memory is in use") { try daemon.logs("holder") == "ready\n" }
        try daemon.drop("holder", ManifestText.of(script, tables: "[container.resources]\nmemory = \"8MiB\""))
        try daemon.pod("holder", "is told") { ($0.message + $0.container.message).contains("in use") }
        let pod = try daemon.pod("holder")
        #expect(pod?.container.pid == first.container.pid)
        let group = try ControlGroup(of: first.container.pid ?? 0)
        #expect(try group.read("memory", v1: "memory.limit_in_bytes", v2: "memory.max") == String(64 << 20))
      }
    }

    @Test("the pod's own limit stands above its containers'")
    func podLimit() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("small", ManifestText.of(pod: "resources = { pids = 50 }", tables: "[container.resources]\npids = 10"))
        let directory = try ControlGroup(of: pod.container.pid ?? 0).directory("pids")
        #expect(try Files.readText("\(directory)/pids.max") == "10\n")
        #expect(try Files.readText("\(Files.parent(of: directory))/pids.max") == "50\n")
      }
    }
  }
}
