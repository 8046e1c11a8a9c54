import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

/// A config.json that runs, with one thing wrong. What is wrong is named in one line, the exit code is 1 and nothing is left.
@Suite("hostile config.json", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct HostileSpecTests {
  private static let rlimit = "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}"

  private static func long(_ count: Int) -> String { String(repeating: "9", count: count) }

  /// A name, what is replaced in the text, by what, and what the error must name.
  static let cases: [(name: String, from: String, to: String, names: String)] = [
    ("a version without its last number", #""1.0.2""#, #""1.0""#, "ociVersion"),
    ("a version with letters", #""1.0.2""#, #""1.x.0""#, "ociVersion"),
    ("a later major version", #""1.0.2""#, #""2.0.0""#, "ociVersion"),
    ("a version that is a number", #""1.0.2""#, "1", "ociVersion"),
    ("a key twice", #""hostname":"#, #""hostname":"x","hostname":"#, "duplicate key"),
    ("a lone surrogate", "\"box\"", "\"\\ud800\"", "surrogate"),
    (
      "a right that isn't permitted", #""capabilities":{"#, #""capabilities":{"effective":["CAP_SYS_TIME"]},"x":{"#,
      "process.capabilities.effective"
    ),
    (
      "a right to pass on that the process can't have", #""capabilities":{"#, #""capabilities":{"inheritable":["CAP_SYS_TIME"]},"x":{"#,
      "process.capabilities.inheritable"
    ),
    ("CPUs of later processes that are none", #""process":{"#, #""process":{"execCPUAffinity":{"final":"x"},"#, "execCPUAffinity.final"),
    (
      "a rule for no system call", #""linux":{"#,
      #""linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO"}]},"#,
      "linux.seccomp.syscalls[0].names"
    ),
    ("a NUL in a text", "\"box\"", "\"a\\u0000b\"", "hostname"),
    ("70 KiB of host name", #""box""#, #""\#(long(70 << 10))""#, "hostname"),
    ("a host name of two lines", "\"box\"", "\"a\\nb\"", "hostname"),
    ("a negative user", #""uid":0"#, #""uid":-1"#, "process.user.uid"),
    ("the user that means none", #""uid":0"#, #""uid":4294967295"#, "process.user.uid"),
    ("the group that means none", #""gid":0"#, #""gid":4294967295"#, "process.user.gid"),
    ("a number beyond all bounds", #""uid":0"#, #""uid":1e400"#, "(process.user.uid): number out of range"),
    ("a number of 65 bits", #""uid":0"#, #""uid":18446744073709551616"#, "(process.user.uid): number out of range"),
    (
      "a limit of 64 bits", #""linux":{"#, #""linux":{"resources":{"memory":{"limit":9223372036854775808}},"#,
      "linux.resources.memory.limit"
    ),
    ("half a byte", #""linux":{"#, #""linux":{"resources":{"memory":{"limit":0.5}},"#, "linux.resources.memory.limit"),
    ("no command", #""args":["#, #""args":[],"x":["#, "process.args"),
    ("a command without a name", #""args":["#, #""args":["","#, "process.args"),
    ("a command of a megabyte", #""args":["#, #""args":["\#(long(1 << 20))","#, "exec"),
    ("a variable of no name", #""env":["#, #""env":["=x","#, "process.env[0]"),
    (
      "more groups than the kernel takes", #""gid":0"#, #""gid":0,"additionalGids":[\#(String(repeating: "1,", count: 65536))1]"#,
      "process.user.additionalGids"
    ),
    ("a umask of other bits", #""gid":0"#, #""gid":0,"umask":512"#, "process.user.umask"),
    ("a limit twice", #""process":{"#, #""process":{"rlimits":[\#(rlimit),\#(rlimit)],"#, "process.rlimits[1].type"),
    (
      "a soft limit above the hard one", #""process":{"#, #""process":{"rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":0}],"#,
      "process.rlimits[0]"
    ),
    ("an unknown limit", #""process":{"#, #""process":{"rlimits":[{"type":"RLIMIT_X","soft":0,"hard":0}],"#, "process.rlimits[0].type"),
    ("a score that the kernel hasn't", #""process":{"#, #""process":{"oomScoreAdj":1001,"#, "process.oomScoreAdj"),
    ("a user namespace without ids", #"{"type":"pid"}"#, #"{"type":"pid"},{"type":"user"}"#, "linux.uidMappings"),
    (
      "ids beyond the last one", #""linux":{"#, #""linux":{"uidMappings":[{"containerID":0,"hostID":4294967296,"size":1}],"#,
      "linux.uidMappings[0].hostID"
    ),
    (
      "more mounts than a plan has room for", #""mounts":["#,
      #""mounts":[\#(String(repeating: #"{"destination":"/x","type":"tmpfs"},"#, count: 16_384))"#, "(mounts): are more than 16384"
    ),
    (
      "cgroups at a hundred places", #""mounts":["#,
      #""mounts":[\#(String(repeating: #"{"destination":"/x","type":"cgroup"},"#, count: 100))"#, "(mounts): have cgroups more than 64"
    ),
    ("a hook that isn't absolute", #""root":"#, #""hooks":{"prestart":[{"path":"bin/true"}]},"root":"#, "hooks.prestart[0].path"),
    ("a hook without a path", #""root":"#, #""hooks":{"poststop":[{"args":["x"]}]},"root":"#, "hooks.poststop[0].path"),
    ("a hook without time", #""root":"#, #""hooks":{"prestart":[{"path":"/bin/true","timeout":-1}]},"root":"#, "hooks.prestart[0].timeout"),
    (
      "a hook that isn't there, with all the time there is", #""root":"#,
      #""hooks":{"prestart":[{"path":"/nowhere","timeout":9223372036854775807}]},"root":"#, "hooks.prestart[0]"
    ),
    (
      "a mount of megabytes' depth", #""mounts":["#,
      #""mounts":[{"destination":"\#(String(repeating: "/d", count: 1 << 19))","type":"tmpfs","source":"t"},"#, "mount /d/d"
    ),
    (
      "a mount that climbs to the root", #""mounts":["#, #""mounts":[{"destination":"/a/../..","type":"tmpfs","source":"t"},"#,
      "mounts[0].destination"
    ),
    ("a mount of nothing", #""mounts":["#, #""mounts":[{"destination":"/d","type":"bind","source":"/nowhere"},"#, "mount /d from /nowhere"),
    ("a file system that the kernel hasn't", #""mounts":["#, #""mounts":[{"destination":"/d","type":"nofs","source":"t"},"#, "mount /d"),
    ("a namespace that is none", #"{"type":"ipc"}"#, #"{"type":"ipc","path":"/dev/null"}"#, "join ipc namespace /dev/null"),
    ("a device without a kind", #""linux":{"#, #""linux":{"devices":[{"path":"/dev/x","type":"z"}],"#, "linux.devices[0].type"),
    (
      "a device that isn't below /dev", #""linux":{"#, #""linux":{"devices":[{"path":"/dev/../etc/x","type":"c","major":1,"minor":3}],"#,
      "linux.devices"
    ),
    ("a root of no path", #""rootfs""#, "\"\"", "root.path"),
    ("a process that is none", #""process":{"#, #""process":null,"x":{"#, "process"),
    ("a list for an object", #""linux":{"#, #""linux":[],"x":{"#, "linux"),
    ("a directory that isn't absolute", #""cwd":"/""#, #""cwd":"tmp""#, "process.cwd"),
    ("a root with a NUL", "\"rootfs\"", "\"root\\u0000fs\"", "root.path"),
    ("a root that isn't there", #""rootfs""#, #""nowhere""#, "nowhere"),
    ("a root that is a file", #""rootfs""#, #""config.json""#, "config.json"),
    ("a root of 70 KiB", #""rootfs""#, #""\#(long(70 << 10))""#, "root file system"),
    ("a mount that isn't absolute", #""destination":"/proc""#, #""destination":"../proc""#, "mounts[0].destination"),
    ("a mount over the root", #""destination":"/proc""#, #""destination":"/""#, "mounts[0].destination"),
    ("a cgroup that leads out", #""cgroupsPath":"/"#, #""cgroupsPath":"/../"#, "linux.cgroupsPath"),
    ("a namespace twice", #"{"type":"pid"}"#, #"{"type":"pid"},{"type":"pid"}"#, "linux.namespaces[1]"),
    ("an unknown namespace", #"{"type":"pid"}"#, #"{"type":"nope"}"#, "linux.namespaces[0].type"),
    ("a masked path that isn't absolute", #""maskedPaths":["#, #""maskedPaths":["a","#, "linux.maskedPaths[0]"),
    ("a read-only path that isn't absolute", #""readonlyPaths":["#, #""readonlyPaths":["a","#, "linux.readonlyPaths[0]"),
  ]

  private func refusal(of text: String, in container: RuntimeBundle, names: String) throws {
    try container.directory.write(text, to: "bundle/config.json")
    let result = try container("run", "-b", container.bundle, container.id)
    #expect(result.exit == 1 && result.stdout.isEmpty, "\(result.exit)")
    #expect(result.stderr.contains(names), "\(result.stderr.prefix(300))")
    #expect(result.stderr.split(separator: "\n").count == 1 && result.stderr.utf8.count < 5000)
    #expect(container.isGone)
  }

  @Test("one wrong thing is named", arguments: cases.indices)
  func oneThing(_ index: Int) throws {
    let wrong = Self.cases[index]
    let container = try RuntimeBundle("true")
    try container.write()
    let good = try Files.readText("\(container.bundle)/config.json")
    let text = good.replacing(wrong.from, with: wrong.to, maxReplacements: 1)
    #expect(text != good, "\(wrong.name): this case changes nothing")
    try refusal(of: text, in: container, names: wrong.names)
  }

  @Test("no JSON, half of it, too deep and too much of it are refused")
  func noDocument() throws {
    let container = try RuntimeBundle("true")
    try container.write()
    let good = try Files.readText("\(container.bundle)/config.json")
    for (text, names) in [
      ("", "read config.json"), ("\0\0", "read config.json"), ("\u{feff}\(good)", "read config.json"),
      (String(good.dropLast()), "read config.json"),
      ("\(good)x", "something after the value"), (String(repeating: "[", count: 1 << 20), "nested deeper"),
      (String(repeating: " ", count: 17 << 20) + good, "File too large"),
    ] { try refusal(of: text, in: container, names: names) }
  }

  @Test("a config.json that is a directory, a pipe, a device, a symlink to one, 200 MB or nothing at all is refused at once")
  func noFile() throws {
    let container = try RuntimeBundle("true")
    let file = "\(container.bundle)/config.json"
    let cases: [(make: () -> Int32, says: String)] = [
      ({ 0 }, "no such file or directory"), ({ mkdir(file, 0o755) }, "is no regular file"), ({ mkfifo(file, 0o644) }, "is no regular file"),
      ({ mknod(file, 0o020644, 0x105) }, "is no regular file"), ({ symlink("/dev/zero", file) }, "is no regular file"),
      ({ symlink("config.json", file) }, "Too many levels of symbolic links"),
      ({ close(creat(file, 0o644)) | truncate(file, 200 << 20) }, "File too large"),
    ]
    for wrong in cases {
      _ = try? Files.removeTree(file)
      #expect(wrong.make() == 0)
      let result = try Command.run(
        "timeout", ["20", RuntimeBundle.program, "--root", container.root, "run", "-b", container.bundle, container.id])
      #expect(result.exit == 1 && result.stderr.contains(wrong.says), "\(result)")
      #expect(result.stderr.split(separator: "\n").count == 1 && container.isGone)
    }
  }

  @Test("bytes that are no UTF-8 are told with their place")
  func noText() throws {
    let container = try RuntimeBundle("true")
    container.spec.hostname = "HERE"
    try container.write()
    let file = "\(container.bundle)/config.json"
    var bytes = try Files.read(file)
    let at = try #require(bytes.firstRange(of: Array("HERE".utf8)))
    bytes.replaceSubrange(at, with: [0xff, 0xfe])
    try Files.writeAtomically(bytes, to: file)
    let result = try container("run", "-b", container.bundle, container.id)
    #expect(result.exit == 1 && result.stderr.contains("(hostname): invalid UTF-8 at byte \(at.lowerBound - 1)"), "\(result)")
    #expect(container.isGone)
  }

  @Test("every version 1 is accepted", arguments: ["1.0.0", "1.0.0-rc5", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"])
  func versions(_ version: String) throws {
    let container = try RuntimeBundle("true")
    container.spec.ociVersion = version
    #expect(try container.run().exit == 0)
  }
}
