import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
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

    @Test("a limit that somebody changed is put back, without a restart")
    func limit() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest(""))
        let group = try ControlGroup(of: #require(pod.container.pid)).directory("pids")
        try Files.write("7", to: "\(group)/pids.max")
        try daemon.sync()
        #expect(try Files.readText("\(group)/pids.max") == "50\n")
        #expect(try daemon.pod("app")?.container.pid == pod.container.pid)
        #expect(try daemon.berth("events").stdout.contains("limits of container app were changed by hand: pids.max"))
      }
    }

    @Test("a container that somebody killed is started again")
    func killed() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest(""))
        #expect(kill(try pid_t(#require(pod.container.pid)), SIGKILL) == 0)
        let after = try daemon.pod("app", "runs again") { $0.container.restarts == 1 && $0.container.isRunning }
        #expect(after.uid == pod.uid && after.container.pid != pod.container.pid)
      }
    }

    private func unmount(_ pod: PodView) throws {
      let answer = try Command.run("nsenter", ["-t", "\(try #require(pod.container.pid))", "-m", "umount", "/conf"])
      #expect(answer.exit == 0, "\(answer)")
    }

    @Test("a container whose volume somebody unmounted is restarted with it")
    func mountRemoved() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest(""))
        try daemon.sync()
        try unmount(pod)
        try daemon.sync()
        let after = try daemon.pod("app", "is restarted") { $0.container.restarts == 1 && $0.container.isRunning }
        #expect(try Files.readText("/proc/\(try #require(after.container.pid))/root/conf/app.conf") == "one\n")
        #expect(try daemon.berth("events").stdout.contains("mounts of container app were removed by hand: /conf"))
        try daemon.sync()
        #expect(try daemon.pod("app")?.container.restarts == 1)
      }
    }

    @Test("with on_drift = \"warn\" it runs on without, and that is told")
    func mountRemovedWarn() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", try manifest("on_drift = \"warn\""))
        try daemon.sync()
        try unmount(pod)
        try daemon.sync()
        let after = try daemon.pod("app", "says so") { $0.message.contains("removed by hand: /conf") }
        #expect(after.container.pid == pod.container.pid && after.container.restarts == 0)
      }
    }

    private func takeInterface(_ pod: PodView) throws {
      let answer = try Command.run("nsenter", ["-t", "\(try #require(pod.container.pid))", "-n", "ip", "link", "del", "eth0"])
      #expect(answer.exit == 0, "\(answer)")
    }

    @Test("a pod whose network interface somebody removed is made anew on its network", .enabled(if: Command.exists("nft")))
    func interfaceRemoved() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", NetworkPods.idle())
        try daemon.sync()
        try takeInterface(pod)
        try daemon.sync()
        let after = try daemon.pod("app", "is made anew") { $0.uid != pod.uid && $0.container.isRunning }
        #expect(try daemon.inside("app", "cat /proc/net/dev").contains("eth0:"))
        #expect(try daemon.berth("events").stdout.contains("the pod's network interfaces were removed by hand: eth0"))
        try daemon.sync()
        #expect(try daemon.pod("app")?.uid == after.uid)
      }
    }

    @Test("with on_drift = \"warn\" it runs on without its interface, and that is told", .enabled(if: Command.exists("nft")))
    func interfaceRemovedWarn() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("app", "on_drift = \"warn\"\n" + NetworkPods.idle())
        try daemon.sync()
        try takeInterface(pod)
        try daemon.sync()
        let after = try daemon.pod("app", "says so") { $0.message.contains("removed by hand: eth0") }
        #expect(after.uid == pod.uid && after.container.pid == pod.container.pid)
      }
    }

    /// With no daemon: one that runs remembers what it looked up.
    private func loseImages(_ daemon: DaemonUnderTest) throws {
      daemon.crash()
      let removed = try Command.run(
        "python3", ["-c", "import sqlite3; c = sqlite3.connect('\(daemon.root)/meta.db'); c.execute('DELETE FROM images'); c.commit()"])
      #expect(removed.exit == 0, "\(removed)")
      try daemon.start()
      try daemon.sync()
    }

    @Test(
      "an image record that is gone is had again from its registry, and the pod runs on",
      .enabled(if: SignedRegistry.isPossible, SignedRegistry.needs))
    func imagePulledAgain() throws {
      let registry = try SignedRegistry()
      try withDaemon { daemon in
        let pod = try daemon.run("app", try ManifestText.of(image: "\(registry.host)/app:v1"))
        try loseImages(daemon)
        try eventually("the image is there again") { try daemon.berth("image", "ls").stdout.contains(registry.host) }
        try daemon.sync()
        let after = try daemon.pod("app", "has nothing to tell any more") { $0.message.isEmpty }
        #expect(after.container.pid == pod.container.pid)
      }
    }

    @Test("an image record that is gone and can't be had is told, and the pod runs on")
    func imageRemoved() throws {
      try withDaemon { daemon in
        let archive = try ManifestText.imageReference().dropFirst("oci-archive:".count)
        let imported = try daemon.berth("image", "import", String(archive))
        #expect(imported.exit == 0, "\(imported)")
        let digest = try #require(try daemon.berth("image", "ls", "-o", "json").json().array?.first?["reference"]?.string)
        let name = "example.test/app:1"
        let tagged = try daemon.berth("image", "tag", digest, name)
        #expect(tagged.exit == 0, "\(tagged)")
        let pod = try daemon.run("app", try ManifestText.of(container: "image_pull_policy = \"never\"", image: name))
        try loseImages(daemon)
        let after = try daemon.pod("app", "says so") { $0.message.contains("image \(name) is no longer in the store") }
        #expect(after.container.pid == pod.container.pid)
        #expect(try daemon.berth("events").stdout.contains("berth image pull \(name)"))
      }
    }
  }
}
