import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Testing

@Suite(.enabled(if: TestContainer.canRun, "needs root, busybox and runtime-probe"))
struct LaunchTests {
  @Test("an exit code is kept, the command is process 1, the hostname is the pod's")
  func basics() throws {
    let container = try TestContainer("echo $$ $(hostname); exit 7")
    let run = try container.run()
    #expect(run.exit == 7, "\(run)")
    #expect(run.lines == ["1 box"])
    #expect(run.leaks == ["descriptors": 0, "mounts": 0, "children": false])
  }

  @Test("a process killed by a signal reads as 128 and the signal")
  func signal() throws {
    // Process 1 ignores signals of its own namespace: a child dies of one instead.
    let run = try TestContainer("sh -c 'kill -9 $$'; exit $?").run()
    #expect(run.exit == 137, "\(run)")
  }

  @Test("a command that isn't in the image is 127, one that can't be executed 126")
  func missingCommand() throws {
    let container = try TestContainer("")
    try container.directory.write("text", to: "image/bin/plain", mode: 0o644)
    try container.directory.write("text", to: "image/bin/text", mode: 0o755)
    try container.directory.write("#!/bin/nowhere\n", to: "image/bin/orphan", mode: 0o755)
    for (command, exit, message) in [
      (["/bin/nope"], 127, "exec (/bin/nope): No such file or directory (ENOENT)"),
      (["nope"], 127, "exec (nope): No such file or directory (ENOENT)"),
      (["plain"], 126, "exec (plain): Permission denied (EACCES)"), (["/bin"], 126, "exec (/bin): Permission denied (EACCES)"),
      (
        ["/bin/orphan"], 126,
        "exec (/bin/orphan): its interpreter is missing: No such file or directory (ENOENT); "
          + "a script names one behind #!, a binary the loader of its C library"
      ),
      (["/bin/text"], 126, "exec (/bin/text): Exec format error (ENOEXEC)"),
    ] {
      container.spec.process?.args = command
      let run = try container.run()
      #expect(run.exit == Int64(exit), "\(run)")
      #expect(run.error == message)
      #expect(run.leaks["children"] == false)
      #expect(container.cgroup?.exists() == false, "a failed launch leaves its cgroup: \(command)")
    }
  }

  @Test("capabilities are exactly those asked for, with none to inherit")
  func capabilities() throws {
    let run = try TestContainer("grep -E 'Cap|NoNewPrivs' /proc/self/status | cat").run()
    #expect(
      run.output.split(whereSeparator: \.isWhitespace) == [
        "CapInh:", "0000000000000000", "CapPrm:", "00000000a80425fb", "CapEff:", "00000000a80425fb", "CapBnd:", "00000000a80425fb",
        "CapAmb:", "0000000000000000", "NoNewPrivs:", "1",
      ], "\(run)")
  }

  @Test("no descriptor but the three streams is inherited")
  func descriptors() throws {
    let run = try TestContainer("ls /proc/1/fd; true").run()
    #expect(run.lines == ["0", "1", "2"], "\(run)")
  }

  @Test("a user by name gets the image's ids, groups and home")
  func user() throws {
    let container = try TestContainer("echo $(id -u) $(id -g) $(id -G) $HOME; grep CapEff /proc/self/status")
    container.request.user = "app"
    let run = try container.run()
    #expect(run.lines == ["1000 1001 1001 77 /home/app", "CapEff:\t0000000000000000"], "\(run)")
    #expect(run.first["uid"] == 1000)
    container.request.user = "0"
    container.request.runAsNonRoot = true
    #expect(try container.run().error.contains("run_as_non_root"))
  }

  @Test("the working directory is made, and one outside the root is refused")
  func workingDirectory() throws {
    let container = try TestContainer("pwd")
    container.spec.process?.cwd = "/srv/deep/down"
    #expect(try container.run().lines == ["/srv/deep/down"])
    // Descriptors of the launcher lead to the node's directories.
    for number in 3..<12 {
      container.spec.process?.cwd = "/proc/self/fd/\(number)"
      let run = try container.run()
      #expect(run.error.contains("make working directory"), "\(run)")
    }
  }

  @Test("umask, resource limits and oom_score_adj are as asked")
  func limits() throws {
    let container = try TestContainer("umask; ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj")
    container.spec.process?.user.umask = 0o027
    container.spec.process?.rlimits = [.init("RLIMIT_NOFILE", soft: 100, hard: 200), .init("RLIMIT_CORE", soft: 0, hard: 0)]
    container.spec.process?.oomScoreAdj = 321
    #expect(try container.run().lines == ["0027", "100", "200", "0", "321"])
  }

  @Test("what can't be raised here is left as high as it is, with a warning")
  func limitsAboveOurs() throws {
    let container = try TestContainer("echo $(ulimit -Hn)")
    container.spec.process?.rlimits = [.init("RLIMIT_NOFILE", soft: 1 << 19, hard: 1 << 19)]
    container.spec.process?.oomScoreAdj = -1000
    let run = try container.run()
    #expect(run.exit == 0, "\(run)")
    let warned = run.first["warnings"]?.array?.count ?? 0
    #expect(run.lines == ["\(1 << 19)"] || warned > 0, "\(run)")
  }

  @Test("a hundred launches leave no descriptor, mount, process or cgroup")
  func hundredLaunches() throws {
    let container = try TestContainer("exit 3")
    let run = try container.run(times: 100)
    #expect(run.results.count == 100)
    #expect(run.results.allSatisfy { $0["exit"] == 3 }, "\(run)")
    #expect(run.leaks == ["descriptors": 0, "mounts": 0, "children": false])
    #expect(try MountTable.lines(naming: container.directory.path) == [])
    let cgroup = try #require(container.cgroup)
    #expect(try cgroup.processes() == [])
    try cgroup.remove()
    #expect(!cgroup.exists())
  }
}
