import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("containers made by hand")
  struct HandMade {
    private let image: String
    init() throws { image = try ManifestText.imageReference() }

    @Test("run shows both streams, passes the exit code on and, with --rm, leaves nothing")
    func foreground() throws {
      try withDaemon { daemon in
        let result = try daemon.berth("run", "--rm", "-e", "A=b c", image, "one", "sh", "-c", "echo \"$A\"; echo err >&2; exit 7")
        #expect(result.exit == 7)
        #expect(result.stdout.split(separator: "\n").sorted() == ["b c", "err"])
        #expect(try daemon.berth("container", "ls", "-q").stdout == "")
        #expect(try daemon.pod("one") == nil)
        #expect(try daemon.berth("run", "--rm", image, "two", "--", "sh", "-c", "exit 8").exit == 8, "as berth exec has it")
      }
    }

    @Test("a container that can't be started is told why, and nothing of it stays")
    func cannotStart() throws {
      try withDaemon { daemon in
        for (reference, command) in [(image, "/no/such/program"), ("oci-archive:/no/such/file", "true")] {
          let result = try daemon.berth("run", "-d", reference, "bad", command)
          #expect(result.exit == 1)
          #expect(result.stderr.contains("No such file"), "\(result)")
          #expect(try daemon.berth("container", "ls", "-q").stdout == "")
        }
      }
    }

    @Test("create, start, ps, pause, resume, kill, rm: containerd's states and refusals")
    func lifeCycle() throws {
      try withDaemon { daemon in
        #expect(try daemon.berth("container", "create", image, "c", "sleep", "1000").exit == 0)
        #expect(try daemon.berth("container", "create", image, "c", "sleep", "1").exit == 1, "the name is taken")
        #expect(try daemon.berth("task", "ls", "-q").stdout == "")
        #expect(try daemon.berth("task", "start", "-d", "c").exit == 0)
        #expect(try daemon.berth("task", "start", "-d", "c").exit == 1, "it has a task")
        #expect(try daemon.berth("run", "-d", image, "c", "true").stderr.contains("a container made by hand"), "no manifest's")
        let pid = try #require(try daemon.pod("c")?.container.pid)
        #expect(try daemon.berth("task", "ps", "c", "-o", "json").json().array == [.integer(pid)])
        #expect(try daemon.berth("task", "pause", "c").exit == 0)
        #expect(try daemon.berth("task", "ls").stdout.contains("PAUSED"))
        #expect(try daemon.berth("task", "resume", "c").exit == 0)
        #expect(try daemon.berth("task", "rm", "c").exit == 1, "it runs")
        #expect(try daemon.berth("container", "rm", "c").exit == 1, "it has a task")
        #expect(try daemon.berth("task", "kill", "-s", "KILL", "c").exit == 0)
        try daemon.pod("c", "is dead") { $0.phase == "Failed" }
        #expect(try daemon.berth("task", "ls").stdout.contains("STOPPED"))
        #expect(try daemon.berth("task", "rm", "c").exit == 0)
        let events = try daemon.berth("events").stdout
        #expect(events.contains("it was removed by hand") && !events.contains("its manifest was removed"), "\(events)")
        #expect(try daemon.berth("container", "rm", "c").exit == 0)
        #expect(try daemon.berth("container", "info", "c").exit == 1)
      }
    }

    @Test("a running task outlives the daemon; an ended one isn't started again, by whatever daemon")
    func restart() throws {
      try withDaemon { daemon in
        #expect(try daemon.berth("run", "-d", image, "stays", "sleep", "1000").exit == 0)
        #expect(try daemon.berth("run", image, "ended", "true").exit == 0)
        let pid = try #require(try daemon.pod("stays")?.container.pid)
        daemon.crash()
        try daemon.start()
        try daemon.sync()
        #expect(try daemon.pod("stays")?.container.pid == pid)
        #expect(try daemon.pod("ended")?.phase == "Succeeded")
        #expect(try daemon.berth("task", "rm", "--force", "stays").exit == 0)
        daemon.crash()
        try daemon.start()
        try daemon.sync()
        #expect(try daemon.pod("stays") == nil)
        #expect(try daemon.berth("container", "ls", "-q").stdout == "ended\nstays\n")
      }
    }

    @Test("a manifest of the same name waits until the name is free; a name of a manifest can't be taken")
    func names() throws {
      try withDaemon { daemon in
        #expect(try daemon.berth("run", "-d", image, "web", "sleep", "1000").exit == 0)
        let pid = try #require(try daemon.pod("web")?.container.pid)
        try daemon.drop("web", ManifestText.of())
        try daemon.sync()
        #expect(try daemon.pod("web")?.container.pid == pid)
        #expect(try daemon.berth("events").stdout.contains("NameTaken"))
        #expect(try daemon.berth("task", "rm", "--force", "web").exit == 0)
        #expect(try daemon.berth("container", "rm", "web").exit == 0)
        try daemon.pod("web", "is the manifest's") { $0.phase == "Running" && $0.json["source"]?.string?.hasSuffix("web.toml") == true }
        let refused = try daemon.berth("container", "create", image, "web")
        #expect(refused.exit == 1 && refused.stderr.contains("web.toml"), "\(refused)")
      }
    }
  }
}
