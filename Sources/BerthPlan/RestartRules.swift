import BerthCore
import BerthManifest

extension RestartPolicy {
  /// Whether a container that ended so is started again.
  public func restarts(after exit: ContainerExit) -> Bool {
    switch self {
    case .always: true
    case .onFailure: !exit.succeeded
    case .never: false
    }
  }
}

extension RestartBackoff {
  /// How many restarts in a row there were before this one: 0 after a run of `resetAfter` or more.
  public func step(of container: ActualContainer, after exit: ContainerExit) -> Int {
    exit.ran >= resetAfter ? 0 : container.backoffStep
  }

  /// The pause before restart number `step` (from 0) of a sequence: none, then `initial`, doubling up to `max`.
  public func delay(step: Int) -> Duration {
    guard step > 0 else { return .zero }
    var delay = initial
    for _ in 1..<Swift.min(step, 64) where delay < max { delay = delay * 2 }
    return Swift.min(delay, max)
  }
}

extension ContainerExit {
  /// For people.
  public var words: String { outcome.words }
}

extension ContainerExit.Outcome {
  /// For people: `exit code 1`, `killed by signal 9`, `out of memory`.
  public var words: String {
    switch self {
    case .code(_, _, oomKilled: true): "killed: out of memory"
    // What a seccomp filter kills; nothing else sends it by itself.
    case .code(_, 31?, _): "killed by signal 31 (SIGSYS): a system call that its seccomp profile forbids"
    case .code(_, let signal?, _):
      "killed by signal \(signal)"
        + (SignalName.names.indices.contains(Int(signal) - 1) ? " (SIG\(SignalName.names[Int(signal) - 1]))" : "")
    // What shells and the dynamic loader say by it.
    case .code(127, nil, _): "exit code 127 (a command or a shared library wasn't found: its log says which)"
    case .code(let code, nil, _): "exit code \(code)"
    case .startFailed(let failure): failure.message
    case .unknown: "exit code unknown"
    }
  }
}

extension PodSpec {
  /// Init containers first, each kind in its order.
  public var allContainers: [ContainerSpec] { initContainers + containers }

  /// Every image it names, once, in order of first mention.
  public var imageReferences: [String] {
    var seen: Set<String> = []
    return (allContainers.map(\.image) + volumeImages.map(\.reference)).filter { seen.insert($0).inserted }
  }

  /// The images that are volumes, with when they are to be pulled.
  public var volumeImages: [(reference: String, policy: ImagePullPolicy)] {
    volumes.compactMap { volume in
      guard case .image(let reference, let policy) = volume.source else { return nil }
      return (reference, policy)
    }
  }

  /// Why an image that may be here already is to be pulled.
  func reasonToPull(_ reference: String) -> String {
    let policies =
      allContainers.filter { $0.image == reference }.map(\.imagePullPolicy)
      + volumeImages.filter { $0.reference == reference }.map(\.policy)
    return policies.contains(.always) ? "its policy is \"always\"" : "it is not in the store"
  }

  /// `never` for pods that are never restarted, else `on-failure`: an init container that succeeded is done.
  public var initRestartPolicy: RestartPolicy { restartPolicy == .never ? .never : .onFailure }
}
