import BerthCore
import BerthLinux
import BerthOCI

@testable import BerthRuntime

/// One message of every kind, with every optional part there and absent. Its bytes are in Tests/Fixtures/shim-protocol/v1/NAME.hex.
enum ShimProtocolFixtures {
  enum Message: Equatable {
    case request(ShimRequest)
    case reply(ShimReply)
    case event(ShimEvent)

    func encoded(id: UInt32) -> [UInt8] {
      switch self {
      case .request(let request): request.encoded(id: id)
      case .reply(let reply): reply.encoded(id: id)
      case .event(let event): event.encoded()
      }
    }

    /// What the bytes of a message of this kind are read as.
    func decoded(_ packet: [UInt8]) throws -> Message? {
      guard let header = ShimHeader(packet) else { return nil }
      return switch self {
      case .request: try ShimRequest(header, packet: packet).map(Message.request)
      case .reply: try ShimReply(header, packet: packet).map(Message.reply)
      case .event: try ShimEvent(header, packet: packet).map(Message.event)
      }
    }
  }

  static let started = Timestamp(nanoseconds: 1_136_214_245_000_000_001)
  static let finished = Timestamp(nanoseconds: 1_136_214_246_999_999_999)
  static let initRecord = InitRecord(attempt: 2, process: ProcessIdentity(pid: 4711, startTicks: 123_456_789), startedAt: started)
  static let exitByCode = ExitRecord(attempt: 2, exitCode: 7, signal: nil, oomKilled: false, startedAt: started, finishedAt: finished)
  static let exitBySignal = ExitRecord(attempt: 3, exitCode: 137, signal: 9, oomKilled: true, startedAt: started, finishedAt: finished)

  static let setup = SandboxSetup(
    podUID: "0123abcd", hostname: "web", network: .none, shmSize: 64 << 20,
    tmpfs: [TmpfsVolume(path: "/run/berth/pods/0123abcd/volumes/cache", size: 1 << 20, mode: 0o1777, uid: 1000, gid: 2000)],
    podCgroup: "/berth/0123abcd")

  static var start: ContainerStart {
    var launch = LaunchRequest(
      id: "0123abcd-app-2", bundle: "/run/berth/pods/0123abcd/app", rootfs: .overlay(lower: ["/l2", "/l1"], upper: "/u", work: "/w"))
    launch.user = "1000:2000"
    launch.runAsNonRoot = true
    launch.seccompFilter = "/run/berth/pods/0123abcd/app/seccomp"
    launch.sandboxNamespaces = [.ipc, .uts]
    launch.subPaths = ["/data": "a/b"]
    return ContainerStart(
      name: "app", attempt: 2, cgroup: "/berth/0123abcd/app", launch: launch,
      log: LogTarget(path: "/var/lib/berth/logs/default_web_0123abcd/app/2.log", maxSize: 1 << 20, maxFiles: 3))
  }

  static let messages: [(name: String, message: Message)] = [
    ("hello", .request(.hello(minVersion: 1, maxVersion: 1))),
    ("set-up-sandbox", .request(.setUpSandbox(setup))),
    ("start", .request(.start(start))),
    ("stop", .request(.stop(container: "app", signal: 15, graceMilliseconds: 30_000))),
    ("signal", .request(.signal(container: "app", signal: 1))),
    ("state", .request(.state)),
    ("shutdown", .request(.shutdown)),
    ("ok", .reply(.ok)),
    ("error", .reply(.error(BerthError(.failedPrecondition, "shut shim down", "/pods/x", cause: "container app runs")))),
    ("hello-reply", .reply(.hello(ShimIdentity(version: 1, pid: 4242, podUID: "0123abcd")))),
    ("started", .reply(.started(initRecord, warnings: []))),
    ("started-with-warning", .reply(.started(initRecord, warnings: ["rlimit nofile: not raised"]))),
    (
      "state-reply",
      .reply(
        .state(
          ShimState(
            isSandboxReady: true,
            containers: [
              ShimContainer(name: "app", attempt: 2, phase: .running(initRecord), isStopping: true),
              ShimContainer(name: "job", attempt: 2, phase: .exited(exitByCode), isStopping: false),
              ShimContainer(name: "new", attempt: 0, phase: .launching, isStopping: false),
            ])))
    ),
    ("exited", .event(.exited(container: "job", exitByCode))),
    ("exited-by-signal", .event(.exited(container: "job", exitBySignal))),
  ]

  /// What version 2 has beyond version 1: Tests/Fixtures/shim-protocol/v2.
  static let messages2: [(name: String, message: Message)] = [
    ("exec", .request(.exec(container: "app", timeoutMilliseconds: 1500, request: exec.json().encoded()))),
    ("session", .reply(.session(socket: "session.7.1234567"))),
    ("attach", .request(.attach(container: "app"))),
    ("start-with-terminal", .request(.start(startWithTerminal))),
    ("set-up-sandbox-with-ids", .request(.setUpSandbox(setupWithIDs))),
  ]

  static var setupWithIDs: SandboxSetup {
    var setup = setup
    let ids = RuntimeSpec.IDMapping(containerID: 0, hostID: 524_288, size: 65_536)
    setup.idMaps = IDMaps(uids: [ids], gids: [ids])
    return setup
  }

  /// What version 3 has beyond version 2: Tests/Fixtures/shim-protocol/v3.
  static let messages3: [(name: String, message: Message)] = [("connect", .request(.connect(port: 8080, isSix: true)))]

  /// What version 4 has beyond version 3: Tests/Fixtures/shim-protocol/v4.
  static let messages4: [(name: String, message: Message)] = [
    ("hold", .request(.hold(cgroup: "/berth/0123abcd/pid_namespace", launch: holder)))
  ]

  /// What version 5 has beyond version 4: Tests/Fixtures/shim-protocol/v5.
  static let messages5: [(name: String, message: Message)] = [
    ("keep", .request(.keep(kept))), ("keep-with-handle", .request(.keep(keptWithHandle))),
    ("keep-with-terminal", .request(.keep(keptWithTerminal))),
    ("exited-unknown", .event(.exited(container: "job", exitUnknown))),
  ]

  static let exitUnknown = ExitRecord(attempt: 2, exitCode: nil, signal: nil, oomKilled: false, startedAt: started, finishedAt: finished)

  static var kept: KeptContainer {
    KeptContainer(
      name: "app", process: initRecord, cgroup: "/berth/0123abcd/app",
      log: LogTarget(path: "/var/lib/berth/logs/default_web_0123abcd/app/2.log", maxSize: 1 << 20, maxFiles: 3))
  }

  static var keptWithHandle: KeptContainer {
    var kept = kept
    kept.handle = 4
    kept.hasInput = true
    return kept
  }

  static var keptWithTerminal: KeptContainer {
    var kept = keptWithHandle
    kept.terminal = 5
    return kept
  }

  static var holder: EncodedLaunch {
    var launch = LaunchRequest(
      id: "0123abcd/pid_namespace", bundle: "/run/berth/pods/0123abcd/pid_namespace",
      rootfs: .directory("/run/berth/pods/0123abcd/pid_namespace/rootfs"))
    launch.initProcess = .reaperOnly
    return EncodedLaunch(launch)
  }

  static var startWithTerminal: ContainerStart {
    var start = start
    start.hasTerminal = true
    start.hasInput = true
    return start
  }

  static var exec: ExecRequest {
    var exec = ExecRequest(id: "0123abcd/app", bundle: "/run/berth/pods/0123abcd/app", arguments: ["ls", "-l"])
    exec.environment = ["A=b=c"]
    exec.workingDirectory = "/srv"
    exec.user = "www:www"
    exec.terminal = ExecRequest.Terminal(rows: 24, columns: 80)
    exec.seccompFilter = "/run/berth/seccomp/x.bpf"
    return exec
  }

  static let sessionMessages: [(name: String, message: SessionMessage)] = [
    ("begin", .begin), ("session-signal", .signal(2)), ("detach", .detach), ("running", .running(pid: 4711)),
    ("ended", .ended(exitCode: 7, signal: nil)), ("ended-by-signal", .ended(exitCode: 137, signal: 9)),
    ("failed", .failed(BerthError(.notFound, "exec", "nothing", cause: "ENOENT"))),
  ]
}
