import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

/// What berth-worker sees of the node while it downloads, and what its death leaves.
@Suite("the worker's enclosure", .enabled(if: geteuid() == 0 && FaultyRegistry.isAvailable, "needs root, python3 and openssl"))
struct EnclosureTests {
  private let image: ImageBuilder

  init() throws { image = try ImageBuilder.sample() }

  /// Runs `body` with the process that works on the fixture's store, while the registry keeps it waiting where `stage` says.
  private func during(_ stage: String, kills: Bool = true, _ body: (pid_t, ImageFixture) throws -> Void) throws -> (
    BerthError?, ImageFixture
  ) {
    let registry = try FaultyRegistry(
      "if \(stage) and not r.state.get('once'):\n  r.state['once'] = True\n  reply = ordinary(r)\n  reply.stall = 100\n  return reply",
      image: image)
    let fixture = try ImageFixture()
    let outcome = Monitor<BerthError?>(nil)
    let (service, host) = (fixture.service, registry.host)
    let thread = try NativeThread.start {
      do throws(BerthError) { _ = try service.pull(ImageReference("\(host)/app:v1")) } catch { outcome.with { $0 = error } }
    }
    let worker = try find(fixture, registry)
    try body(worker, fixture)
    if kills { kill(worker, SIGKILL) }
    thread.join()
    return (outcome.with { $0 }, fixture)
  }

  /// The process whose root is the worker's own and that has this store in it, once the registry keeps it waiting.
  private func find(_ fixture: ImageFixture, _ registry: FaultyRegistry) throws -> pid_t {
    for _ in 0..<3000 {
      usleep(10_000)
      let pids = try Files.list("/proc").compactMap { pid_t($0) }
      for pid in pids {
        guard let mounts = try? Files.readText("/proc/\(pid)/mountinfo"), mounts.contains("berth-worker"),
          mounts.contains(fixture.directory("root/content")), let status = try? Files.readText("/proc/\(pid)/status"),
          status.contains("Seccomp:\t2"), try registry.count("/manifests/v1") > 0
        else { continue }
        // Time for the bytes before the stall to arrive.
        usleep(200_000)
        return pid
      }
    }
    throw BerthError(.notFound, "find berth-worker", cause: "none has this store")
  }

  /// As container engines leave it: what lies at /etc/hosts or /etc/resolv.conf has been replaced below the mount.
  @Test(
    "a file of the node that was removed below its mount is there all the same",
    .enabled(if: Files.exists("/etc/host.conf"), "mounts over /etc/host.conf"))
  func removed() throws {
    let place = try TemporaryDirectory()
    let text = try Files.readText("/etc/host.conf") + "# removed\n"
    try Files.writeAtomically(Array(text.utf8), to: place("file"))
    try call { mount(place("file"), "/etc/host.conf", nil, UInt(MS_BIND), nil) }
    defer { umount2("/etc/host.conf", Int32(MNT_DETACH)) }
    try Files.unlink(place("file"))
    _ = try during("'\(image.layers[0].descriptor.digest)' in r.path") { worker, _ in
      let seen = try Files.readText("/proc/\(worker)/root/etc/host.conf")
      #expect(seen == text)
    }
  }

  @Test("it has namespaces of its own but the network's, a root with the store and what TLS and names need, and nobody else in /proc")
  func view() throws {
    let digest = image.layers[0].descriptor.digest
    _ = try during("'\(digest)' in r.path") { worker, fixture in
      for kind in ["mnt", "pid", "ipc", "uts"] {
        #expect(try Files.readLink("/proc/\(worker)/ns/\(kind)") != Files.readLink("/proc/self/ns/\(kind)"), "\(kind)")
      }
      #expect(try Files.readLink("/proc/\(worker)/ns/net") == Files.readLink("/proc/self/ns/net"))
      let root = "/proc/\(worker)/root"
      let place = fixture.directory.path
      let first = String(place.split(separator: "/")[0])
      #expect(Set(try Files.list(root)).isSubset(of: ["etc", "lib", "lib64", "usr", "proc", first]))
      #expect(try Files.list("\(root)\(Files.parent(of: place))") == [Files.name(of: place)])
      #expect(try Set(Files.list("\(root)\(fixture.directory("root"))")) == ["content", "snapshots"])
      #expect(!Files.exists("\(root)/etc/passwd") && !Files.exists("\(root)/etc/shadow") && !Files.exists("\(root)/root"))
      #expect(try Files.list("\(root)/proc").compactMap { pid_t($0) } == [1])
      #expect(!Files.exists("\(root)/proc/sys/kernel"))
      let status = try Files.readText("/proc/\(worker)/status")
      #expect(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t000000008820001b"))
      // Shown first that it is the mount that refuses: the directory itself could be written.
      #expect(access("\(root)/etc/ssl", W_OK) != 0 && access("/tmp", W_OK) == 0)
    }
  }

  @Test(
    "killed at any stage it costs its pull: nothing of the image shows, and the next pull has all of it",
    arguments: ["'/manifests/' in r.path", "r.path.endswith('CONFIG')", "r.path.endswith('FIRST')", "r.path.endswith('LAST')"])
  func killed(_ stage: String) throws {
    let names = [
      "CONFIG": "\(image.configDescriptor.digest)", "FIRST": "\(image.layers[0].descriptor.digest)",
      "LAST": "\(image.layers[1].descriptor.digest)",
    ]
    let rule = names.reduce(stage) { $0.replacing($1.key, with: $1.value) }
    let (error, fixture) = try during(rule) { _, _ in }
    #expect(error?.cause.contains("SIGKILL") == true, "\(error?.description ?? "")")
    #expect(try fixture.service.images().isEmpty && fixture.service.metadata.layers().isEmpty)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).isEmpty)
    for blob in try Files.list(fixture.directory("root/content/blobs/sha256")) {
      #expect(try Digest.sha256(of: Files.read(fixture.directory("root/content/blobs/sha256/\(blob)"))).hex == blob)
    }
    let good = try FaultyRegistry(image: image)
    #expect(try fixture.pull("\(good.host)/app:v1").layerDirectories.count == 2)
  }

  @Test(
    "a system call that only an intruder makes ends the worker; its pull says so, and others go on",
    .enabled(if: Self.canInject, "needs x86-64 and ptrace"), arguments: [("execve", 59), ("unshare", 272), ("mount", 165), ("ptrace", 101)])
  func intruder(_ name: String, _ number: Int) throws {
    let (error, fixture) = try during("'\(image.layers[0].descriptor.digest)' in r.path", kills: false) { worker, _ in
      let script = Files.parent(of: Files.parent(of: #filePath)) + "/Fixtures/inject_syscall.py"
      let run = try Command.run("/usr/bin/python3", script, "\(worker)", "\(number)")
      #expect(run.succeeded, "\(run.output)")
    }
    #expect(error?.cause.contains("SIGSYS") == true, "\(name): \(error?.description ?? "")")
    let good = try FaultyRegistry(image: image)
    #expect(try fixture.pull("\(good.host)/app:v1").layerDirectories.count == 2)
  }

  /// How an authority comes to be the system's: within the worker's own mount namespace, so that no other pull here trusts it.
  enum Trust: String, CaseIterable {
    case none, bundle, directory
    /// `AUTHORITY` is the certificate's file.
    var script: String {
      switch self {
      case .none: ""
      case .bundle:
        """
        for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
          [ -e $bundle ] && mount --bind AUTHORITY $bundle
        done
        """
      case .directory:
        """
        mount -t tmpfs tmpfs /etc/ssl/certs
        cp AUTHORITY /etc/ssl/certs/$(openssl x509 -noout -hash -in AUTHORITY).0
        """
      }
    }
  }

  @Test(
    "an authority that the system trusts, in its bundle or its directory, is trusted, also where that is mounted below /etc/ssl",
    arguments: Trust.allCases)
  func systemAuthority(_ trust: Trust) throws {
    let registry = try FaultyRegistry(image: image, tls: true)
    let directory = try TemporaryDirectory()
    let script = """
      #!/bin/sh
      export PATH=/usr/sbin:/usr/bin:/sbin:/bin
      set -e
      mount --make-rprivate /
      \(trust.script.replacing("AUTHORITY", with: registry.directory("cert.pem")))
      exec \(ImageFixture.worker) "$@"
      """
    try directory.write("worker", Array(script.utf8))
    try Files.changeMode(directory("worker"), mode: 0o755)
    let fixture = try ImageFixture(worker: directory("worker"))
    let error = try fixture.failure("\(registry.host)/app:v1")
    if trust == .none {
      #expect(error?.cause.contains("certificate") == true, "\(error?.description ?? "")")
    } else {
      #expect(error == nil, "\(error?.description ?? "")")
    }
  }

  private static var canInject: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  @Test("a worker that only reads an archive has no network, one that pulls has the node's", arguments: [true, false])
  func network(isLocal: Bool) throws {
    let directory = try TemporaryDirectory()
    let script = "#!/bin/sh\nreadlink /proc/self/ns/net > \(directory("net"))\nexit 3\n"
    try directory.write("worker", Array(script.utf8))
    try Files.changeMode(directory("worker"), mode: 0o755)
    try directory.write("a.tar", [])
    let fixture = try ImageFixture(worker: directory("worker"))
    #expect(try fixture.failure(isLocal ? "oci-archive:\(directory("a.tar"))" : "127.0.0.1:1/app:v1") != nil)
    let seen = try Files.readText(directory("net"))
    #expect(try (seen == Files.readLink("/proc/self/ns/net") + "\n") == !isLocal, "\(seen)")
  }
}
