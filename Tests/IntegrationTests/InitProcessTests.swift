import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("init = true")
  struct InitProcesses {
    private static let own = "cat /proc/1/comm; cat /proc/1/cmdline | tr '\\0' ' '"

    @Test(
      "process 1 is an init, in a user namespace, with a terminal and as another user, too",
      arguments: [
        ("plain", "", ""), ("users", "user_namespace = \"auto\"", ""), ("term", "", "tty = true"), ("user", "", "user = \"1000:1000\""),
      ])
    func kinds(name: String, pod: String, container: String) throws {
      try withDaemon { daemon in
        let output = try daemon.run(job: name, Self.own, pod: pod, container: "init = true\n\(container)")
        #expect(output.replacing("\r", with: "").hasPrefix("berth-init\nberth-init "), "\(output)")
      }
    }

    @Test("a stop signal reaches the command, and its exit code is the container's")
    func stopSignal() throws {
      try withDaemon { daemon in
        let script = "trap 'echo ended; exit 5' TERM; echo up; while :; do sleep 0.1; done"
        try daemon.drop("web", try ManifestText.of(script, pod: "restart_policy = \"never\"", container: "init = true"))
        try eventually("it is up") { (try? daemon.logs("web")) == "up\n" }
        #expect(try daemon.berth("task", "kill", "web").exit == 0)
        let pod = try daemon.pod("web", "has ended") { $0.phase == "Failed" }
        #expect(pod.container.exitCode == 5)
        #expect(try daemon.logs("web") == "up\nended\n")
      }
    }

    @Test("a command that isn't there is told as without an init")
    func missing() throws {
      try withDaemon { daemon in
        let text = try ManifestText.job("true", container: "init = true").replacing("\"sh\", \"-c\"", with: "\"/bin/nowhere\"")
        try daemon.drop("bad", text)
        let pod = try daemon.pod("bad", "has failed") { $0.phase == "Failed" }
        #expect(pod.container.exitCode == 127, "\(pod)")
      }
    }
  }
}
