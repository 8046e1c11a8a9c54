import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

@Suite("berth-worker", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct WorkerTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  /// The worker is the first process of its namespace: signals that it sends to itself don't reach it, faults do.
  private static let crash = #"exec perl -e 'print unpack("p", pack("L!", 1))'"#

  /// A service whose worker is a shell script.
  private func service(script: String) throws -> ImageFixture {
    try directory.write("worker", Array("#!/bin/sh\n\(script)\n".utf8))
    try Files.changeMode(directory("worker"), mode: 0o755)
    let fixture = try ImageFixture(worker: directory("worker"))
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("a"), content: [1]) }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: fixture.directory("a.tar"))
    return fixture
  }

  @Test(
    "a worker that dies or says nonsense costs its pull, and says how",
    arguments: [
      (Self.crash, ErrorCode.unavailable, "signal 11 (SIGSEGV)"),
      ("echo 'Fatal error: trap' >&2; \(Self.crash)", .unavailable, "Fatal error: trap"),
      ("exit 3", .unavailable, "exit code 3"), ("echo nonsense", .bug, "not valid JSON"),
      ("echo '{\"type\":\"dance\"}'", .bug, "unknown type"),
      ("head -c 3000000 /dev/zero | tr '\\0' x", .bug, "longer than"), ("echo '{\"type\":\"done\"}'", .bug, "digest"),
      (
        "echo '{\"type\":\"done\",\"manifest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"media_type\":\"\",\"layers\":[{\"id\":7,\"size\":1}]}'",
        .bug, "granted"
      ),
      (
        "echo '{\"type\":\"error\",\"code\":\"data_loss\",\"operation\":\"o\",\"subject\":\"s\",\"cause\":\"c\"}'; exec sleep 100",
        .dataLoss,
        "o (s): c"
      ),
    ])
  func death(_ script: String, _ code: ErrorCode, _ words: String) throws {
    let fixture = try service(script: script)
    let error = try #require(try fixture.failure("oci-archive:\(fixture.directory("a.tar"))"))
    #expect(error.code == code && error.description.contains(words), "\(error)")
    #expect(try fixture.service.metadata.images().isEmpty)
    // The next pull isn't held up by it.
    let good = try ImageService(root: fixture.directory("root"), workerPath: ImageFixture.worker, registry: RegistryConfiguration())
    _ = try good.pull(try ImageReference("oci-archive:\(fixture.directory("a.tar"))"))
  }

  @Test("a claim whose worker dies frees its layers")
  func claimFreed() throws {
    let chain = Digest.sha256(of: [1])
    let claim = "{\"type\":\"claim\",\"layers\":[{\"chain\":\"\(chain)\",\"diff\":\"\(chain)\",\"parent\":null}]}"
    let fixture = try service(script: "read job; echo '\(claim)'; read answer; \(Self.crash)")
    for _ in 0..<2 { #expect(try fixture.failure("oci-archive:\(fixture.directory("a.tar"))")?.cause.contains("SIGSEGV") == true) }
    #expect(try fixture.service.metadata.layers().isEmpty)
    try fixture.service.prune()
  }

  @Test("what a killed worker has written and nobody may see is gone with it")
  func leftovers() throws {
    let fixture = try service(
      script: #"read job; d=$(echo "$job" | sed 's/.*"ingest":"\([^"]*\)".*/\1/')"#
        + "\ncd $(cat \(directory("store")))"
        + "\nmkdir -p $d/deep && echo half > $d/deep/half && cp -r $d \(directory("seen")) && \(Self.crash)")
    try directory.write("store", Array(fixture.directory("root/content/ingest").utf8))
    #expect(try fixture.failure("oci-archive:\(fixture.directory("a.tar"))")?.cause.contains("SIGSEGV") == true)
    #expect(try Files.readText(directory("seen/deep/half")) == "half\n", "the worker had its place there")
    #expect(try Files.list(fixture.directory("root/content/ingest")).isEmpty)
  }

  @Test("a missing worker is said", .timeLimit(.minutes(1)))
  func missing() throws {
    let fixture = try service(script: "")
    try Files.unlink(directory("worker"))
    #expect(try fixture.failure("oci-archive:\(fixture.directory("a.tar"))")?.cause.contains("can't be run") == true)
  }

  @Test("a cancelled pull ends its worker, unless somebody else waits for it", .timeLimit(.minutes(1)))
  func cancellation() throws {
    let fixture = try service(
      script:
        "exec sh -c 'read me rest < /proc/self/stat; echo $me > \(directory("pid.tmp")); mv \(directory("pid.tmp")) \(directory("pid")); exec sleep 1000'"
    )
    let reference = try ImageReference("oci-archive:\(fixture.directory("a.tar"))")
    let cancellations = [PullCancellation(), PullCancellation()]
    let errors = Monitor<[ErrorCode]>([])
    let service = fixture.service
    let threads = try cancellations.map { cancellation in
      try NativeThread.start {
        do throws(BerthError) { _ = try service.pull(reference, cancellation: cancellation) } catch {
          errors.with { $0.append(error.code) }
        }
      }
    }
    while !Files.exists(directory("pid")) { usleep(1000) }
    let text = try Files.readText(directory("pid"))
    let pid = try #require(pid_t(text.dropLast()))
    cancellations[0].cancel()
    threads[0].join()
    #expect(kill(pid, 0) == 0, "the other still waits")
    cancellations[1].cancel()
    threads[1].join()
    #expect(errors.with { $0 } == [.cancelled, .cancelled])
    while kill(pid, 0) == 0 { usleep(1000) }
  }

  @Test("the worker gives up every right that unpacking doesn't need")
  func confinement() throws {
    let socket = try ChildChannel.pair()
    let inherited = try Files.open("/dev/null", O_RDONLY)
    let pid = try Spawn.start(
      ImageFixture.worker, arguments: ["berth-worker"],
      descriptors: [(0, socket.child.raw), (1, socket.child.raw), (2, 2), (9, inherited.raw)])
    let ours = socket.keepOurs()
    defer { Children.kill(pid) }
    // It waits for its job: until its status shows the last of the steps.
    var status = ""
    while !status.contains("NoNewPrivs:\t1") || !status.contains("CapBnd:\t0000000088") {
      status = try Files.readText("/proc/\(pid)/status")
    }
    func field(_ name: String) -> String? {
      status.split(separator: "\n").first { $0.hasPrefix("\(name):") }.map { String($0.split(separator: "\t").last ?? "") }
    }
    let expected = "000000008820001b"
    #expect(field("CapBnd") == expected)
    while field("CapEff") != expected { status = try Files.readText("/proc/\(pid)/status") }
    #expect(
      field("CapPrm") == expected && field("CapInh") == String(repeating: "0", count: 16)
        && field("CapAmb") == String(repeating: "0", count: 16))
    #expect(try Files.list("/proc/\(pid)/fd") == ["0", "1", "2"])
    #expect(try Files.readText("/proc/\(pid)/limits").contains("Max core file size        0                    0"))
    #expect(try Files.readText("/proc/\(pid)/environ").isEmpty)
    // Its daemon gone, it ends.
    _ = ours.release()
  }

  @Test("make-image makes an archive that is pulled, with all that was asked for")
  func makeImage() throws {
    try directory.write("rootfs/bin/tool", Array("tool".utf8))
    try Files.changeMode(directory("rootfs/bin/tool"), mode: 0o755)
    try Files.createSymlink(directory("rootfs/bin/link"), target: "tool")
    #expect(link(directory("rootfs/bin/tool"), directory("rootfs/bin/hard")) == 0)
    let made = try Command.run(
      ImageFixture.worker, "make-image", "--rootfs", directory("rootfs"), "--output", directory("i.tar"), "--ref", "tool:1", "--entrypoint",
      #"["/bin/tool"]"#,
      "--cmd", #"["a","b c"]"#, "--env", "A=b=c", "--workdir", "/bin", "--user", "7:8", "--label", "x=y")
    #expect(made.succeeded, "\(made.output)")
    let fixture = try ImageFixture()
    let image = try fixture.pull("oci-archive:\(directory("i.tar")):tool:1")
    #expect(made.output.contains(image.digest.description))
    let config = image.config
    #expect(config.entrypoint == ["/bin/tool"] && config.cmd == ["a", "b c"] && config.env == ["A=b=c"] && config.workingDir == "/bin")
    #expect(config.user == "7:8" && config.labels == ["x": "y"])
    let status = try Files.status("\(image.layerDirectories[0])/bin/hard")
    #expect((status.permissions, status.links) == (0o755, 2))
    #expect(try Files.readLink("\(image.layerDirectories[0])/bin/link") == "tool")
    #expect(try Command.run(ImageFixture.worker, "make-image", "--nonsense", "x").exit == .exited(64))
    #expect(try Command.run(ImageFixture.worker, "--help").exit == .exited(64))
  }
}
