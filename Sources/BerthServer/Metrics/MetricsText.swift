import BerthNode

/// Metrics in Prometheus' text format 0.0.4. Names begin with `berth_`; a family is written whole, its help and type first.
struct MetricsText {
  private(set) var text = ""

  enum Kind: String { case gauge, counter, histogram }

  /// One sample of a family.
  struct Sample {
    var labels: [(String, String)] = []
    var value: Double
  }

  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    guard !samples.isEmpty else { return }
    header(name, kind, help)
    for sample in samples { line(name, sample.labels, sample.value) }
  }

  mutating func family(_ name: String, _ help: String, _ snapshot: Histogram.Snapshot, bounds: [Double]) {
    header(name, .histogram, help)
    var below: UInt64 = 0
    for (bound, count) in zip(bounds, snapshot.counts) {
      below &+= count
      line("\(name)_bucket", [("le", "\(bound)")], Double(below))
    }
    line("\(name)_bucket", [("le", "+Inf")], Double(snapshot.total))
    line("\(name)_sum", [], snapshot.sum)
    line("\(name)_count", [], Double(snapshot.total))
  }

  private mutating func header(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
    text += name
    if !labels.isEmpty { text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}" }
    // Whole numbers as such: 2^53 is as far as they are exact.
    text += value == value.rounded() && abs(value) < 9e15 ? " \(Int64(value))\n" : " \(value)\n"
  }

  static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
