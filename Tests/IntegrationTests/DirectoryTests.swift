import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("how manifests change on disk")
  struct Directories {
    private func manifest(_ version: Int) throws -> String { try ManifestText.of(container: "env = { V = \"\(version)\" }") }

    /// Points a symlink elsewhere in one step, as deployment tools do.
    private func swap(_ link: String, to target: String) throws {
      _ = unlink("\(link)_tmp")
      #expect(symlink(target, "\(link)_tmp") == 0)
      try Files.rename("\(link)_tmp", to: link)
    }

    private func follows(_ daemon: DaemonUnderTest, _ pod: String, version: Int) throws {
      try daemon.pod(pod, "is version \(version)") { view in
        guard view.container.isRunning, let pid = view.container.pid else { return false }
        return (try? Files.readText("/proc/\(pid)/environ"))?.split(separator: "\0").contains("V=\(version)") == true
      }
    }

    /// A daemon whose directory shows release 1 through `link`, with pods `same` and `other`; the body swaps the link.
    private func release(_ daemon: DaemonUnderTest, link: String) throws {
      for (release, version) in [("rel-1", 1), ("rel-2", 2)] {
        try daemon.directory.write(manifest(1), to: "\(release)/same.toml")
        try daemon.directory.write(manifest(version), to: "\(release)/other.toml")
      }
      try swap(link, to: "\(daemon.directory.path)/rel-1")
    }

    private func expectOneChange(_ daemon: DaemonUnderTest, _ link: String) throws {
      let same = try daemon.pod("same", "runs") { $0.container.isRunning }
      try follows(daemon, "other", version: 1)
      try swap(link, to: "\(daemon.directory.path)/rel-2")
      try follows(daemon, "other", version: 2)
      #expect(try daemon.pod("same")?.container.pid == same.container.pid)
      // What the old release holds counts no more, nor does its end.
      try Files.removeTree("\(daemon.directory.path)/rel-1")
      try daemon.sync()
      #expect(try daemon.pod("same")?.container.pid == same.container.pid)
      #expect(try daemon.pod("other")?.container.isRunning == true)
      // Events come from the new one.
      try daemon.directory.write(manifest(3), to: "rel-2/other.toml")
      try follows(daemon, "other", version: 3)
    }

    @Test("a symlinked subdirectory that is swapped is one change")
    func symlinkedSubdirectory() throws {
      try withDaemon { daemon in
        try release(daemon, link: "\(daemon.manifests)/current")
        try expectOneChange(daemon, "\(daemon.manifests)/current")
      }
    }

    @Test("the directory itself may be a symlink that is swapped")
    func symlinkedDirectory() throws {
      let before = try LeakCensus.take()
      let daemon = try DaemonUnderTest(start: false)
      try Files.removeDirectory(daemon.manifests)
      try release(daemon, link: daemon.manifests)
      try daemon.start()
      try expectOneChange(daemon, daemon.manifests)
      try daemon.tearDown()
      #expect(try LeakCensus.leaks(since: before).isEmpty)
    }

    @Test("a symlinked directory above the manifests may be swapped")
    func symlinkedParent() throws {
      try withDaemon { daemon in
        for (release, version) in [("rel-1", 1), ("rel-2", 2)] {
          try daemon.directory.write(manifest(version), to: "\(release)/pods/web.toml")
        }
        try swap("\(daemon.directory.path)/current", to: "rel-1")
        #expect(symlink("\(daemon.directory.path)/current/pods", "\(daemon.manifests)/pods") == 0)
        try follows(daemon, "web", version: 1)
        try swap("\(daemon.directory.path)/current", to: "rel-2")
        try follows(daemon, "web", version: 2)
      }
    }

    @Test("a volume that Kubernetes writes is swapped by its ..data")
    func kubernetesVolume() throws {
      try withDaemon { daemon in
        func write(_ folder: String, _ version: Int) throws {
          try daemon.directory.write(manifest(1), to: "manifests/\(folder)/same.toml")
          try daemon.directory.write(manifest(version), to: "manifests/\(folder)/other.toml")
          try swap("\(daemon.manifests)/..data", to: folder)
        }
        try write("..2026_01", 1)
        for name in ["same", "other"] { #expect(symlink("..data/\(name).toml", "\(daemon.manifests)/\(name).toml") == 0) }
        let same = try daemon.pod("same", "runs") { $0.container.isRunning }
        try follows(daemon, "other", version: 1)
        try write("..2026_02", 2)
        try Files.removeTree("\(daemon.manifests)/..2026_01")
        try follows(daemon, "other", version: 2)
        try daemon.sync()
        #expect(try daemon.pod("same")?.container.pid == same.container.pid)
      }
    }

    @Test("a manifest that is a symlink follows what it points to")
    func symlinkedFile() throws {
      try withDaemon { daemon in
        try daemon.directory.write(manifest(1), to: "elsewhere/real.toml")
        #expect(symlink("../elsewhere/real.toml", "\(daemon.manifests)/web.toml") == 0)
        try follows(daemon, "web", version: 1)
        try daemon.directory.write(manifest(2), to: "elsewhere/real.toml")
        try follows(daemon, "web", version: 2)
        try Files.unlink("\(daemon.directory.path)/elsewhere/real.toml")
        let pod = try daemon.pod("web", "is known to lead nowhere") { $0.condition("ManifestValid") == "False" }
        #expect(pod.container.isRunning, "a symlink that leads nowhere for a while stops nothing")
      }
    }

    @Test("a file is read when its writer is done, not before")
    func slowWriter() throws {
      try withDaemon { daemon in
        try daemon.drop("web", manifest(1))
        try follows(daemon, "web", version: 1)
        let first = try daemon.pod("web")
        let path = "\(daemon.manifests)/web.toml"
        let text = try manifest(2).utf8
        do {
          let file = try Files.open(path, O_WRONLY | O_TRUNC)
          for part in [text.prefix(40), text.dropFirst(40).prefix(60), text.dropFirst(100)] {
            try file.writeAll(Array(part))
            try daemon.sync()
            let pod = try daemon.pod("web")
            #expect(pod?.condition("ManifestValid") == "True", "\(pod?.complaints ?? "no pod")")
            #expect(pod?.container.pid == first?.container.pid)
          }
        }
        try follows(daemon, "web", version: 2)
      }
    }

    @Test("a removed file that is slowly written anew was edited")
    func slowReplacement() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", manifest(1))
        try daemon.remove("web")
        do {
          let file = try Files.open("\(daemon.manifests)/web.toml", O_WRONLY | O_CREAT, mode: 0o644)
          try file.writeAll(Array(manifest(1).utf8.prefix(50)))
          try daemon.sync()
          #expect(try daemon.pod("web")?.container.pid == first.container.pid)
          try file.writeAll(Array(manifest(1).utf8.dropFirst(50)))
        }
        try daemon.sync()
        #expect(try daemon.pod("web")?.container.pid == first.container.pid)
      }
    }

    @Test(
      "every editor's way of saving is an edit",
      arguments: [
        "sed -i 's/V = \"1\"/V = \"2\"/' web.toml",
        "sed 's/V = \"1\"/V = \"2\"/' web.toml > /tmp/berth-edit.$$ && cp /tmp/berth-edit.$$ web.toml; rm /tmp/berth-edit.$$",
        "cp web.toml web.toml~ && sed 's/V = \"1\"/V = \"2\"/' web.toml~ > .web.toml.swp && mv web.toml web.toml~ && mv .web.toml.swp web.toml && rm web.toml~",
        "cp web.toml new && rm web.toml && sed 's/V = \"1\"/V = \"2\"/' new > web.toml && rm new",
      ])
    func editors(_ save: String) throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", manifest(1))
        let result = try Command.run("sh", ["-ec", "cd \(daemon.manifests); \(save)"])
        #expect(result.exit == 0, "\(result)")
        try follows(daemon, "web", version: 2)
        #expect(try daemon.pod("web")?.json["generation"]?.integer == (first.json["generation"]?.integer ?? 0) + 1, "replaced once")
      }
    }

    @Test("an edit that is taken back while the old container is still stopping: the pod runs again")
    func takenBack() throws {
      try withDaemon { daemon in
        let slow = "trap 'sleep 0.5; exit 0' TERM; while true; do sleep 0.05; done"
        func text(_ version: Int) throws -> String {
          try ManifestText.job(slow, container: "env = { V = \"\(version)\" }")
        }
        try daemon.drop("web", text(1))
        let first = try daemon.pod("web", "runs") { $0.container.isRunning }
        try daemon.drop("web", text(2))
        try daemon.pod("web", "is stopping") { $0.container.reason == "Terminating" }
        try daemon.drop("web", text(1))
        let second = try daemon.pod("web", "runs again") { $0.container.isRunning && $0.uid != first.uid }
        #expect(second.container.restarts == 0)
        #expect(second.specHash == first.specHash)
      }
    }

    @Test("a directory of manifests that is removed takes its pods along, even if they are most")
    func removedSubdirectory() throws {
      try withDaemon { daemon in
        for pod in 0..<3 { try daemon.directory.write(manifest(pod), to: "manifests/team/pod-\(pod).toml") }
        for pod in 0..<3 { try daemon.pod("pod-\(pod)", "runs") { $0.container.isRunning } }
        try Files.removeTree("\(daemon.manifests)/team")
        for pod in 0..<3 { try daemon.wait("pod-\(pod)", for: "deleted") }
      }
    }

    @Test("a directory that is moved away holds its pods until it is back or the removal is confirmed")
    func movedSubdirectory() throws {
      try withDaemon { daemon in
        for pod in 0..<3 { try daemon.directory.write(manifest(pod), to: "manifests/team/pod-\(pod).toml") }
        let pods = try (0..<3).map { try daemon.pod("pod-\($0)", "runs") { $0.container.isRunning } }
        try Files.rename("\(daemon.manifests)/team", to: "\(daemon.directory.path)/away")
        try eventually("the status says that removals are held") { try daemon.berth("status").stderr.contains("sync --prune") }
        try Files.rename("\(daemon.directory.path)/away", to: "\(daemon.manifests)/team")
        try eventually("nothing is held any more") { try !daemon.berth("status").stderr.contains("sync --prune") }
        for (number, pod) in pods.enumerated() { #expect(try daemon.pod("pod-\(number)")?.container.pid == pod.container.pid) }
        try daemon.directory.write(manifest(9), to: "manifests/team/pod-0.toml")
        try follows(daemon, "pod-0", version: 9)
        try Files.rename("\(daemon.manifests)/team", to: "\(daemon.directory.path)/away")
        #expect(try daemon.berth("sync", "--prune", "--wait", "--timeout", "30s").exit == 0)
        #expect(try daemon.berth("status", "-o", "json").json().array?.isEmpty == true)
      }
    }
  }
}
