import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

@Suite(
  "what a container's records and annotations can't do",
  .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct StrangerTests {
  @Test("A38: a stranger that has the number of a container's process is never signalled, and the container counts as stopped")
  func usedAgain() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    try container.must("start", container.id)
    try container.must("kill", container.id, "KILL")
    try container.eventuallyStopped()
    let nothing = try Files.open("/dev/null", O_RDWR)
    let stranger = try Spawn.start(
      try Command.locate("sleep"), arguments: ["sleep", "1000"], environment: [],
      descriptors: [(0, nothing.raw), (1, nothing.raw), (2, nothing.raw)])
    defer {
      kill(stranger, SIGKILL)
      Children.wait(for: stranger, deadline: .seconds(20))
    }
    // The number comes round to the stranger; when the process was started stays what it was.
    let file = "\(container.root)/\(container.id)/state.json"
    var record = try #require(try JSON(parsing: Files.readText(file)).object)
    var process = try #require(record["init"]?.object)
    process["pid"] = .integer(Int64(stranger))
    record["init"] = .object(process)
    try Files.writeAtomically(JSON.object(record).encoded(), to: file)
    #expect(try container.status() == "stopped")
    for words in [["kill", container.id, "KILL"], ["exec", container.id, "true"], ["delete", container.id]] { _ = try container(words) }
    #expect(Children.poll(stranger, deadline: .zero) == nil, "the stranger is gone")
    // With the stranger's own time it would have been taken for the container.
    #expect(container.isGone)
  }

  @Test("A20: annotations are passed on and decide nothing, whatever other runtimes read in them")
  func annotations() throws {
    let script =
      "cat /proc/self/cgroup /proc/self/uid_map; sed 's/^[0-9]* [0-9]* [0-9:]* //; s/ master:[0-9]*//' /proc/self/mountinfo | sort; env"
    let container = try RuntimeBundle(script)
    symlink("busybox", "\(container.bundle)/rootfs/bin/env")
    let plain = try container.run()
    let marker = "\(container.directory.path)/marker"
    container.spec.annotations = [
      "org.systemd.property.ExecStartPre": "['/bin/touch', '\(marker)']", "org.systemd.property.CollectMode": "'x'",
      "run.oci.handler": "/bin/touch \(marker)", "run.oci.hooks.stderr": marker, "run.oci.hooks.stdout": marker,
      "run.oci.systemd.subgroup": "other", "run.oci.keep_original_groups": "1", "run.oci.pidfd_receiver": marker,
      "run.oci.mount_context_type": "rootcontext", "run.oci.seccomp_bpf_data": "AAAA", "run.oci.delegate-cgroup": "sub",
      "io.kubernetes.cri.sandbox-id": "x", "io.containers.trace-syscall": "of:\(marker)",
      "io.kubernetes.cri-o.userns-mode": "auto", "org.criu.config": marker,
    ]
    let annotated = try container.run()
    #expect(annotated.exit == 0 && annotated.stdout == plain.stdout && annotated.stderr == plain.stderr, "\(annotated)\n\(plain)")
    #expect(!Files.exists(marker))
  }
}
