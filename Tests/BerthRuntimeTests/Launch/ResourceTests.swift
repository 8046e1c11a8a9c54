import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Testing

@Suite(.enabled(if: TestContainer.canRun, "needs root, busybox and runtime-probe"))
struct ResourceTests {
  @Test("a memory limit kills, and the kill is counted")
  func memory() throws {
    let container = try TestContainer("exec dd if=/dev/zero of=/dev/null bs=200M count=1")
    container.spec.linux?.resources?.memory.limit = 20 << 20
    container.spec.linux?.resources?.memory.swap = 20 << 20
    let run = try container.run()
    #expect(run.exit == 137, "\(run)")
    #expect(try container.cgroup?.oomKills() == 1)
  }

  @Test("a limit on processes holds")
  func pids() throws {
    let container = try TestContainer("for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait; echo done")
    container.spec.linux?.resources?.pids = 4
    let run = try container.run()
    #expect(run.output.contains("can't fork"), "\(run)")
  }

  @Test("the container's cgroup namespace has its own group as root")
  func view() throws {
    let container = try TestContainer("cat /proc/self/cgroup; ls /sys/fs/cgroup")
    let run = try container.run()
    #expect(run.exit == 0 && !run.output.contains("berth-test"), "\(run)")
  }

  @Test("fields that aren't implemented are refused by name")
  func unsupported() throws {
    let container = try TestContainer("true")
    container.spec.process?.terminal = true
    #expect(try container.run().error == "plan (process.terminal): is not supported yet")
    container.spec.process?.terminal = false
    container.spec.linux?.uidMappings = [.init(containerID: 0, hostID: 1000, size: 1)]
    #expect(try container.run().error == "plan (linux.uidMappings): without a user namespace there is nothing to map")
    try Files.writeAtomically(Array("{\"ociVersion\":\"1.0.0\",\"linux\":{\"intelRdt\":{}}}".utf8), to: "\(container.bundle)/config.json")
    #expect(try container.runAsWritten().error.contains("linux.intelRdt"))
    try Files.writeAtomically(Array("{\"ociVersion\":1}".utf8), to: "\(container.bundle)/config.json")
    #expect(try container.runAsWritten().error == "read config.json (ociVersion): expected a string")
  }

  @Test("a layer or a bundle that is missing is named")
  func missing() throws {
    let container = try TestContainer("true")
    container.request.rootfs = .overlay(
      lower: ["/nowhere/fs"], upper: "\(container.directory.path)/upper", work: "\(container.directory.path)/work")
    #expect(try container.run().error == "mount root file system (/nowhere/fs): No such file or directory (ENOENT)")
    container.request.rootfs = .directory(container.image)
    #expect(try container.run().exit == 0)
  }
}
