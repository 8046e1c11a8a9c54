import BerthCore
import BerthImages
import BerthLinux
import BerthPlan
import Synchronization

/// How far a layer is, beside an event's words.
public struct EventProgress: Hashable, Sendable {
  public var image: String
  public var layer: String
  /// Bytes as they are fetched.
  public var done: Int64
  public var total: Int64

  var json: JSON {
    ["image": .string(image), "layer": .string(layer), "done": .integer(done), "total": .integer(total)]
  }
}

/// Which of a pull's many reports become events. Each layer that is fetched has a first one (`LayerPulling`) and a last one (`LayerPulled`,
/// or `LayerFailed` where the pull fails on the way); between them one of all layers a second at most, since events are kept and logged.
public struct LayerProgress: Sendable {
  public enum Step: String, Sendable {
    case pulling = "LayerPulling"
    case pulled = "LayerPulled"
    case failed = "LayerFailed"
  }

  public struct Report: Hashable, Sendable {
    public var step: Step
    public var layer: Digest
    public var done: Int64
    public var total: Int64

    public init(step: Step, layer: Digest, done: Int64, total: Int64) {
      self.step = step
      self.layer = layer
      self.done = done
      self.total = total
    }
  }

  /// Between two events that are neither a layer's first nor its last, in nanoseconds.
  public static let interval: Int64 = 1_000_000_000

  private struct Layer {
    var done: Int64
    var total: Int64
    var hasEnded = false
  }
  private var layers: [Digest: Layer] = [:]
  private var last = Int64.min

  public init() {}

  /// `now`: nanoseconds of any clock that doesn't go back. nil: nothing that is worth an event.
  public mutating func report(_ digest: Digest, done: Int64, total: Int64, now: Int64) -> Report? {
    let known = layers[digest]
    if let known, known.hasEnded { return nil }
    let hasEnded = done >= total
    layers[digest] = Layer(done: done, total: total, hasEnded: hasEnded)
    guard hasEnded || known == nil || now &- last >= Self.interval else { return nil }
    last = now
    return Report(step: hasEnded ? .pulled : .pulling, layer: digest, done: done, total: total)
  }

  /// The pull has failed: the last reports of the layers that were on their way.
  public mutating func fail() -> [Report] {
    defer { layers = [:] }
    return layers.filter { !$0.value.hasEnded }.sorted { $0.key < $1.key }.map {
      Report(step: .failed, layer: $0.key, done: $0.value.done, total: $0.value.total)
    }
  }
}

/// One pull's layers on the way to the event log. Called from several threads.
final class LayerReporter: Sendable {
  private let progress = Mutex(LayerProgress())
  private let events: EventLog
  private let image: String
  private let pod: PodKey

  init(_ image: String, pod: PodKey, events: EventLog) {
    self.image = image
    self.pod = pod
    self.events = events
  }

  func report(_ layer: Digest, done: Int64, total: Int64) {
    // Recorded under the lock, so that a layer's last event is its last.
    progress.withLock { progress in
      if let report = progress.report(layer, done: done, total: total, now: Clock.bootNanoseconds()) { record(report) }
    }
  }

  func fail() { progress.withLock { progress in progress.fail().forEach(record) } }

  private func record(_ report: LayerProgress.Report) {
    events.record(
      report.step.rawValue, "image \(image): \(report.layer.hex.prefix(12)), \(report.done) of \(report.total) bytes", pod: pod,
      severity: report.step == .failed ? .warning : .normal,
      progress: EventProgress(image: image, layer: report.layer.description, done: report.done, total: report.total))
  }
}
