import BerthCore

/// What a pull or push tells while it goes on: each place that had nothing on standard error, and on a terminal a bar a layer, which is
/// written over as bytes come.
final class PullProgress {
  private var layers = TransferBars()
  private var shown = 0

  func show(_ line: JSON) {
    if let attempt = line["attempt"] {
      erase()
      Terminal.printError(Terminal.clean(Self.text(of: attempt)))
    }
    layers.note(line)
    guard Terminal.isTerminal else { return }
    erase()
    let lines = layers.lines()
    for line in lines { Terminal.print(line) }
    Terminal.flush()
    shown = lines.count
  }

  /// Leaves nothing of the bars.
  func end() { erase() }

  private func erase() {
    guard shown > 0 else { return }
    // Up to the first of the lines, and all from there on away.
    Terminal.write(Array("\u{1B}[\(shown)A\u{1B}[J".utf8))
    Terminal.flush()
    shown = 0
  }

  /// `not from HOST: WHY`.
  static func text(of attempt: JSON) -> String {
    "not from \(attempt["endpoint"]?.string ?? "?"): \(attempt["cause"]?.string ?? "?")"
  }
}

/// How far the layers of a transfer are, as lines.
struct TransferBars {
  private struct Layer {
    var digest: String
    var size: Int64
    var done: Int64 = 0
  }
  private var layers: [Layer] = []
  /// More than fit on a small terminal are summed up.
  private static let limit = 12
  private static let width: Int64 = 24

  /// Takes a line of the stream in; lines of other kinds are passed over.
  mutating func note(_ line: JSON) {
    if let list = line["layers"]?.array {
      layers = list.map { Layer(digest: $0["digest"]?.string ?? "", size: max(0, $0["size"]?.integer ?? 0)) }
    }
    guard let digest = line["layer"]?.string, let done = line["done"]?.integer else { return }
    // A layer may be there twice.
    for at in layers.indices where layers[at].digest == digest { layers[at].done = min(max(0, done), layers[at].size) }
  }

  /// In the image's order, so that a line stays where it is. Of more than fit, those under way first; what isn't shown is summed up in
  /// the last line.
  func lines() -> [String] {
    var visible = layers
    if layers.count > Self.limit {
      let isMoving = { (layer: Layer) in layer.done > 0 && layer.done < layer.size }
      visible = Array((layers.filter(isMoving) + layers.filter { !isMoving($0) }).prefix(Self.limit))
    }
    var lines = visible.map { Self.bar($0.done, $0.size, String($0.digest.split(separator: ":").last?.prefix(12) ?? "")) }
    guard layers.count > 1 else { return lines }
    let (done, size) = layers.reduce((Int64(0), Int64(0))) { ($0.0 &+ $1.done, $0.1 &+ $1.size) }
    lines.append(Self.bar(done, size, "\(layers.count) layers"))
    return lines
  }

  private static func bar(_ done: Int64, _ size: Int64, _ name: String) -> String {
    let filled = size > 0 ? Int(min(Double(done) / Double(size), 1) * Double(width)) : Int(width)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Int(width) - filled)
    return "\(name)\(String(repeating: " ", count: max(1, 14 - name.count)))[\(bar)] \(Terminal.size(done)) of \(Terminal.size(size))"
  }
}
