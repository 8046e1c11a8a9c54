import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

/// What a filter does to a process on this kernel.
@Suite("seccomp filters at work", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct SeccompTests {
  private func profile(_ standard: String = "SCMP_ACT_ALLOW", _ rules: LinuxSeccomp.Rule...) -> LinuxSeccomp {
    var profile = LinuxSeccomp(defaultAction: standard)
    profile.syscalls = rules
    return profile
  }

  @Test("actions, error numbers and flags do what they say, as under runc", .enabled(if: RuntimeBundle.canCompare, "needs runc"))
  func actions() throws {
    let container = try RuntimeBundle("busybox mkdir /tmp/x; echo $?")
    for (action, errno, flags) in [
      ("SCMP_ACT_ERRNO", 28, []), ("SCMP_ACT_ERRNO", nil, ["SECCOMP_FILTER_FLAG_LOG"]), ("SCMP_ACT_KILL_PROCESS", nil, []),
      ("SCMP_ACT_TRAP", nil, ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]), ("SCMP_ACT_TRACE", 1, ["SECCOMP_FILTER_FLAG_TSYNC"]),
      ("SCMP_ACT_LOG", nil, []),
    ] as [(String, UInt32?, [String])] {
      var seccomp = profile("SCMP_ACT_ALLOW", .init(["mkdir", "mkdirat"], action: action, errno: errno))
      seccomp.flags = flags
      container.spec.linux?.seccomp = seccomp
      let own = try container.run()
      _ = try? Files.removeTree("\(container.bundle)/rootfs/tmp/x")
      let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
      _ = try? Files.removeTree("\(container.bundle)/rootfs/tmp/x")
      // runc 1.1 knows no flags.
      let knows = flags.isEmpty
      #expect(own.exit == 0 && (!knows || (own.stdout == runc.stdout && own.stderr == runc.stderr)), "\(action) \(own)\n\(runc)")
    }
  }

  @Test("a default with its own error number, and calls newer than the profile that don't exist")
  func standard() throws {
    let container = try RuntimeBundle("")
    container.spec.process?.args = ["busybox", "mkdir", "/tmp/x"]
    var seccomp = profile(
      "SCMP_ACT_ERRNO",
      .init(
        [
          "execve", "exit", "exit_group", "write", "brk", "arch_prctl", "mmap", "mprotect", "readlink", "prlimit64", "set_tid_address",
          "set_robust_list", "rseq", "getrandom", "getuid", "prctl", "newfstatat", "umask", "ioctl", "openat", "close", "fstat", "read",
        ]))
    seccomp.defaultErrno = 122
    container.spec.linux?.seccomp = seccomp
    let result = try container.run()
    #expect(result.exit == 1 && result.stderr.contains("Disk quota exceeded"), "\(result)")
  }

  /// A static program that makes one 32-bit system call, exit(7), and else stands still in an illegal instruction.
  private static let program: [UInt8] = {
    var elf: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    func number(_ value: UInt64, _ bytes: Int) { for at in 0..<bytes { elf.append(UInt8(truncatingIfNeeded: value >> UInt64(at * 8))) } }
    for (value, bytes) in [
      (2, 2), (62, 2), (1, 4), (0x400078, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2), (1, 2), (0, 2), (0, 2), (0, 2),
    ] {
      number(UInt64(value), bytes)
    }
    let code: [UInt8] = [0xb8, 1, 0, 0, 0, 0xbb, 7, 0, 0, 0, 0xcd, 0x80, 0x0f, 0x0b]
    for (value, bytes) in [(1, 4), (5, 4), (0, 8), (0x400000, 8), (0x400000, 8), (0x78 + code.count, 8), (0x78 + code.count, 8), (4096, 8)]
    {
      number(UInt64(value), bytes)
    }
    return elf + code
  }()

  #if arch(x86_64)
    @Test(
      "calls of an architecture that the profile lists are let through, those of another kill, as under runc",
      .enabled(if: RuntimeBundle.canCompare, "needs runc"))
    func architectures() throws {
      let container = try RuntimeBundle("")
      try ProgramFile.write(Self.program, to: "\(container.bundle)/rootfs/bin/call")
      container.spec.process?.args = ["/bin/call"]
      let bare = try container.run().exit
      // Where the kernel runs no 32-bit programs the call itself faults.
      guard bare == 7 else { return }
      for (architectures, expected) in [(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], 7), (["SCMP_ARCH_X86"], 7), ([], 159)]
        as [([String], Int32)]
      {
        var seccomp = profile("SCMP_ACT_ALLOW", .init(["mkdir"], action: "SCMP_ACT_ERRNO"))
        seccomp.architectures = architectures
        container.spec.linux?.seccomp = seccomp
        let own = try container.run()
        let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
        #expect(own.exit == expected && runc.exit == expected, "\(architectures) \(own)\n\(runc)")
      }
    }
  #endif

  /// Answers one question of a filter: `7` for every call, and prints what came with the listener.
  private static let answerer = """
    import fcntl, os, struct
    for _ in range(int(sys.argv[2])):
      connection, _ = server.accept(); connection.settimeout(30)
      data, descriptors, _, _ = socket.recv_fds(connection, 65536, 4)
      print(data.decode(), len(descriptors), flush=True)
      question = bytearray(80); fcntl.ioctl(descriptors[0], 0xc0502100, question)
      number = struct.unpack_from("Q", question)[0]
      fcntl.ioctl(descriptors[0], 0xc0182101, bytearray(struct.pack("QqiI", number, 0, -7, 0)))
      os.close(descriptors[0])
    """

  private func answering(_ container: RuntimeBundle, times: Int, _ body: () throws -> [CommandResult]) throws -> ([CommandResult], [JSON]) {
    let (results, lines) = try container.asked(Self.answerer, times: times, body)
    return (
      results,
      try lines.map { line in
        #expect(line.hasSuffix(" 1"), "\(line)")
        return try JSON(parsing: Array(line.dropLast(2).utf8))
      }
    )
  }

  @Test(
    "calls that a filter asks about are answered outside, of the first process and of further ones",
    .enabled(if: Command.exists("python3"), "needs python3"))
  func notify() throws {
    let container = try RuntimeBundle("busybox mkdir /tmp/x; echo done; exec sleep 100")
    var seccomp = profile("SCMP_ACT_ALLOW", .init(["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"))
    seccomp.listenerPath = "\(container.directory.path)/listener"
    seccomp.listenerMetadata = "for you"
    container.spec.linux?.seccomp = seccomp
    container.spec.annotations = ["a": "b"]
    for privileges in [true, false] {
      container.spec.process?.noNewPrivileges = privileges
      let (results, told) = try answering(container, times: 2) {
        try container.create()
        try container.must("start", container.id)
        return [try container("exec", container.id, "busybox", "mkdir", "/tmp/y")]
      }
      #expect(results[0].exit == 1 && results[0].stderr.contains("Argument list too long"), "\(results)")
      let first = try #require(told.first), second = try #require(told.last)
      let state = try container.must("state", container.id).json()
      #expect(first["fds"] == ["seccompFd"] && first["metadata"]?.string == "for you")
      #expect(first["pid"] == state["pid"] && first["state"]?["pid"] == state["pid"] && first["state"]?["status"]?.string == "creating")
      #expect(first["state"]?["id"]?.string == container.id && first["state"]?["bundle"] == state["bundle"])
      #expect(first["state"]?["annotations"]?["a"]?.string == "b")
      #expect(second["pid"] != state["pid"] && second["state"]?["pid"] == state["pid"] && second["state"]?["status"]?.string == "running")
      try container.must("delete", "--force", container.id)
    }
  }

  @Test("the message is runc's", .enabled(if: RuntimeBundle.canCompare && Command.exists("python3"), "needs runc and python3"))
  func message() throws {
    let container = try RuntimeBundle("busybox mkdir /tmp/x")
    var seccomp = profile("SCMP_ACT_ALLOW", .init(["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"))
    seccomp.listenerPath = "\(container.directory.path)/listener"
    seccomp.listenerMetadata = "m"
    container.spec.linux?.seccomp = seccomp
    let (own, told) = try answering(container, times: 1) { [try container.run()] }
    let (runc, said) = try answering(container, times: 1) {
      [try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])]
    }
    #expect(own[0].stderr == runc[0].stderr && own[0].exit == runc[0].exit, "\(own)\n\(runc)")
    let keys = { (json: JSON?) in Set(json?.object?.keys ?? []) }
    #expect(keys(told.first) == keys(said.first) && keys(told.first?["state"]) == keys(said.first?["state"]), "\(told)\n\(said)")
    #expect(told.first?["state"]?["status"] == said.first?["state"]?["status"])
  }

  @Test("what can't be is refused in a line that names the field, and nothing is left")
  func refused() throws {
    let container = try RuntimeBundle("true")
    var asking = profile("SCMP_ACT_ALLOW", .init(["mkdir"], action: "SCMP_ACT_NOTIFY"))
    var killable = profile()
    killable.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    var foreign = profile()
    foreign.architectures = ["SCMP_ARCH_VAX"]
    var cases = [
      (asking, "listenerPath"), (killable, "seccomp.flags"), (foreign, "architectures[0]"), (profile("SCMP_ACT_NOTIFY"), "defaultAction"),
    ]
    asking.listenerPath = "\(container.directory.path)/nobody"
    cases.append((asking, "nobody"))
    for (seccomp, names) in cases {
      container.spec.linux?.seccomp = seccomp
      let result = try container.run()
      #expect(result.exit == 1 && result.stderr.contains(names) && container.isGone, "\(result)")
    }
  }
}
