import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  /// What a process sees and may do inside.
  @Suite("inside a container")
  struct Containers {
    @Test("command, args, env, user and working directory are what the manifest says")
    func process() throws {
      try withDaemon { daemon in
        let said = try daemon.run(
          job: "tell", "echo $0 $1; pwd; id -u; id -g; echo $A/$B; echo $PATH",
          container: "args = [\"zero\", \"one\"]\nworking_dir = \"/srv\"\nuser = \"1000:1000\"\nenv = { A = \"a b\", B = \"ü\" }")
        let lines = said.split(separator: "\n").map(String.init)
        #expect(lines.prefix(5) == ["zero one", "/srv", "1000", "1000", "a b/ü"])
        #expect(lines.last?.contains("/bin") == true, "PATH comes from the image")
      }
    }

    @Test("a user's name is looked up in the image")
    func userName() throws {
      try withDaemon { daemon in
        let said = try daemon.run(job: "who", "id -u; id -g", container: "user = \"guest\"")
        #expect(said == "1000\n1000\n")
      }
    }

    @Test("host name, processes and mounts are its own")
    func isolation() throws {
      try withDaemon { daemon in
        let said = try daemon.run(
          job: "alone",
          "hostname; echo $$; ls -d /proc/[0-9]* | wc -l; ls /; for n in mnt pid uts ipc net cgroup; do readlink /proc/self/ns/$n; done",
          pod: "hostname = \"island\"")
        let lines = said.split(separator: "\n").map(String.init)
        #expect(lines.first == "island")
        #expect(lines.dropFirst().first == "1")
        #expect(lines.dropFirst(2).first.flatMap { Int($0.filter(\.isNumber)) }.map { $0 <= 4 } == true, "its own processes alone: \(said)")
        for name in ["mnt", "pid", "uts", "ipc", "net", "cgroup"] {
          let ours = try Files.readLink("/proc/self/ns/\(name)")
          #expect(lines.contains { $0.hasPrefix("\(name):[") }, "\(name)")
          #expect(!lines.contains(ours), "\(name) is the node's")
        }
      }
    }

    @Test("the host's mount table doesn't change while a pod runs")
    func mountsStayInside() throws {
      try withDaemon { daemon in
        _ = try daemon.run(job: "first", "true")
        let before = try LeakCensus.take()
        try daemon.run("web", ManifestText.of())
        let mounts = try LeakCensus.take().leaks(since: before).filter { $0.kind == .mount }
        #expect(mounts.isEmpty)
      }
    }

    @Test("network = host is the node's network, none has loopback alone")
    func network() throws {
      try withDaemon { daemon in
        #expect(try daemon.run(job: "none", "ls /sys/class/net") == "lo\n")
        let ours = try Files.readLink("/proc/self/ns/net")
        try daemon.drop("host", ManifestText.job("readlink /proc/self/ns/net").replacingFirst("\"none\"", with: "\"host\""))
        try daemon.pod("host", "ends") { $0.phase == "Succeeded" }
        #expect(try daemon.logs("host") == "\(ours)\n")
      }
    }

    @Test("Docker's 14 capabilities, none inheritable or ambient, no new privileges, a seccomp filter")
    func confinement() throws {
      try withDaemon { daemon in
        let status = try daemon.run(job: "caps", "cat /proc/self/status")
        let fields = Dictionary(
          status.split(separator: "\n").compactMap { line in
            line.firstIndex(of: ":").map { (String(line[..<$0]), line[$0...].dropFirst().filter { !$0.isWhitespace }) }
          }, uniquingKeysWith: { first, _ in first })
        for set in ["CapPrm", "CapEff", "CapBnd"] { #expect(fields[set] == "00000000a80425fb", "\(set)") }
        for set in ["CapInh", "CapAmb"] { #expect(fields[set] == "0000000000000000", "\(set)") }
        #expect(fields["NoNewPrivs"] == "1")
        #expect(fields["Seccomp"] == "2")
      }
    }

    @Test("capabilities are added and dropped, a user has none in effect")
    func capabilities() throws {
      try withDaemon { daemon in
        let show = "grep -E '^Cap(Eff|Bnd)' /proc/self/status"
        let dropped = try daemon.run(job: "drop", show, tables: "[container.security]\ncapabilities = { drop = [\"ALL\"] }")
        #expect(dropped == "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n")
        let one = try daemon.run(
          job: "one", show, tables: "[container.security]\ncapabilities = { drop = [\"ALL\"], add = [\"NET_BIND_SERVICE\"] }")
        #expect(one == "CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\n")
        let user = try daemon.run(job: "user", show, container: "user = \"1000\"")
        #expect(user.hasPrefix("CapEff:\t0000000000000000\n"))
      }
    }

    /// A kernel has some of these files only; what it has must be covered.
    @Test("kernel files are masked or read-only")
    func maskedPaths() throws {
      try withDaemon { daemon in
        let masked = [
          "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/timer_list", "/sys/firmware",
        ]
        let readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        let (maskedHere, readOnlyHere) = (masked.filter(Files.exists), readOnly.filter(Files.exists))
        #expect(!maskedHere.isEmpty && readOnlyHere.contains("/proc/sys"))
        let said = try daemon.run(
          job: "masked",
          """
          for f in \(maskedHere.joined(separator: " ")); do
            if [ -d $f ]; then ls -A $f; else wc -c < $f | grep -v '^0$'; fi
          done
          for f in \(readOnlyHere.joined(separator: " ")); do grep -q " $f ro" /proc/self/mountinfo || echo $f is not read-only; done
          echo x 2> /dev/null > /proc/sys/kernel/domainname && echo wrote /proc/sys
          touch /sys/x 2> /dev/null && echo wrote /sys
          echo end
          """)
        #expect(said == "end\n")
      }
    }

    @Test("system calls that the default filter denies fail")
    func seccomp() throws {
      try withDaemon { daemon in
        let tries = "unshare -m true && echo got; mount -t tmpfs none /tmp && echo got; echo end"
        let said = try daemon.run(job: "denied", tries, tables: "[container.security]\ncapabilities = { add = [\"SYS_CHROOT\"] }")
        #expect(!said.contains("got"))
        #expect(said.hasSuffix("end\n"))
      }
    }

    @Test("a read-only root file system can't be written, its volumes can")
    func readOnlyRoot() throws {
      try withDaemon { daemon in
        let said = try daemon.run(
          job: "sealed", "touch /etc/x && echo root; touch /data/x && echo data; touch /dev/shm/x && echo shm",
          container: "mounts = [\"data:/data\"]",
          tables: "[container.security]\nread_only_root_filesystem = true\n[[volume]]\nname = \"data\"\nempty_dir = {}")
        #expect(!said.contains("root\n"))
        #expect(said.hasSuffix("data\nshm\n"))
      }
    }

    @Test("run_as_non_root refuses root")
    func nonRoot() throws {
      try withDaemon { daemon in
        try daemon.drop("root", ManifestText.job("true", tables: "[container.security]\nrun_as_non_root = true"))
        let pod = try daemon.pod("root", "is refused") {
          $0.container.reason == "CreateContainerError" || $0.reason == "CreateContainerError"
        }
        #expect((pod.container.message + pod.message).contains("root"))
      }
    }

    @Test("resource limits of the process are the manifest's")
    func rlimits() throws {
      try withDaemon { daemon in
        let said = try daemon.run(job: "files", "ulimit -n", container: "rlimits = { nofile = 123 }")
        #expect(said == "123\n")
      }
    }

    @Test("the processes of a pod's containers don't see each other, their shared memory they do")
    func pair() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "pair",
          """
          network = "none"
          restart_policy = "never"
          [[container]]
          name = "a"
          image = "\(try ManifestText.imageReference())"
          command = ["sh", "-c", "echo from-a > /dev/shm/note; while [ ! -e /dev/shm/seen ]; do sleep 0.05; done"]
          [[container]]
          name = "b"
          image = "\(try ManifestText.imageReference())"
          command = ["sh", "-c", "while [ ! -s /dev/shm/note ]; do sleep 0.05; done; cat /dev/shm/note; echo $$; touch /dev/shm/seen"]
          """)
        try daemon.pod("pair", "ends") { $0.phase == "Succeeded" }
        #expect(try daemon.logs("pair/b") == "from-a\n1\n")
      }
    }
  }
}
