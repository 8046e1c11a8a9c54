import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("drift")
  struct Drifts {
    private func manifest(_ pod: String) throws -> String {
      try ManifestText.of(
        pod: pod, container: "mounts = [\"conf:/conf\"]\nresources = { pids = 50 }",
        tables: "[[volume]]\nname = \"conf\"\nconfig = { files = { \"app.conf\" = \"one\\n\" } }")
    }

    private func file(_ daemon: DaemonUnderTest, _ pod: PodView) -> String { "\(daemon.state)/pods/\(pod.uid)/volumes/conf/app.conf" }

    @Test("a file or limit that somebody changed is put back, without a restart")
    func repair() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest(""))
        try Files.writeAtomically("two\n".utf8, to: file(daemon, pod), mode: 0o644)
        try daemon.sync()
        #expect(try Files.readText(file(daemon, pod)) == "one\n")
        let after = try #require(try daemon.pod("app"))
        #expect(after.container.pid == pod.container.pid)
        #expect(try daemon.berth("events").stdout.contains("files of volume conf were changed by hand: app.conf"))
        #expect(try daemon.berth("diff").exit == 0)
      }
    }

    @Test("with on_drift = \"warn\" it is told and left alone")
    func warn() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest("on_drift = \"warn\""))
        try Files.writeAtomically("two\n".utf8, to: file(daemon, pod), mode: 0o644)
        try daemon.sync()
        try daemon.pod("app", "says so") { $0.message.contains("changed by hand: app.conf") }
        #expect(try Files.readText(file(daemon, pod)) == "two\n")
        try Files.writeAtomically("one\n".utf8, to: file(daemon, pod), mode: 0o644)
        try daemon.sync()
        try daemon.pod("app", "is content") { !$0.message.contains("by hand") }
      }
    }
  }
}
