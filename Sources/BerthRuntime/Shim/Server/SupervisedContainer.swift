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
    hasTerminal = kept.terminal != nil
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
    output?.stdout.open(terminal)
  }

  var isLaunching: Bool { launch != nil }
  var hasEnded: Bool { if case .exited = phase { true } else { false } }
  var initRecord: InitRecord? { if case .running(let record) = phase { record } else { nil } }

  var description: ShimContainer { ShimContainer(name: name, attempt: attempt, phase: phase, isStopping: stop != nil && !hasEnded) }
}
