import BerthCore

extension PodDecoder {
  mutating func dependencies(_ spec: inout PodSpec) {
    for item in root["depends_on"]?.array ?? [] {
      let table = item.table
      guard let written = table?["pod"]?.string ?? item.string else {
        if table != nil, table?["pod"] == nil { sink.error("a dependency needs a 'pod'", at: item.range) }
        continue
      }
      // Without a namespace it is the pod's own.
      let parsed = written.contains("/") ? PodKey(written) : PodKey("\(spec.key.namespace)/\(written)")
      guard let key = parsed else { continue }
      if key == spec.key { sink.error("pod \(key) can't depend on itself", at: item.range) }
      if spec.dependsOn.contains(where: { $0.pod == key }) { sink.error("pod \(key) is named twice in 'depends_on'", at: item.range) }
      let condition = table?["condition"]?.string.flatMap { DependencySpec.Condition(rawValue: $0) } ?? .ready
      spec.dependsOn.append(DependencySpec(pod: key, condition: condition))
      dependencyRanges.append(item.range)
    }
  }

  /// For errors about it that need other files.
  var dependencyRange: SourceRange { root.entry("depends_on")?.keyRange ?? SourceRange(0, 0) }
}
