import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

extension RuntimeBundle {
  static let mappedRoot: UInt32 = 524_288

  /// A user namespace of its own over a root that belongs to it.
  func mapIDs() throws {
    spec.linux?.namespaces.append(.init(.user))
    let mapping = RuntimeSpec.IDMapping(containerID: 0, hostID: Self.mappedRoot, size: 65_536)
    spec.linux?.uidMappings = [mapping]
    spec.linux?.gidMappings = [mapping]
    try giveRoot()
  }

  func giveRoot() throws {
    let owner = "\(Self.mappedRoot):\(Self.mappedRoot)"
    let result = try Command.run("chown", ["-hR", owner, "\(bundle)/rootfs"])
    guard result.exit == 0 else { throw TestFailure("\(result)") }
  }
}

@Suite("user and time namespaces", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct UserNamespaceTests {
  @Test("a container with id mappings is root of its own, owns its files and devices, and is nobody to the node")
  func own() throws {
    let container = try RuntimeBundle(
      "id -u; cat /proc/self/uid_map; stat -c '%u %a %F' /dev /dev/null /bin; touch /new; stat -c %u /new; echo x > /dev/null && echo fine;"
        + "cat /proc/sys/kernel/msgmax; readlink /proc/self/ns/user")
    try container.mapIDs()
    container.spec.linux?.sysctl = ["kernel.msgmax": "4321"]
    let result = try container.run()
    #expect(result.exit == 0, "\(result)")
    let lines = result.stdout.split(separator: "\n").map(String.init)
    #expect(
      Array(lines.dropFirst(2).prefix(6)) == [
        "0 755 directory", "0 666 character special file", "0 755 directory", "0", "fine", "4321",
      ], "\(result)")
    #expect(lines.first == "0" && lines.dropFirst().first?.split(separator: " ") == ["0", "524288", "65536"])
    #expect(try lines.last != Files.readLink("/proc/self/ns/user"))
    #expect(try Files.status("\(container.bundle)/rootfs/new").uid == RuntimeBundle.mappedRoot)
  }

  @Test("its user and groups are mapped ones, and capabilities stay inside")
  func user() throws {
    let container = try RuntimeBundle("id -u; id -g; id -G; grep -E 'CapEff|CapBnd' /proc/self/status")
    try container.mapIDs()
    container.spec.process?.user = .init(uid: 1000, gid: 1001, additionalGids: [7, 8])
    let result = try container.run()
    #expect(result.stdout.hasPrefix("1000\n1001\n1001 7 8\n"), "\(result)")
    // What the node lacks can be had inside: it means nothing outside.
    container.spec.process?.capabilities = .init(only: ["CAP_SYS_RESOURCE"])
    container.spec.process?.user = .init()
    #expect(try container.run().stdout.contains("CapEff:\t0000000001000000"))
  }

  @Test("rights end at the namespace: the node's files, devices and limits are out of reach")
  func confined() throws {
    let container = try RuntimeBundle(
      "cat /node/secret; touch /node/x; mount -t tmpfs none /tmp && echo own; echo 1 > /proc/sys/kernel/panic; mknod /tmp/z c 1 5; true")
    try container.mapIDs()
    symlink("busybox", "\(container.bundle)/rootfs/bin/mknod")
    try container.directory.write("secret", to: "node/secret")
    chmod("\(container.directory.path)/node/secret", 0o600)
    container.spec.mounts.append(
      .init(destination: "/node", type: "bind", source: "\(container.directory.path)/node", options: ["bind"]))
    container.spec.process?.capabilities = .init(only: ["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_CHOWN"])
    container.spec.linux?.readonlyPaths = []
    let result = try container.run()
    #expect(result.stdout == "own\n", "\(result)")
    for said in [
      "/node/secret': Permission denied", "/node/x: Permission denied", "panic: Permission denied", "/tmp/z: Operation not perm",
    ] {
      #expect(result.stderr.contains(said), "\(said): \(result)")
    }
  }

  @Test("devices of the spec are there with their owners, also in folders")
  func devices() throws {
    let container = try RuntimeBundle("stat -c '%u:%g %a %t:%T' /dev/net/tun /dev/null; stat -c %u /dev/net; [ -p /dev/pipe ] && echo pipe")
    try container.mapIDs()
    container.spec.linux?.devices = [
      .init("/dev/net/tun", .character, major: 10, minor: 200, fileMode: 0o600), .init("/dev/pipe", .fifo, major: 0, minor: 0),
    ]
    container.spec.linux?.devices[0].uid = 5
    #expect(try container.run().stdout == "5:0 600 a:c8\n0:0 666 1:3\n0\npipe\n")
  }

  @Test("the folders of its own file systems are its root's")
  func folders() throws {
    let container = try RuntimeBundle("stat -c '%u:%g %n' /dev /dev/pts /dev/shm /dev/mqueue; readlink /proc/self/ns/ipc")
    try container.mapIDs()
    let result = try container.run()
    #expect(result.stdout.hasPrefix("0:0 /dev\n0:0 /dev/pts\n0:0 /dev/shm\n0:0 /dev/mqueue\nipc:["), "\(result)")
    #expect(try !result.stdout.contains(Files.readLink("/proc/self/ns/ipc")))
  }

  @Test("exec joins the namespace: as root, as a user, with a terminal")
  func exec() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.mapIDs()
    try container.create()
    try container.must("start", container.id)
    let own = try Files.readLink("/proc/\(try Files.readText("\(container.directory.path)/pid"))/ns/user")
    let result = try container.must(
      "exec", container.id, "sh", "-c", "id -u; readlink /proc/self/ns/user; touch /of-exec; echo $$ > /dev/null")
    #expect(result.stdout == "0\n\(own)\n", "\(result)")
    #expect(try Files.status("\(container.bundle)/rootfs/of-exec").uid == RuntimeBundle.mappedRoot)
    #expect(try container.must("exec", "-u", "1000:1000", container.id, "id", "-u").stdout == "1000\n")
    let terminal = try container.must("exec", "-t", container.id, "tty")
    #expect(terminal.stdout.hasPrefix("/dev/pts/"), "\(terminal)")
  }

  @Test("a terminal of its own, made by create with a socket or in the foreground")
  func terminal() throws {
    let container = try RuntimeBundle("tty; stat -c '%u %F' /dev/console $(tty)")
    try container.mapIDs()
    container.spec.process?.terminal = true
    let result = try container.run()
    #expect(result.stdout.contains("/dev/pts/0") && result.stdout.contains("0 character special file"), "\(result)")
  }

  @Test("with mounts of cgroups and no cgroup namespace asked for, the container sees its own cgroups alone")
  func cgroups() throws {
    let container = try RuntimeBundle(
      "id -u; ls -d /sys/fs/cgroup/*/\(try CgroupLayout.detect().version == .v1 ? "tasks" : "x") | grep -c .; grep -vc ':/$' /proc/self/cgroup; true"
    )
    try container.mapIDs()
    container.spec.linux?.namespaces.removeAll { $0.type == .cgroup }
    let result = try container.run()
    let lines = result.stdout.split(separator: "\n")
    #expect(result.exit == 0 && lines.first == "0", "\(result)")
    guard try CgroupLayout.detect().version == .v1 else { return }
    #expect(lines.count == 3 && (Int(lines[1]) ?? 0) > 3, "\(result)")
  }

  @Test("oom_score_adj and limits are set from outside")
  func limits() throws {
    let container = try RuntimeBundle("cat /proc/self/oom_score_adj; grep 'open files' /proc/self/limits")
    try container.mapIDs()
    container.spec.process?.oomScoreAdj = 321
    container.spec.process?.rlimits = [.init("RLIMIT_NOFILE", soft: 77, hard: 99)]
    let result = try container.run()
    #expect(result.stdout.hasPrefix("321\n") && result.stdout.contains("77                   99"), "\(result)")
  }

  @Test("mappings that can't be are refused by name")
  func badMappings() throws {
    typealias Mapping = RuntimeSpec.IDMapping
    let cases: [(String, [Mapping], String)] = [
      ("none", [], "linux.uidMappings"), ("of no ids", [.init(containerID: 0, hostID: 1, size: 0)], "linux.uidMappings[0]"),
      ("beyond the last id", [.init(containerID: 0, hostID: .max, size: 2)], "linux.uidMappings[0]"),
      ("without root", [.init(containerID: 1, hostID: 5, size: 2)], "maps no id 0"),
      (
        "over each other", [.init(containerID: 0, hostID: 5, size: 2), .init(containerID: 1, hostID: 9, size: 2)],
        "map ids of user namespace"
      ),
    ]
    for (name, mappings, said) in cases {
      let container = try RuntimeBundle("true")
      try container.mapIDs()
      container.spec.linux?.uidMappings = mappings
      let result = try container.run()
      #expect(result.exit == 1 && result.stderr.contains(said), "\(name): \(result)")
      #expect(container.isGone, "\(name)")
    }
    let container = try RuntimeBundle("true")
    container.spec.linux?.uidMappings = [.init(containerID: 0, hostID: 5, size: 2)]
    #expect(try container.run().stderr.contains("without a user namespace there is nothing to map"))
  }

  @Test("clocks of a new time namespace are ahead from the command's first moment on")
  func clocks() throws {
    for mapped in [false, true] {
      let container = try RuntimeBundle("cat /proc/uptime; readlink /proc/self/ns/time; cat /proc/self/timens_offsets")
      if mapped { try container.mapIDs() }
      container.spec.linux?.namespaces.append(.init(.time))
      container.spec.linux?.timeOffsets = ["boottime": .init(seconds: 1_000_000_000), "monotonic": .init(seconds: 5, nanoseconds: 7)]
      let result = try container.run()
      let lines = result.stdout.split(separator: "\n").map(String.init)
      #expect(
        lines.first?.hasPrefix("100") == true
          && (lines.first?.firstIndex(of: ".")).map { lines[0].distance(from: lines[0].startIndex, to: $0) } == 10)
      #expect(try lines.count > 3 && lines[1] != Files.readLink("/proc/self/ns/time"), "\(result)")
      #expect(
        lines.last?.split(separator: " ") == ["boottime", "1000000000", "0"] && lines[2].split(separator: " ") == ["monotonic", "5", "7"])
    }
    let without = try RuntimeBundle("true")
    without.spec.linux?.timeOffsets = ["boottime": .init(seconds: 1)]
    #expect(try without.run().stderr.contains("linux.timeOffsets): needs a new time namespace"))
  }

  @Test("every kind of namespace is joined by its path, a user namespace and its pid namespace among them")
  func joined() throws {
    let names: [(RuntimeSpec.NamespaceKind, String)] = [
      (.user, "user"), (.pid, "pid"), (.network, "net"), (.ipc, "ipc"), (.uts, "uts"), (.cgroup, "cgroup"), (.time, "time"),
      (.mount, "mnt"),
    ]
    let first = try RuntimeBundle("sleep 100")
    try first.mapIDs()
    first.spec.linux?.namespaces.append(.init(.time))
    try first.create()
    try first.must("start", first.id)
    let pid = try Files.readText("\(first.directory.path)/pid")
    for (count, kinds) in [(6, names.filter { $0.0 != .mount && $0.0 != .pid }), (7, names.filter { $0.0 != .mount })] {
      let second = try RuntimeBundle("for n in user pid net ipc uts cgroup time; do readlink /proc/self/ns/$n; done; id -u; ls /dev/null")
      try second.giveRoot()
      second.spec.hostname = nil
      second.spec.linux?.namespaces = [.init(.mount)] + (count == 6 ? [.init(.pid)] : [])
      for (kind, name) in kinds { second.spec.linux?.namespaces.append(.init(kind, path: "/proc/\(pid)/ns/\(name)")) }
      // With the first one's cgroup namespace, its own group would lie outside.
      second.spec.mounts.removeAll { $0.type == "cgroup" }
      let result = try second.run()
      let lines = result.stdout.split(separator: "\n").map(String.init)
      for (at, (kind, name)) in names.filter({ $0.0 != .mount }).enumerated() where lines.indices.contains(at) {
        let isSame = try lines[at] == Files.readLink("/proc/\(pid)/ns/\(name)")
        #expect(isSame == kinds.contains { $0.0 == kind }, "\(count) \(name): \(result)")
      }
      #expect(lines.suffix(2) == ["0", "/dev/null"], "\(result)")
    }
  }

  @Test("a mount namespace given by its path is the container's", .enabled(if: Command.exists("unshare"), "needs unshare"))
  func mountNamespace() throws {
    let holder = try RuntimeBundle("sleep 100")
    let fifo = "\(holder.directory.path)/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    let null = try Files.open("/dev/null", O_RDWR)
    let pid = try Spawn.start(
      Command.locate("unshare"), arguments: ["unshare", "-m", "/bin/sh", "-c", "echo $$ > \(fifo); read x < \(fifo)"],
      environment: ["PATH=/usr/bin:/bin"], descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)])
    defer { _ = try? Children.wait(for: pid) }
    defer { Children.kill(pid) }
    _ = try Files.open(fifo, O_RDONLY).read(upTo: 16)
    let container = try RuntimeBundle("readlink /proc/self/ns/mnt; ls /")
    let own = try Files.readLink("/proc/\(pid)/ns/mnt")
    container.spec.linux?.namespaces.removeAll { $0.type == .mount }
    container.spec.linux?.namespaces.append(.init(.mount, path: "/proc/\(pid)/ns/mnt"))
    let result = try container.run()
    #expect(result.stdout.hasPrefix("\(own)\nbin\ndev\n"), "\(result)")
  }
}
