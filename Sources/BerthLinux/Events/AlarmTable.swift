/// What is to happen when: the earliest is found at once, and one that is called off costs nothing.
struct AlarmTable {
  private struct Place {
    var due: BootTime
    var number: UInt64
  }
  /// A binary heap by due time. Those called off stay in it until they come to the top.
  private var heap: [Place] = []
  private var bodies: [UInt64: @Sendable () -> Void] = [:]
  private var next: UInt64 = 0

  /// Returns what it is called off by.
  mutating func add(_ due: BootTime, _ body: @escaping @Sendable () -> Void) -> UInt64 {
    next += 1
    bodies[next] = body
    heap.append(Place(due: due, number: next))
    rise(from: heap.count - 1)
    return next
  }

  mutating func remove(_ number: UInt64) {
    bodies[number] = nil
    // Those far ahead would gather otherwise.
    guard heap.count > 64, heap.count > bodies.count * 2 else { return }
    heap = heap.filter { bodies[$0.number] != nil }.sorted { $0.due < $1.due }
  }

  /// When the next one is due.
  var earliest: BootTime? {
    mutating get {
      while let top = heap.first, bodies[top.number] == nil { pop() }
      return heap.first?.due
    }
  }

  /// Those that are due, the earliest first. They are gone then.
  mutating func takeDue(_ now: BootTime) -> [@Sendable () -> Void] {
    var due: [@Sendable () -> Void] = []
    while let top = heap.first, top.due <= now {
      if let body = bodies.removeValue(forKey: top.number) { due.append(body) }
      pop()
    }
    return due
  }

  private mutating func pop() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    sink()
  }

  private mutating func rise(from start: Int) {
    var at = start
    while at > 0, heap[at].due < heap[(at - 1) / 2].due {
      heap.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private mutating func sink() {
    var at = 0
    while true {
      let children = [2 * at + 1, 2 * at + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0].due < heap[$1].due }), heap[least].due < heap[at].due else { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
