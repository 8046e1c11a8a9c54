import BerthCore
import BerthNode
import Testing

@Suite("layers as events")
struct LayerProgressTests {
  private let one = Digest.sha256(of: [1])
  private let two = Digest.sha256(of: [2])
  private let second = LayerProgress.interval

  @Test("a layer has a first and a last event, and between them all layers together one a second")
  func bounded() {
    var progress = LayerProgress()
    var seen: [LayerProgress.Report] = []
    // Two layers that report a thousand times each within three seconds.
    for step in 0...1000 {
      for layer in [one, two] {
        if let report = progress.report(layer, done: Int64(step), total: 1000, now: Int64(step) * 3 * second / 1000) { seen.append(report) }
      }
    }
    #expect(seen.count <= 2 + 3 + 2)
    for layer in [one, two] {
      let own = seen.filter { $0.layer == layer }
      #expect(own.first?.step == .pulling && own.last?.step == .pulled && own.last?.done == 1000)
      #expect(own.filter { $0.step == .pulled }.count == 1)
    }
    #expect(progress.fail().isEmpty)
  }

  @Test("a pull that fails ends the layers on their way, and those alone")
  func failed() {
    var progress = LayerProgress()
    _ = progress.report(one, done: 5, total: 5, now: 0)
    _ = progress.report(two, done: 1, total: 5, now: 0)
    _ = progress.report(two, done: 3, total: 5, now: 1)
    #expect(progress.fail() == [LayerProgress.Report(step: .failed, layer: two, done: 3, total: 5)])
    #expect(progress.fail().isEmpty)
  }

  @Test("an empty layer ends with its first report")
  func empty() {
    var progress = LayerProgress()
    #expect(progress.report(one, done: 0, total: 0, now: 0)?.step == .pulled)
    #expect(progress.report(one, done: 0, total: 0, now: second * 9) == nil)
  }
}
