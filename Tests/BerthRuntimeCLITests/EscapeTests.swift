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

  /// Where the hierarchy of memory is mounted; empty without cgroup v1.
  private static let memory = (try? CgroupLayout.detect())?.hierarchies.first { $0.controllers.contains("memory") }?.mountPoint ?? ""

  @Test("A12: the release agent of cgroup v1 is out of reach", .enabled(if: !Self.memory.isEmpty, "there is no cgroup v1 here"))
  func releaseAgent() throws {
    let container = try RuntimeBundle("mount -t cgroup -o memory c /tmp && echo mounted; ls /tmp | grep -c release_agent")
    func without(_ capability: Bool, namespace: Bool) throws -> [Substring] {
      var spec = container.spec
      if capability { spec.process?.capabilities = .init(only: ContainerDefaults.capabilities + ["CAP_SYS_ADMIN"]) }
      if !namespace {
        spec.linux?.namespaces.removeAll { $0.type == .cgroup }
        spec.mounts.removeAll { $0.type == "cgroup" }
      }
      swap(&spec, &container.spec)
      defer { container.spec = spec }
      return try container.run().stdout.split(separator: "\n")
    }
    // Who tests in a cgroup namespace has no release agent to reach; the rest of the attack works.
    let agents = Files.exists("\(Self.memory)/release_agent") ? "1" : "0"
    #expect(try without(true, namespace: false) == ["mounted", Substring(agents)], "the attack is no attack: this test says nothing")
    // A cgroup namespace alone: the container's group is no root of a hierarchy.
    #expect(try without(true, namespace: true).last == "0")
    // The capability alone is missing, as by default: nothing is mounted.
    #expect(try without(false, namespace: false) == ["0"])
  }

  @Test("A15: what a process that joins holds open, and its program, can't be looked at from inside before it is the container's own")
  func joining() throws {
    // Looks at every process that it sees, without rest, and says what descriptors and programs lead to.
    let spy = """
      #include <fcntl.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
            #include <unistd.h>
      static void look(const char *path) {
        char target[512];
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size <= 0) return;
        target[size] = 0;
        if (!strncmp(target, "pipe:", 5) || !strncmp(target, "socket:", 7)) return;
        printf("%s\\n", target);
      }
      int main() {
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (;;) for (int pid = 2; pid < 2000; pid++) {
          char path[64];
          snprintf(path, sizeof path, "/proc/%d", pid);
          if (access(path, F_OK) || pid == getpid()) continue;
          // To be opened for writing by who may trace it.
          snprintf(path, sizeof path, "/proc/%d/mem", pid);
          int memory = open(path, O_RDWR);
          if (memory >= 0) puts("traced");
          close(memory);
          snprintf(path, sizeof path, "/proc/%d/exe", pid);
          look(path);
          for (int fd = 0; fd < 64; fd++) { snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd); look(path); }
        }
      }
      """
    let container = try RuntimeBundle("exec attack > /tmp/seen")
    try put(spy, into: container)
    try container.create()
    try container.must("start", container.id)
    let seen = "\(container.bundle)/rootfs/tmp/seen"
    // Until some were caught after they had become the container's own: then the spy sees what there is to see.
    try eventually("the spy catches a process", within: .seconds(40)) {
      for _ in 0..<10 { _ = try container("exec", container.id, "sleep", "0.02") }
      return try Files.readText(seen, limit: 1 << 24).contains("traced\n/bin/busybox")
    }
    let places = Set(try Files.readText(seen, limit: 1 << 24).split(separator: "\n").map(String.init))
    let own: Set = ["traced", "/bin/busybox", "/dev/null"]
    // A test's streams are files of its own, which it gives the process by intent.
    let strangers = places.subtracting(own).filter { !$0.hasSuffix("/stdout") && !$0.hasSuffix("/stderr") && !$0.hasSuffix("/stdin") }
    #expect(strangers.isEmpty, "\(strangers)")
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
      Children.wait(for: racer, deadline: .seconds(20))
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
