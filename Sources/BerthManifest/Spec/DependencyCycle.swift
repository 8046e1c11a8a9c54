import BerthCore

/// Pods that wait for each other in a circle.
public enum DependencyCycle {
  /// The circle that `start` is in, from `start` back to it; nil if there is none. `edges`: whom a pod waits for.
  public static func through(_ start: PodKey, edges: (PodKey) -> [PodKey]) -> [PodKey]? {
    var seen: Set<PodKey> = []
    var trail: [(key: PodKey, next: ArraySlice<PodKey>)] = [(start, edges(start)[...])]
    while let target = trail.last.map({ $0.next.first }) {
      guard let target else {
        trail.removeLast()
        continue
      }
      trail[trail.count - 1].next.removeFirst()
      if target == start { return trail.map(\.key) + [start] }
      if seen.insert(target).inserted { trail.append((target, edges(target)[...])) }
    }
    return nil
  }

  /// Those of `edges` that may be in a circle: what is left once all that wait for nobody among the rest have been taken away, again and
  /// again. In time proportional to the edges, so that most nodes' search costs nothing.
  public static func suspects(_ edges: [PodKey: [PodKey]]) -> Set<PodKey> {
    var open = edges.mapValues { Set($0.filter { edges[$0] != nil }).count }
    var waiting: [PodKey: [PodKey]] = [:]
    for (key, targets) in edges { for target in Set(targets) where edges[target] != nil { waiting[target, default: []].append(key) } }
    var free = open.filter { $0.value == 0 }.map(\.key)
    while let key = free.popLast() {
      open[key] = nil
      for dependent in waiting[key] ?? [] {
        open[dependent, default: 1] -= 1
        if open[dependent] == 0 { free.append(dependent) }
      }
    }
    return Set(open.keys)
  }

  public static func words(_ cycle: [PodKey]) -> String { cycle.map { "\($0)" }.joined(separator: " → ") }
}
