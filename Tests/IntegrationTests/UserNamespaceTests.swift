import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("user namespaces of pods")
  struct UserNamespaces {
    private static let auto = "user_namespace = \"auto\""

    private func firstID(_ daemon: DaemonUnderTest, _ pod: String) throws -> String {
      let map = try daemon.berth("exec", pod, "--", "cat", "/proc/self/uid_map").stdout.split(separator: " ")
      return map.count == 3 ? String(map[1]) : "no map: \(map)"
    }

    /// The real user id of a process as the node sees it.
    private func owner(_ pid: Int64?) throws -> String? {
      try Files.readText("/proc/\(pid ?? 0)/status").split(separator: "\n").first { $0.hasPrefix("Uid:") }
        .map { String($0.split(separator: "\t")[1]) }
    }

    @Test("root inside is a user of the node's that nobody else is; two pods share no id, and a restarted daemon keeps both")
    func ranges() throws {
      try withDaemon { daemon in
        let one = try daemon.run("one", ManifestText.of(pod: Self.auto))
        let two = try daemon.run("two", ManifestText.of(pod: Self.auto))
        let (first, second) = (try firstID(daemon, "one"), try firstID(daemon, "two"))
        #expect(Int(first) ?? 0 >= 524_288 && Int(second) ?? 0 >= 524_288 && first != second)
        #expect(try owner(one.containers.first?.pid) == first && owner(two.containers.first?.pid) == second)
        for kind in ["uid_map", "gid_map"] {
          let map = try daemon.berth("exec", "one", "--", "cat", "/proc/self/\(kind)").stdout.split(separator: " ")
          #expect(map.map { $0.trimmed } == ["0", first, "65536"])
        }
        try daemon.stop()
        try daemon.start()
        #expect(try firstID(daemon, "one") == first && firstID(daemon, "two") == second)
        try daemon.remove("one")
        try daemon.wait("one", for: "deleted")
        #expect(try Files.list("\(daemon.state)/id-ranges") == [second])
      }
    }

    @Test("files of the image and of every kind of volume have the owners that they have on disk, and so has what is written to them")
    func ownership() throws {
      try withDaemon { daemon in
        let host = try TemporaryDirectory("host")
        try host.write("x\n", to: "mine")
        #expect(chown("\(host.path)/mine", 1000, 1000) == 0)
        let mounts = ["empty", "memory", "kept", "conf", "key", "host", "image"].map { "\"\($0):/v/\($0)\"" }.joined(separator: ", ")
        let tables = """
          [[volume]]
          name = "empty"
          empty_dir = {}
          owner = "1000:1000"
          [[volume]]
          name = "memory"
          empty_dir = { medium = "memory" }
          [[volume]]
          name = "kept"
          persistent = {}
          [[volume]]
          name = "conf"
          config = { files = { "a" = "x" } }
          [[volume]]
          name = "key"
          secret = { files = { "k" = "hidden" } }
          [[volume]]
          name = "host"
          host_path = "\(host.path)"
          [[volume]]
          name = "image"
          image = { reference = "\(try ManifestText.imageReference())" }
          """
        let script = """
          stat -c '%u:%g %n' /bin/busybox /etc/passwd /etc/hosts /dev/shm /v/* /v/conf/a /v/key/k /v/host/mine /v/image/bin/busybox
          cat /v/key/k; echo; touch /root/new && chown 1000 /root/new && chmod u+s /bin/busybox && stat -c '%u %a' /root/new /bin/busybox
          for v in empty memory kept host; do touch /v/$v/new && chown 7:8 /v/$v/new && stat -c '%u:%g' /v/$v/new; done
          """
        let said = try daemon.run(job: "files", script, pod: Self.auto, container: "mounts = [\(mounts)]", tables: tables)
        #expect(
          said == """
            0:0 /bin/busybox
            0:0 /etc/passwd
            0:0 /etc/hosts
            0:0 /dev/shm
            0:0 /v/conf
            1000:1000 /v/empty
            0:0 /v/host
            0:0 /v/image
            0:0 /v/kept
            0:0 /v/key
            0:0 /v/memory
            0:0 /v/conf/a
            0:0 /v/key/k
            1000:1000 /v/host/mine
            0:0 /v/image/bin/busybox
            hidden
            1000 644
            0 4755
            7:8
            7:8
            7:8
            7:8

            """)
        let status = try Files.status("\(host.path)/new")
        #expect(status.uid == 7 && status.gid == 8)
      }
    }

    /// Each needs a right over something of the node's. What is written is what stands there already: nothing changes where it works.
    private static let attempts = """
      for try in 'mknod /tmp/disk b 8 0' 'cat /proc/sys/kernel/core_pattern > /tmp/p && cat /tmp/p > /proc/sys/kernel/core_pattern' \
        'cat /proc/sys/vm/swappiness > /tmp/p && cat /tmp/p > /proc/sys/vm/swappiness' 'cat /node/secret'; do
        sh -c "$try" > /dev/null 2>&1 && echo yes || echo no
      done
      """

    @Test("a privileged pod's rights over the node are gone with a user namespace, and those over its own things are there")
    func capabilities() throws {
      try withDaemon { daemon in
        let host = try TemporaryDirectory("host")
        try host.write("x\n", to: "secret")
        #expect(chown("\(host.path)/secret", 100_000, 0) == 0 && chmod("\(host.path)/secret", 0o600) == 0)
        func run(_ job: String, _ script: String, _ pod: String) throws -> [Substring] {
          try daemon.run(
            job: job, script, pod: pod, container: "security = { privileged = true }\nmounts = [\"node:/node\"]",
            tables: "[[volume]]\nname = \"node\"\nhost_path = \"\(host.path)\"\n"
          ).split(separator: "\n")
        }
        #expect(try run("open", Self.attempts, "") == ["yes", "yes", "yes", "yes"])
        #expect(try run("held", Self.attempts, Self.auto) == ["no", "no", "no", "no"])
        let own = try run(
          "own", "hostname other && hostname; mount -t tmpfs t /tmp && echo mounted; ip link set lo down && echo down", Self.auto)
        #expect(own == ["other", "mounted", "down"])
      }
    }

    @Test("exec, further containers, restarts and a map of the operator's own work as elsewhere")
    func life() throws {
      try withDaemon { daemon in
        let map = "user_namespace = { uid_map = [{ container = 0, host = 700000, size = 70000 }] }"
        try daemon.run("web", ManifestText.of(pod: map, container: "user = \"guest\""))
        let said = try daemon.berth(
          "exec", "-u", "0", "web", "--", "sh", "-c", "id -u; cat /proc/self/uid_map; hostname; echo x > /dev/shm/x")
        #expect(said.stdout.split { $0 == " " || $0 == "\n" } == ["0", "0", "700000", "70000", "web"] && said.exit == 0, "\(said)")
        #expect(try daemon.berth("exec", "web", "--", "id", "-u").stdout == "1000\n")
        let pid = try daemon.pod("web")?.containers.first?.pid
        #expect(try owner(pid) == "701000")
        kill(pid_t(pid ?? 0), SIGKILL)
        let again = try daemon.pod("web", "is back") { $0.container.isRunning && $0.container.pid != nil && $0.container.pid != pid }
        #expect(try owner(again.containers.first?.pid) == "701000")
      }
    }
  }
}

extension Substring {
  fileprivate var trimmed: String { String(split(whereSeparator: \.isWhitespace).joined()) }
}
