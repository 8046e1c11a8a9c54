import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Testing

/// A container whose process 1 is an init.
@Suite(.enabled(if: TestContainer.canRun, "needs root, busybox and runtime-probe"))
struct InitProcessTests {
  private func container(_ script: String) throws -> TestContainer {
    let container = try TestContainer(script)
    container.request.initProcess = .reaper
    return container
  }

  /// Until `condition` holds, for at most 30 s.
  private func wait(_ condition: String) -> String {
    "i=0; while ! \(condition); do i=$((i+1)); [ $i -lt 600 ] || exit 99; sleep 0.05; done"
  }

  @Test("the init is process 1, the command its child, and the command's exit code the container's")
  func basics() throws {
    // Both go their last steps side by side: the command may be there first.
    let script = "cat /proc/1/comm; grep PPid /proc/self/status; ls /proc/$$/fd; exit 7"
    let run = try container("\(wait("grep -q berth-init /proc/1/comm")); \(script)").run()
    #expect(run.exit == 7, "\(run)")
    #expect(run.lines.first == "berth-init" && run.lines.suffix(3) == ["0", "1", "2"], "\(run)")
    #expect(run.leaks == ["descriptors": 0, "mounts": 0, "children": false])
  }

  @Test("a command killed by a signal reads as 128 and the signal: as process 1 it would have ignored it")
  func killed() throws { #expect(try container("kill -9 $$; exit 5").run().exit == 137) }

  @Test("orphans are reaped")
  func orphans() throws {
    let run = try container("orphan=$(sh -c 'sleep 0.2 >/dev/null & echo $!'); \(wait("[ ! -d /proc/$orphan ]")); echo gone").run()
    #expect(run.exit == 0 && run.lines == ["gone"], "\(run)")
  }

  @Test("signals are passed on to the command", arguments: ["TERM", "INT", "USR1", "HUP", "QUIT", "WINCH"])
  func signals(name: String) throws {
    let run = try container("trap 'echo got; exit 3' \(name); kill -\(name) 1; \(wait("false"))").run()
    #expect(run.exit == 3 && run.lines == ["got"], "\(run)")
  }

  @Test("the rest of the container ends with its command")
  func leftovers() throws {
    let container = try container("sleep 1000 & exit 0")
    #expect(try container.run().exit == 0)
    try eventually("nothing runs") { try container.cgroup?.processes().isEmpty ?? true }
  }

  @Test("a command that can't be executed is told as without an init, and nothing stays behind")
  func missingCommand() throws {
    let container = try container("")
    try container.directory.write("#!/bin/nowhere\n", to: "image/bin/orphan", mode: 0o755)
    try container.directory.write("text", to: "image/bin/plain", mode: 0o644)
    for (command, exit) in [("/bin/nope", 127), ("plain", 126), ("/bin/orphan", 126)] {
      container.spec.process?.args = [command]
      let run = try container.run()
      #expect(run.exit == Int64(exit) && run.error.hasPrefix("exec (\(command))"), "\(run)")
      #expect(run.leaks["children"] == false)
      #expect(container.cgroup?.exists() == false)
    }
  }

  @Test("the init's program can't be written to from the container, whatever rights it has")
  func program() throws {
    let container = try container("(: > /proc/1/exe) 2>&1; grep -q ELF /proc/1/exe && echo readable")
    let capabilities = ContainerDefaults.capabilities + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]
    container.spec.process?.capabilities = RuntimeSpec.Capabilities(only: capabilities)
    let run = try container.run()
    #expect(run.output.contains("Read-only file system") && run.lines.last == "readable", "\(run)")
  }

  @Test("without the right to trace, the init is out of reach, and has no more rights than the command")
  func confinement() throws {
    let run = try container("ls -l /proc/1/exe 2>&1; grep -E 'Seccomp:|NoNewPrivs|CapEff' /proc/1/status | cat").run()
    #expect(run.output.contains("ermission denied") && run.output.contains("00000000a80425fb"), "\(run)")
  }

  @Test("a request without an init looks as it always did; one with it is refused by who doesn't know it")
  func version() throws {
    var request = LaunchRequest(id: "c", bundle: "/b", rootfs: .directory("/r"))
    #expect(request.json()["version"] == 1 && request.json()["init"] == nil)
    for kind in [LaunchRequest.InitProcess.reaper, .reaperOnly] {
      request.initProcess = kind
      #expect(request.json()["version"] == 2)
      #expect(try LaunchRequest(decoding: request.json()) == request)
    }
  }
}
