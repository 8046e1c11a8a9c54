import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("sessions")
  struct Sessions {
    @Test("exec passes streams and the exit code on, and tells its own failures apart")
    func exec() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of(container: "env = { A = \"container\" }"))
        let good = try daemon.berth("exec", "web", "--", "sh", "-c", "echo $A; echo err >&2; exit 7")
        #expect(good.exit == 7 && good.stdout == "container\n" && good.stderr == "err\n")
        let options = ["-e", "A=mine", "-w", "/tmp", "-u", "7:8"]
        let edited = try daemon.berth(["exec"] + options + ["default/web", "--", "sh", "-c", "echo $A $PWD; id -u"])
        #expect(edited.stdout == "mine /tmp\n7\n")
        for (arguments, code) in [
          (["exec", "web", "nothing"], Int32(127)), (["exec", "web", "/etc"], 126), (["exec", "nobody", "true"], 125),
          (["exec", "web/nobody", "true"], 125), (["exec", "-u", "nobody-there", "web", "true"], 125),
        ] {
          let result = try daemon.berth(arguments)
          #expect(result.exit == code && result.stderr.hasPrefix("berth: "), "\(result)")
        }
      }
    }

    @Test("input reaches the command, and megabytes come back unchanged")
    func input() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let script = "head -c 20000000 /dev/zero | \(Binaries.berth) -a \(daemon.socket) exec -i web cat | tr '\\0' x | wc -c"
        #expect(try Command.run("sh", ["-c", script]).stdout == "20000000\n")
        let gone = try Command.run("sh", ["-c", "yes | \(Binaries.berth) -a \(daemon.socket) exec -i web true; echo $?"])
        #expect(gone.stdout == "0\n")
      }
    }

    @Test("a session goes on while the daemon is killed and started again")
    func daemonRestart() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let client = "\(Binaries.berth) -a \(daemon.socket) exec -i web cat"
        let out = "\(daemon.directory.path)/out"
        let begun = try Command.run("sh", ["-c", "mkfifo \(out).in; (\(client) < \(out).in > \(out) 2>&1; echo $? >> \(out)) & exit 0"])
        #expect(begun.exit == 0)
        let input = try Files.open("\(out).in", O_WRONLY)
        try input.writeAll(Array("before\n".utf8))
        try eventually("the command answers") { (try? Files.readText(out)) == "before\n" }
        daemon.crash()
        try daemon.start()
        try input.writeAll(Array("after\n".utf8))
        try eventually("the command answers after the restart") { (try? Files.readText(out)) == "before\nafter\n" }
        _ = consume input
        try eventually("the session ends") { (try? Files.readText(out)) == "before\nafter\n0\n" }
      }
    }

    @Test("attach brings input in and output out, to several at once, and the container's end")
    func attach() throws {
      try withDaemon { daemon in
        let script = "while read line; do echo got $line; test $line = end && exit 9; done"
        try daemon.run("in", ManifestText.of(script, pod: "restart_policy = \"never\"", container: "stdin = true"))
        let attach = "\(Binaries.berth) -a \(daemon.socket) attach"
        let out = daemon.directory.path
        let both = """
          mkfifo \(out)/one \(out)/two
          \(attach) --no-stdin in > \(out)/second & second=$!
          \(attach) in < \(out)/one > \(out)/first & first=$!
          exec 3> \(out)/one
          while ! grep -q got \(out)/second; do echo again >&3; sleep 0.1; done
          echo end >&3
          wait $first; echo $?; wait $second; echo $?
          """
        #expect(try Command.run("sh", ["-c", both]).stdout == "9\n9\n")
        for name in ["first", "second"] { #expect(try Files.readText("\(out)/\(name)").hasSuffix("got end\n"), "\(name)") }
        #expect(try daemon.logs("in").hasSuffix("got end\n"))
        #expect(try daemon.berth("attach", "in").exit == 125)
      }
    }

    @Test("a container with a terminal: what it writes is logged, what is typed reaches it, ctrl-p ctrl-q leaves it running")
    func terminal() throws {
      try withDaemon { daemon in
        let script = "tty; while read line; do echo got $line; test $line = end && exit 9; done"
        let pod = try daemon.run("term", ManifestText.of(script, pod: "restart_policy = \"never\"", container: "tty = true"))
        let attach = "script -qec '\(Binaries.berth) -a \(daemon.socket) attach term' /dev/null"
        let typed = "(sleep 0.3; printf 'words\\r'; sleep 0.3; printf '\\020\\021'; sleep 1)"
        let left = try Command.run("sh", ["-c", "\(typed) | \(attach); echo $?"])
        #expect(left.stdout.hasSuffix("0\n"), "\(left)")
        try eventually("the log has it", seen: { (try? daemon.logs("term")) ?? "" }) { try daemon.logs("term").contains("got words") }
        #expect(try daemon.logs("term").hasPrefix("/dev/pts/0"))
        #expect(isAlive(pod.container.pid))
        let ended = try Command.run("sh", ["-c", "(sleep 0.3; printf 'end\\r'; sleep 2) | \(attach); echo $?"])
        #expect(ended.stdout.hasSuffix("9\n"), "\(ended)")
      }
    }

    @Test("restart replaces the pod by another of the same spec")
    func restart() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of())
        #expect(try daemon.berth("restart", "web").exit == 0)
        let second = try daemon.pod("web", "runs anew") { $0.container.isRunning && $0.uid != first.uid }
        #expect(!isAlive(first.container.pid) && isAlive(second.container.pid))
        #expect(try daemon.berth("events").stdout.contains("a restart was asked for"))
        #expect(try daemon.berth("restart", "nobody").exit == 1)
      }
    }

    @Test("many at once: each gets its own output and code")
    func storm() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let one = "\(Binaries.berth) -a \(daemon.socket) exec web -- sh -c"
        let script = "for n in $(seq 40); do (out=$(\(one) \"echo out$n; exit $n\"); echo $n $out $?) & done; wait"
        let lines = try Command.run("sh", ["-c", script], deadline: .seconds(120)).stdout.split(separator: "\n").map(String.init).sorted()
        #expect(lines == (1...40).map { "\($0) out\($0) \($0)" }.sorted())
      }
    }
  }
}
