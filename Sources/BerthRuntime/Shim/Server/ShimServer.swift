import BerthCore
import BerthLinux

/// A pod's shim: parent of its containers, keeper of their output and of how they ended. One thread, one epoll loop; nothing in it waits
/// for a client, a container or another process.
public final class ShimServer {
  /// What a ready descriptor belongs to; the upper half of an epoll token.
  enum Source: UInt32 {
    case listener, children, timer, client, launch, stdout, stderr
    case sessionListener, sessionClient, sessionLaunch, sessionTerminal
    case holder
    /// Of a container that is another's child.
    case process
  }

  /// More are turned away at once.
  static let maxClients = 8
  /// How long the buffers' pages are kept after output stopped flowing, in milliseconds.
  private static let bufferIdle: Int32 = 1000

  let folder: PodFolder
  let role: ShimRole
  /// A keeper's.
  private let lock: FileLock?
  let handles: PassedHandles
  /// Whether this process is in the pod's own namespaces, or has yet to set them up.
  var isInPod: Bool
  let epoll: Epoll
  private let children: ChildSignals
  private let timer: TimerFD
  private let listener: FD
  /// For packets.
  let scratch: ScratchBuffer
  private var buffersInUse = false
  /// Set after what takes memory for a while: it is given back from where the stack is shallow.
  var hasWorked = false
  var batch = LogBatch()

  var clients: [ShimClient] = []
  var containers: [SupervisedContainer] = []
  var sessions: [ShimSession] = []
  /// Of a pod whose containers share their processes.
  var holder: NamespaceHolder?
  var sandbox: SandboxState = .none
  /// Groups whose processes were still dying when they should have been removed.
  var leftovers: [Cgroup] = []
  private var lastIndex: UInt32 = 0
  /// Set by `shutdown`, or when nobody can ever ask anything of this shim.
  var isDone = false

  enum SandboxState {
    case none
    case ready(Sandbox)
    /// Half set up: good for nothing but `shutdown`.
    case failed(BerthError)
  }

  /// Readies the calling process for a life as shim or keeper of the pod whose state folder is `podDirectory` (absolute). `first` is the
  /// connection of who started it. A keeper throws `.again` where the pod has one, or its shim lives.
  public init(podDirectory: String, role: ShimRole, handles: PassedHandles, first: consuming FD) throws(Errno) {
    folder = PodFolder(podDirectory)
    self.handles = handles
    isInPod = role == .shim
    self.role = role
    lock = role == .keeper ? try Self.claim(folder) : nil
    children = try ChildSignals()
    epoll = try Epoll()
    timer = try TimerFD()
    scratch = try ScratchBuffer(size: ShimProtocol.maxPacket)
    try Files.writeAtomically(JSON.object(try ProcessIdentity(of: ProcessControl.pid).json).encoded(), to: folder.identity(role))
    listener = try PacketConnection.listen(in: podDirectory, name: PodFolder.socketName(role))
    try epoll.add(children.fd.raw, .input, token: Self.token(.children))
    try epoll.add(timer.fd.raw, .input, token: Self.token(.timer))
    try epoll.add(listener.raw, .input, token: Self.token(.listener))
    try first.setNonBlocking()
    try admit(first)
  }

  private static func claim(_ folder: PodFolder) throws(Errno) -> FileLock {
    guard folder.livingShim == nil, let lock = try FileLock(folder.keeperLock) else { throw .again }
    return lock
  }

  static func token(_ source: Source, _ index: UInt32 = 0) -> UInt64 { UInt64(source.rawValue) << 32 | UInt64(index) }

  func nextIndex() -> UInt32 {
    lastIndex &+= 1
    return lastIndex
  }

  /// Until `shutdown`, or until nobody is connected and there is nothing to keep. Removes its socket and its identity's
  /// file at the end.
  public func run() throws(Errno) {
    while !isDone {
      var handled = 0
      try epoll.wait(milliseconds: buffersInUse ? Self.bufferIdle : -1) { ready in
        handled += 1
        handle(ready)
      }
      if handled == 0 { releaseBuffers() }
      if hasWorked { ProcessControl.trimMemory() }
      hasWorked = false
    }
    try? Files.unlink("\(folder.path)/\(PodFolder.socketName(role))")
    try? Files.unlink(folder.identity(role))
  }

  private func releaseBuffers() {
    if buffersInUse {
      hasWorked = true
      scratch.release()
      for container in containers { container.output?.rest() }
    }
    buffersInUse = false
  }

  private func handle(_ ready: Epoll.Ready) {
    guard let source = Source(rawValue: UInt32(truncatingIfNeeded: ready.token >> 32)), !isDone else { return }
    let index = UInt32(truncatingIfNeeded: ready.token)
    switch source {
    case .listener: acceptClient()
    case .children:
      children.clear()
      reap()
    case .timer:
      timer.clear()
      killOverdue()
      expireSessions()
    case .client: receive(index)
    case .launch: finishLaunch(index)
    case .stdout: copyOutput(.stdout, index)
    case .stderr: copyOutput(.stderr, index)
    case .sessionListener: acceptSession(index)
    case .sessionClient: serveSession(index)
    case .sessionLaunch: finishSessionLaunch(index)
    case .sessionTerminal: discardTerminal(index)
    case .holder: finishHolding()
    case .process: endKept(index)
    }
  }

  private func acceptClient() {
    guard let socket = try? PacketConnection.accept(listener) else { return }
    guard let peer = try? PacketConnection.peer(of: socket), peer.uid == 0 || peer.uid == ProcessControl.effectiveUser,
      clients.count < Self.maxClients
    else { return }
    try? admit(socket)
  }

  private func copyOutput(_ stream: LogBatch.Stream, _ index: UInt32) {
    guard let container = containers.first(where: { $0.index == index }), let output = container.output,
      let descriptor = output[stream].descriptor
    else { return }
    buffersInUse = true
    switch output[stream].copyOnce(&batch, to: output.log) {
    case .read(let bytes): copy(stream, of: container.name, bytes)
    case .nothing: break
    case .ended:
      // Before it is closed: a launcher that was forked meanwhile may hold a copy.
      epoll.remove(descriptor)
      output[stream].close()
    }
  }

  func markScratchUsed() { buffersInUse = true }

  /// For the next deadline of a `stop` or a session.
  func armTimer() {
    var next: BootTime?
    for container in containers where !container.hasEnded {
      if let deadline = container.stop?.deadline { next = min(next ?? deadline, deadline) }
    }
    for session in sessions where session.deadline.nanoseconds < .max { next = min(next ?? session.deadline, session.deadline) }
    try? timer.arm(next)
  }
}
