import BerthCore
import BerthLinux

/// What a shim holds of one attempt of a container while it lives; of one that has ended only the record is left.
final class SupervisedContainer {
  /// Tells the events of this attempt's descriptors apart from those of all others.
  let index: UInt32
  let name: String
  let attempt: UInt32
  let cgroup: Cgroup
  var phase: ShimContainer.Phase = .launching
  /// Set as long as `phase` is `.launching`.
  var launch: PendingLaunch?
  /// Requests that wait for the launch.
  var waiting: [(client: UInt32, request: UInt32)]
  var output: ContainerOutput?
  let hasInput: Bool
  let hasTerminal: Bool
  /// Of one that a keeper looks after, as long as it runs.
  var process: KeptProcess?
  /// Where the process sends the other side of its terminal.
  private var console: FD?
  /// The attempt before, kept until this one runs.
  var previous: SupervisedContainer?
  var stop: StopTimer?

  /// A `stop` that has been asked for.
  struct StopTimer {
    var signal: Int32
    /// When the whole cgroup is killed.
    var deadline: BootTime
  }

  init(
    index: UInt32, _ start: ContainerStart, cgroup: Cgroup, launch: consuming PendingLaunch, output: ContainerOutput,
    console: consuming FD?, waiting: (client: UInt32, request: UInt32)
  ) {
    self.index = index
    name = start.name
    attempt = start.attempt
    hasInput = start.hasInput
    hasTerminal = start.hasTerminal
    self.cgroup = cgroup
    self.launch = consume launch
    self.output = output
    self.console = consume console
    self.waiting = [waiting]
  }

  init(index: UInt32, _ kept: KeptContainer, cgroup: Cgroup, process: KeptProcess?, output: ContainerOutput) {
    self.index = index
    name = kept.name
    attempt = kept.process.attempt
    hasInput = kept.hasInput
    // Its other side went with the shim.
    hasTerminal = false
    self.cgroup = cgroup
    self.output = output
    self.process = process
    phase = .running(kept.process)
    waiting = []
  }

  /// To its first process, where it runs. A child that isn't reaped yet has its number to itself.
  func signal(_ number: Int32) throws(Errno) {
    if let process {
      try ProcessControl.signal(process.pidfd, number)
    } else if let pid = initRecord?.process.pid {
      try ProcessControl.signal(pid, number)
    }
  }

  /// As `ProcessControl.open`.
  func openProcess(_ pid: Int32) throws(Errno) -> FD {
    if let process { try process.pidfd.duplicate() } else { try ProcessControl.open(pid) }
  }

  /// Once it runs: its terminal's output is its standard output.
  func takeTerminal() {
    guard let console = console.take(), (try? console.setNonBlocking()) != nil,
      let number = (try? DescriptorSocket.receive(limit: 256, from: console))?.descriptor
    else { return }
    let terminal = FD(owning: number)
    try? terminal.setNonBlocking()
    output?.open(stdout: terminal)
  }

  var isLaunching: Bool { launch != nil }
  var hasEnded: Bool { if case .exited = phase { true } else { false } }
  var initRecord: InitRecord? { if case .running(let record) = phase { record } else { nil } }

  var description: ShimContainer { ShimContainer(name: name, attempt: attempt, phase: phase, isStopping: stop != nil && !hasEnded) }
}

/// A container's standard streams on their way into its log.
final class ContainerOutput {
  private let log: LogFile
  /// nil once nobody writes any more.
  private var stdout: FD?
  private var stderr: FD?
  private var stdoutLines = LineSplitter(.stdout)
  private var stderrLines = LineSplitter(.stderr)

  init(log target: LogTarget) throws(Errno) { log = try LogFile(target) }

  /// Of a container that has run for a while, without its shim at last: what its FIFOs hold is next. One that writes to a terminal has
  /// none.
  init(continuing target: LogTarget, name: String, in folder: PodFolder) throws(Errno) {
    log = try LogFile(target)
    // On a full disk the torn record stays: what comes is worth more.
    do throws(Errno) { try log.endLastRecord() } catch {}
    stdout = try Self.reader(folder.stream(name, "stdout"))
    stderr = try Self.reader(folder.stream(name, "stderr"))
  }

  private static func reader(_ path: String) throws(Errno) -> FD? {
    do throws(Errno) { return try Fifo.openReader(path) } catch {
      if error == .notFound { return nil }
      throw error
    }
  }

  func open(stdout: consuming FD) { self.stdout = consume stdout }
  func open(stderr: consuming FD) { self.stderr = consume stderr }

  /// The number of an open stream's descriptor.
  func descriptor(_ stream: LogBatch.Stream) -> Int32? {
    switch stream {
    case .stdout: stdout?.raw
    case .stderr: stderr?.raw
    }
  }

  enum Progress {
    case read(Int)
    case nothing
    /// Nobody writes any more: to be closed.
    case ended
  }

  /// One read into `scratch`, and one or a few writes to the log.
  func copyOnce(_ stream: LogBatch.Stream, scratch: borrowing ScratchBuffer, batch: inout LogBatch) -> Progress {
    guard let descriptor = descriptor(stream) else { return .ended }
    let count: Int?
    do throws(Errno) { count = try scratch.fill(from: descriptor) } catch { return .ended }
    guard let count else { return .nothing }
    if count == 0 { return .ended }
    let bytes = UnsafeRawBufferPointer(rebasing: scratch.bytes[..<count])
    switch stream {
    case .stdout: stdoutLines.consume(bytes, &batch, to: log)
    case .stderr: stderrLines.consume(bytes, &batch, to: log)
    }
    return .read(count)
  }

  func close(_ stream: LogBatch.Stream) {
    switch stream {
    case .stdout: stdout = nil
    case .stderr: stderr = nil
    }
  }

  /// What is still in the pipes once the container's processes are dead, and lines without an end. `each` is told of what lies at the
  /// start of `scratch`.
  func drain(scratch: borrowing ScratchBuffer, batch: inout LogBatch, _ each: (LogBatch.Stream, Int) -> Void) {
    // A pipe holds 64 KiB, or as much as its writer asked for up to the system's limit: enough rounds for any.
    for stream in [LogBatch.Stream.stdout, .stderr] {
      for _ in 0..<4096 {
        guard case .read(let count) = copyOnce(stream, scratch: scratch, batch: &batch) else { break }
        each(stream, count)
      }
    }
    stdoutLines.finish(&batch, to: log)
    stderrLines.finish(&batch, to: log)
  }
}
