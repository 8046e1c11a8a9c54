import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

@Suite("mounts", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct MountTests {
  /// A tmpfs of the test's on a folder of the bundle's, with a second one below it; gone with the value.
  private final class Volume {
    let path: String
    init(_ container: RuntimeBundle, propagation: String = "private") throws {
      path = "\(container.directory.path)/volume"
      try Files.makeDirectories(path)
      try Self.mount("-t", "tmpfs", "outer", path)
      try Files.makeDirectories("\(path)/inner")
      try Self.mount("-t", "tmpfs", "inner", "\(path)/inner")
      try Self.mount("--make-\(propagation)", path)
    }
    deinit { _ = try? Command.run("umount", ["-R", "-l", path]) }

    static func mount(_ arguments: String...) throws {
      let result = try Command.run("mount", arguments)
      guard result.exit == 0 else { throw TestFailure("\(result)") }
    }
  }

  private func bind(_ source: String, _ options: String...) -> RuntimeSpec.Mount {
    .init(destination: "/v", type: "bind", source: source, options: options)
  }

  // MARK: ids

  @Test("a bind shows the ids that its mappings give, to read and to write, and its files keep their own")
  func mappedByItself() throws {
    let container = try RuntimeBundle("stat -c '%u:%g' /v/of-1000; touch /v/new; stat -c %u /v/new")
    let file = try container.directory.write("", to: "data/of-1000")
    #expect(chown(file, 1000, 1001) == 0 && chown("\(container.directory.path)/data", 1000, 1000) == 0)
    var mount = bind("\(container.directory.path)/data", "bind")
    mount.uidMappings = [.init(containerID: 1000, hostID: 0, size: 1)]
    mount.gidMappings = [.init(containerID: 1000, hostID: 0, size: 2)]
    container.spec.mounts.append(mount)
    let result = try container.run()
    #expect(result.stdout == "0:1\n0\n", "\(result)")
    #expect(try Files.status(file).uid == 1000 && Files.status("\(container.directory.path)/data/new").uid == 1000)
  }

  @Test("idmap takes the mappings of the container's user namespace", arguments: ["idmap", "ridmap"])
  func mappedAsContainer(_ option: String) throws {
    let container = try RuntimeBundle("stat -c '%u:%g' /v/file /v/inner; touch /v/new; stat -c %u /v/new")
    try container.mapIDs()
    try container.directory.write("", to: "data/file")
    try Files.makeDirectories("\(container.directory.path)/data/inner")
    try Volume.mount("-t", "tmpfs", "inner", "\(container.directory.path)/data/inner")
    defer { _ = try? Command.run("umount", ["\(container.directory.path)/data/inner"]) }
    container.spec.mounts.append(bind("\(container.directory.path)/data", "rbind", option))
    let result = try container.run()
    #expect(result.stdout == "0:0\n\(option == "ridmap" ? "0:0" : "65534:65534")\n0\n", "\(result)")
    #expect(try Files.status("\(container.directory.path)/data/new").uid == 0)
  }

  @Test("idmapped mounts that can't be are refused by name")
  func badMapped() throws {
    let container = try RuntimeBundle("true")
    var one = bind("/tmp", "bind")
    one.uidMappings = [.init(containerID: 0, hostID: 0, size: 1)]
    let cases: [(RuntimeSpec.Mount, String)] = [
      (bind("/tmp", "bind", "idmap"), "(mounts[7]): idmap without mappings needs a user namespace"),
      (one, "(mounts[7].gidMappings): is missing"),
      (.init(destination: "/v", type: "tmpfs", source: "v", options: ["idmap"]), "(mounts[7]): only a bind mount can show other ids"),
    ]
    for (mount, said) in cases {
      container.spec.mounts.removeAll { $0.destination == "/v" }
      container.spec.mounts.append(mount)
      let result = try container.run()
      #expect(result.exit == 1 && result.stderr.contains(said), "\(result)")
    }
    container.spec.mounts.removeAll { $0.destination == "/v" }
    one.source = "/proc"
    one.gidMappings = one.uidMappings
    container.spec.mounts.append(one)
    #expect(try container.run().stderr.contains("its file system can't show other ids"))
    #expect(container.isGone)
  }

  // MARK: propagation

  /// What the node sees of a mount made by the container, and the container of one made by the node.
  private func reach(_ option: String?, root: String? = nil) throws -> (toNode: Bool, toContainer: Bool) {
    let container = try RuntimeBundle(
      "mkdir -p /v/mine && mount -t tmpfs none /v/mine && touch /v/mine/x; echo ready > /v/state; read go < /v/fifo; ls /v/theirs; sleep 100"
    )
    symlink("busybox", "\(container.bundle)/rootfs/bin/mkdir")
    container.spec.process?.capabilities = .init(only: ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])
    let volume = try Volume(container, propagation: "shared")
    try Files.makeDirectories("\(volume.path)/theirs")
    #expect(mkfifo("\(volume.path)/fifo", 0o600) == 0)
    container.spec.mounts.append(bind(volume.path, "rbind", option ?? "rw"))
    container.spec.linux?.rootfsPropagation = root
    try container.create()
    try container.must("start", container.id)
    try eventually("the container has mounted") { Files.exists("\(volume.path)/state") }
    let toNode = Files.exists("\(volume.path)/mine/x")
    try Volume.mount("-t", "tmpfs", "theirs", "\(volume.path)/theirs")
    try Files.writeAtomically([], to: "\(volume.path)/theirs/y")
    let toContainer = try container.must("exec", container.id, "ls", "/v/theirs").stdout == "y\n"
    try container.must("delete", "--force", container.id)
    return (toNode, toContainer)
  }

  @Test("mounts go between node and container as the volume's propagation says, and not at all by default")
  func propagation() throws {
    let cases: [(String?, Bool, Bool)] = [
      (nil, false, false), ("rprivate", false, false), ("private", false, false), ("rslave", false, true), ("slave", false, true),
      ("rshared", true, true), ("shared", true, true),
    ]
    for (option, toNode, toContainer) in cases {
      let reach = try reach(option)
      #expect(reach.toNode == toNode && reach.toContainer == toContainer, "\(option ?? "default"): \(reach)")
    }
    let shared = try reach("rshared", root: "shared")
    #expect(shared.toNode && shared.toContainer)
  }

  @Test("the root file system has the propagation asked for", arguments: ["shared", "rshared", "unbindable", "slave", "rprivate"])
  func rootPropagation(_ word: String) throws {
    let container = try RuntimeBundle("grep ' / / ' /proc/self/mountinfo || cat /proc/self/mountinfo | sed -n 1p")
    container.spec.linux?.rootfsPropagation = word
    let result = try container.run()
    let expected = word.hasSuffix("shared") ? " shared:" : word == "unbindable" ? " unbindable " : ""
    #expect(result.exit == 0 && (expected.isEmpty ? !result.stdout.contains("shared:") : result.stdout.contains(expected)), "\(result)")
  }

  // MARK: options

  private func flags(_ options: String...) throws -> [String] {
    let container = try RuntimeBundle("sed -nE 's#^(outer|inner) [^ ]+ tmpfs ([^ ]+).*#\\1 \\2#p' /proc/mounts")
    let volume = try Volume(container)
    var mount = bind(volume.path)
    mount.options = ["rbind"] + options
    container.spec.mounts.append(mount)
    let result = try container.run()
    #expect(result.exit == 0, "\(result)")
    return result.stdout.split(separator: "\n").map { line in
      line.split(separator: ",").filter { !$0.hasPrefix("inode") && $0 != "relatime" && !$0.hasPrefix("size") }.joined(separator: ",")
    }
  }

  @Test("options with an r before them count for the whole tree, others for its top alone")
  func recursive() throws {
    #expect(try flags("ro", "nosuid", "nodev", "noexec") == ["outer ro,nosuid,nodev,noexec", "inner rw"])
    #expect(try flags("rro", "rnosuid", "rnodev", "rnoexec") == ["outer ro,nosuid,nodev,noexec", "inner ro,nosuid,nodev,noexec"])
    #expect(try flags("rnoatime") == ["outer rw,noatime", "inner rw,noatime"])
    #expect(try flags("rro", "rw") == ["outer rw", "inner ro"])
    #expect(try flags("rnodiratime", "nosymfollow") == ["outer rw,nodiratime,nosymfollow", "inner rw,nodiratime"])
  }

  @Test("a tmpfs that copies up has the mode and the owner that it was given, else those of what it covers")
  func copiedModes() throws {
    for (options, expected) in [
      ([], "751 12:13"), (["mode=1770"], "1770 12:13"), (["uid=7", "gid=8"], "751 7:8"), (["mode=700", "uid=7"], "700 7:0"),
      (["ro"], "751 12:13"),
    ] {
      let container = try RuntimeBundle("stat -c '%a %u:%g' /v; cat /v/file; grep -c ' /v tmpfs ro,' /proc/mounts")
      try container.directory.write("copied\n", to: "bundle/rootfs/v/file")
      #expect(chown("\(container.bundle)/rootfs/v", 12, 13) == 0 && chmod("\(container.bundle)/rootfs/v", 0o751) == 0)
      container.spec.mounts.append(.init(destination: "/v", type: "tmpfs", source: "v", options: ["tmpcopyup"] + options))
      #expect(try container.run().stdout == "\(expected)\ncopied\n\(options.contains("ro") ? 1 : 0)\n", "\(options)")
    }
  }

  @Test("what lies inside the mount of cgroups is mounted after it")
  func insideCgroups() throws {
    let container = try RuntimeBundle(
      "cat /sys/fs/cgroup/own/file /sys/fs/cgroup/file; ls -d /sys/fs/cgroup/own/..; touch /sys/fs/cgroup/x")
    try container.directory.write("bound\n", to: "data/file")
    container.spec.mounts.append(
      .init(destination: "/sys/fs/cgroup/own", type: "bind", source: "\(container.directory.path)/data", options: ["bind"]))
    container.spec.mounts.append(
      .init(destination: "/sys/fs/cgroup/file", type: "bind", source: "\(container.directory.path)/data/file", options: ["bind", "ro"]))
    let result = try container.run()
    guard try CgroupLayout.detect().version == .v1 else { return }
    #expect(result.stdout == "bound\nbound\n/sys/fs/cgroup/own/..\n" && result.stderr.contains("Read-only"), "\(result)")
  }

  @Test("file systems take their own options: tmpfs its size and owner, devpts its modes, mqueue is the container's")
  func fileSystems() throws {
    let container = try RuntimeBundle(
      "grep ' /v ' /proc/mounts | sed 's/.*tmpfs //'; stat -c '%a %u' /v; stat -c '%a' /dev/pts/ptmx; ls /dev/mqueue; grep -c mqueue /proc/mounts"
    )
    container.spec.mounts.append(
      .init(destination: "/v", type: "tmpfs", source: "v", options: ["nosuid", "noexec", "size=1m", "nr_inodes=99", "mode=1770", "uid=5"]))
    let result = try container.run()
    #expect(result.stdout.contains("rw,nosuid,noexec,relatime,size=1024k,nr_inodes=99,mode=1770,uid=5"), "\(result)")
    #expect(result.stdout.hasSuffix("1770 5\n666\n1\n"), "\(result)")
    container.spec.mounts[container.spec.mounts.count - 1].options = ["no-such-option=1"]
    #expect(try container.run().stderr.contains("mount /v: option no-such-option: Invalid argument (EINVAL)"))
  }
}
