import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// Ways out that need a program of their own inside, in C. Each attack first succeeds where its guard is missing.
@Suite("escapes", .enabled(if: RuntimeBundle.canRun && Command.exists("gcc"), "needs root, busybox, gcc and the built berth-runtime"))
struct EscapeTests {
  /// A static program at /bin/attack.
  private func put(_ source: String, into container: RuntimeBundle) throws {
    let file = try container.directory.write(source, to: "attack.c")
    let result = try Command.run("gcc", ["-static", "-O1", "-w", "-o", "\(container.bundle)/rootfs/bin/attack", file])
    guard result.exit == 0 else { throw TestFailure("\(result)") }
  }

  @Test("A29: a second chroot leads out of a chroot, and not out of a container's root")
  func secondChroot() throws {
    let escape = """
      #include <dirent.h>
      #include <fcntl.h>
      #include <stdio.h>
      #include <string.h>
      #include <sys/stat.h>
      #include <unistd.h>
      int main(int count, char **words) {
        if (count > 1 && chroot(words[1]) + chdir("/")) return 1;
        mkdir("/tmp/inner", 0755);
        int outside = open("/", O_RDONLY | O_DIRECTORY);
        if (chroot("/tmp/inner") || fchdir(outside)) return 2;
        for (int up = 0; up < 64; up++) if (chdir("..")) return 3;
        if (chroot(".")) return 4;
        return access(MARKER, F_OK) ? (puts("held"), 0) : (puts("out"), 0);
      }
      """
    let container = try RuntimeBundle("attack")
    let marker = try container.directory.write("", to: "marker")
    try put("#define MARKER \"\(marker)\"\n\(escape)", into: container)
    let rootfs = "\(container.bundle)/rootfs"
    #expect(try Command.run("\(rootfs)/bin/attack", [rootfs]).stdout == "out\n", "the attack is no attack: this test says nothing")
    // CAP_SYS_CHROOT is among the defaults.
    #expect(try container.run().stdout == "held\n")
    #expect(try container(["run", "--no-pivot", "-b", container.bundle, container.id]).exit == 1)
  }

  @Test("A09: a folder that is exchanged for a symlink again and again while mounts are made in it never leads out of the root")
  func exchange() throws {
    // Exchanges two names as fast as it can, until its parent goes.
    let exchanger = """
      #define _GNU_SOURCE
      #include <fcntl.h>
      #include <signal.h>
      #include <stdio.h>
      #include <sys/prctl.h>
      #include <unistd.h>
      int main(int count, char **words) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_EXCHANGE);
      }
      """
    let container = try RuntimeBundle("true")
    try put(exchanger, into: container)
    let rootfs = "\(container.bundle)/rootfs"
    let outside = "\(container.directory.path)/outside"
    try Files.makeDirectory(outside, mode: 0o755)
    try Files.makeDirectories("\(rootfs)/way", mode: 0o755)
    symlink("../../../../../../../../..\(outside)", "\(rootfs)/link")
    let file = try container.directory.write("bound\n", to: "file")
    for at in 0..<4 { container.spec.mounts.append(.init(destination: "/way/f\(at)", type: "bind", source: file, options: ["bind"])) }
    container.spec.mounts.append(.init(destination: "/way/folder", type: "tmpfs", source: "t"))
    try container.write()
    let nothing = try Files.open("/dev/null", O_RDWR)
    let racer = try Spawn.start(
      "\(rootfs)/bin/attack", arguments: ["attack", "\(rootfs)/way", "\(rootfs)/link"], environment: [],
      descriptors: [(0, nothing.raw), (1, nothing.raw), (2, nothing.raw)])
    defer {
      kill(racer, SIGKILL)
      _ = Ending.await(racer, deadline: .seconds(20))
    }
    var results = (held: 0, refused: 0)
    for _ in 0..<60 {
      let result = try container(["run", "-b", container.bundle, container.id])
      if result.exit == 0 { results.held += 1 } else { results.refused += 1 }
      let made = try Files.list(outside)
      #expect(made == [], "\(result)")
      if made != [] { return }
    }
    // Some of the turns met the folder, some the link: the race was one.
    #expect(results.held > 0 && results.refused > 0, "\(results)")
    #expect(container.isGone)
  }
}
