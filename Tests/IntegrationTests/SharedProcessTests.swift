import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("share_process_namespace = true")
  struct SharedProcessTests {
    /// Two containers; `second` is the other one's script.
    private func manifest(_ second: String = ManifestText.stay, pod: String = "") throws -> String {
      try ManifestText.of(
        pod: "share_process_namespace = true\nrestart_backoff = { initial = \"100ms\" }\n\(pod)", container: "name = \"a\"",
        tables: """
          [[container]]
          name = "b"
          image = "\(ManifestText.imageReference())"
          command = ["sh", "-c", '''\(second)''']
          """)
    }

    private func shell(_ daemon: DaemonUnderTest, _ container: String, _ script: String) throws -> String {
      try daemon.berth("exec", "web/\(container)", "--", "sh", "-c", script).stdout
    }

    @Test(
      "containers see each other's processes; one's end and restart leaves the other and the namespace alone", arguments: ["none", "auto"])
    func sharing(users: String) throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", manifest("sleep 4242 & \(ManifestText.stay)", pod: "user_namespace = \"\(users)\""))
        let namespace = try shell(daemon, "a", "readlink /proc/self/ns/pid; cat /proc/1/comm")
        #expect(namespace.hasSuffix("\nberth-init\n"))
        #expect(try shell(daemon, "b", "readlink /proc/self/ns/pid; cat /proc/1/comm") == namespace)
        // The pattern isn't the text that it finds: grep's own command line is among those read.
        let count = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -cx '[4]242'"
        try eventually("the first attempt's runs") { try shell(daemon, "a", count) == "1\n" }
        #expect(try daemon.berth("task", "kill", "-s", "KILL", "web/b").exit == 0)
        let second = try daemon.pod("web", "restarts b") { $0.containers.last?.restarts == 1 && $0.containers.last?.isRunning == true }
        #expect(second.containers.first?.pid == first.containers.first?.pid && isAlive(first.containers.first?.pid))
        #expect(second.uid == first.uid)
        #expect(try shell(daemon, "a", "readlink /proc/self/ns/pid; cat /proc/1/comm") == namespace)
        // The first attempt's is gone, the second's there.
        try eventually("nothing of the first attempt is left") { try shell(daemon, "a", count) == "1\n" }
      }
    }

    @Test("after a restart of the daemon containers still find each other, and everything is gone with the pod")
    func daemonRestart() throws {
      try withDaemon { daemon in
        try daemon.run("web", manifest())
        let namespace = try shell(daemon, "a", "readlink /proc/self/ns/pid")
        daemon.crash()
        try daemon.start()
        #expect(try daemon.berth("task", "kill", "-s", "KILL", "web/a").exit == 0)
        try daemon.pod("web", "restarts a") { $0.containers.first?.restarts == 1 && $0.containers.first?.isRunning == true }
        #expect(try shell(daemon, "a", "readlink /proc/self/ns/pid") == namespace)
      }
    }

    @Test("a namespace whose process 1 is killed takes the containers along, and they come back in another")
    func holderKilled() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", manifest())
        let status = try Files.readText("/proc/\(first.containers.first?.pid ?? 0)/status")
        let shim = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap { Int64($0.filter(\.isNumber)) } ?? 0
        let children = try Files.readText("/proc/\(shim)/task/\(shim)/children").split(separator: " ").compactMap { Int64($0) }
        let holder = try #require(children.first { (try? Files.readText("/proc/\($0)/comm")) == "berth-init\n" })
        #expect(kill(pid_t(holder), SIGKILL) == 0)
        try daemon.pod("web", "runs anew") { pod in
          pod.containers.allSatisfy { $0.isRunning && $0.restarts > 0 }
        }
        #expect(try shell(daemon, "a", "cat /proc/1/comm") == "berth-init\n")
        #expect(!isAlive(first.containers.first?.pid))
      }
    }

    @Test("a pod whose shim is gone runs on, and ends with its manifest")
    func shimKilled() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", manifest())
        let status = try Files.readText("/proc/\(pod.containers.first?.pid ?? 0)/status")
        let shim = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap { pid_t($0.filter(\.isNumber)) } ?? 0
        #expect(shim > 1 && kill(shim, SIGKILL) == 0)
        #expect(isAlive(pod.containers.first?.pid) && isAlive(pod.containers.last?.pid))
        for container in pod.containers { #expect(kill(pid_t(container.pid ?? 0), SIGKILL) == 0) }
        try daemon.pod("web", "is made anew") { $0.uid != pod.uid && $0.container.isRunning }
      }
    }

    @Test("what excludes each other is told")
    func problems() throws {
      try withDaemon { daemon in
        try daemon.drop("web", manifest(pod: "host_pid = true"))
        let pod = try daemon.pod("web", "is refused") { $0.condition("ManifestValid") == "False" }
        #expect(pod.complaints.contains("'share_process_namespace' and 'host_pid' exclude each other"))
      }
    }
  }
}
