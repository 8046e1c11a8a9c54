import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

@Suite(.enabled(if: TestContainer.canRun && Command.exists("unshare"), "needs root, busybox, runtime-probe and unshare"))
struct NamespaceTests {
  private static let kinds: [(RuntimeSpec.NamespaceKind, String)] = [
    (.network, "net"), (.ipc, "ipc"), (.uts, "uts"), (.pid, "pid"),
  ]

  @Test("namespaces given by path are joined, the others are new")
  func join() throws {
    let directory = try TemporaryDirectory("namespaces")
    let fifo = "\(directory.path)/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    // A process in new namespaces whose child is process 1 of the pid namespace; it stays until the pipe is closed.
    let null = try Files.open("/dev/null", O_RDWR)
    let script = "echo $$ > \(fifo); read x < \(fifo)"
    let holder = try Spawn.start(
      Command.locate("unshare"),
      arguments: ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script],
      environment: ["PATH=/usr/bin:/bin"], descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)])
    defer { _ = try? Children.wait(for: holder) }
    defer { Children.kill(holder) }
    _ = try Files.open(fifo, O_RDONLY).read(upTo: 16)
    let container = try TestContainer("for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done")
    container.spec.hostname = nil
    container.spec.linux?.namespaces = [.init(.mount), .init(.cgroup)]
    for (kind, name) in Self.kinds {
      let file = kind == .pid ? "pid_for_children" : name
      container.spec.linux?.namespaces.append(.init(kind, path: "/proc/\(holder)/ns/\(file)"))
    }
    let run = try container.run()
    let expected = try Self.kinds.map { try Files.readLink("/proc/\(holder)/ns/\($0.0 == .pid ? "pid_for_children" : $0.1)") }
    #expect(Array(run.lines.prefix(4)) == expected, "\(run)")
    #expect(try run.lines.last != Files.readLink("/proc/self/ns/mnt"))
  }

  @Test("a namespace's path that is something else is an error")
  func wrongPath() throws {
    let container = try TestContainer("true")
    container.spec.linux?.namespaces = [
      .init(.mount), .init(.pid), .init(.cgroup), .init(.uts), .init(.network, path: "/proc/self/ns/ipc"),
    ]
    let run = try container.run()
    #expect(run.error.contains("join network namespace /proc/self/ns/ipc: Invalid argument (EINVAL)"), "\(run)")
  }

  @Test("without a cgroup namespace a cgroup mount is refused")
  func cgroupView() throws {
    let container = try TestContainer("true")
    container.spec.linux?.namespaces.removeAll { $0.type == .cgroup }
    #expect(try container.run().error.contains("would show the node's"))
  }

  @Test("an overlay by mount options, as older kernels have it, stays out of the node's mounts")
  func overlayByOptions() throws {
    let container = try TestContainer("")
    let path = container.directory.path
    // What has a meaning in options is escaped.
    let lower = "\(path)/a:b,c\\d"
    try Files.rename(container.image, to: lower)
    let result = try Command.run(
      TestContainer.probe, ["--overlay-by-options", lower, "\(path)/upper", "\(path)/work", container.bundle])
    #expect(result.stdout == "\u{1}[\"bin\",\"etc\"]\n\u{1}true\n", "\(result)")
  }

  @Test("a launcher that dies leaves no process behind", arguments: 0..<5)
  func launcherDies(_ round: Int) throws {
    let container = try TestContainer("sleep 1000")
    try Files.writeAtomically(container.spec.json().encoded(), to: "\(container.bundle)/config.json")
    try container.directory.write(String(decoding: container.request.json().encoded(), as: UTF8.self), to: "request.json")
    let result = try Command.run(TestContainer.probe, ["--kill-launcher", "\(container.directory.path)/request.json"])
    #expect(result.stdout.contains("the launcher died without an answer") && result.stdout.hasSuffix("\u{1}false\n"), "\(result)")
  }
}
