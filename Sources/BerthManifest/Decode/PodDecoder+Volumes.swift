import BerthCore

extension PodDecoder {
  mutating func volumes() -> [VolumeSpec] {
    var names: Set<String> = []
    var volumes: [VolumeSpec] = []
    for item in root["volume"]?.array ?? [] {
      guard let table = item.table else { continue }
      if let entry = table.entry("name"), let name = entry.value.string, !names.insert(name).inserted {
        sink.error("there are two volumes '\(name)'", at: entry.value.range)
      }
      if let volume = volume(table, at: item.range) { volumes.append(volume) }
    }
    return volumes
  }

  private mutating func volume(_ table: TOMLTable, at range: SourceRange) -> VolumeSpec? {
    if table["name"] == nil { sink.error("a volume needs a 'name'", at: range) }
    let kinds = table.entries.filter { ManifestSchema.volumeKinds.contains($0.key) }
    guard let kind = kinds.first else {
      // One that nobody knows was reported, and is what was meant.
      if table.entries.allSatisfy({ ManifestSchema.volume[$0.key] != nil }) {
        sink.error("a volume needs one of \(ManifestSchema.volumeKinds.joined(separator: ", "))", at: range)
      }
      return nil
    }
    if kinds.count > 1 {
      let names = KeyType.list(kinds.map { "'\($0.key)'" }, "and")
      sink.error("a volume is of one kind, this one has \(names)", at: kinds[1].keyRange)
    }
    guard let source = source(kind), let name = table["name"]?.string else { return nil }
    var volume = VolumeSpec(name: name, source: source)
    ownership(&volume, table, kind)
    return volume
  }

  private mutating func ownership(_ volume: inout VolumeSpec, _ table: TOMLTable, _ kind: TOMLTable.Entry) {
    for name in ["owner", "mode"] {
      guard let entry = table.entry(name) else { continue }
      if kind.key == "host_path" {
        sink.error("'\(name)' can't be set for a host_path: it would change the node's own files", at: entry.keyRange)
      } else if kind.key == "image" {
        sink.error("'\(name)' can't be set for an image: its files are as they are", at: entry.keyRange)
      }
    }
    volume.owner = table["owner"]?.string.flatMap { UserText.owner($0) }
    volume.mode = Self.mode(table["mode"])
    guard kind.key == "config" || kind.key == "secret", let inner = kind.value.table?.entry("mode") else { return }
    if table["mode"] != nil { sink.error("'mode' is set twice: for the volume and in its '\(kind.key)'", at: inner.keyRange) }
    volume.mode = Self.mode(inner.value)
  }

  private static func mode(_ value: TOMLValue?) -> UInt32? { value?.integer.flatMap { UInt32(exactly: $0) } }

  private mutating func source(_ kind: TOMLTable.Entry) -> VolumeSource? {
    let table = kind.value.table
    switch kind.key {
    case "host_path": return hostPath(kind)
    case "empty_dir": return table.map { emptyDir($0) }
    case "persistent": return .persistent(shared: table?["name"]?.string)
    case "config": return table.map { .config(files($0, kind)) }
    case "secret": return table.map { .secret(files($0, kind)) }
    case "image": return image(kind)
    default: return nil
    }
  }

  private mutating func image(_ kind: TOMLTable.Entry) -> VolumeSource? {
    let table = kind.value.table
    guard let written = kind.value.string ?? table?["reference"]?.string else {
      if let table, table["reference"] == nil { sink.error("'image' needs a 'reference'", at: kind.keyRange) }
      return nil
    }
    let image = ImageText(written)
    let policy = table?["pull_policy"]?.string.flatMap { ImagePullPolicy(rawValue: $0) }
    return .image(reference: image.resolved(from: folder), pullPolicy: image.transport == nil ? policy ?? image.defaultPullPolicy : .never)
  }

  private mutating func hostPath(_ kind: TOMLTable.Entry) -> VolumeSource? {
    if let path = kind.value.string { return .hostPath(path: LexicalPath.resolve(path, from: folder), type: .unchecked) }
    guard let table = kind.value.table else { return nil }
    guard let path = table["path"]?.string else {
      if table["path"] == nil { sink.error("'host_path' needs a 'path'", at: kind.keyRange) }
      return nil
    }
    let type = table["type"]?.string.flatMap { VolumeSource.HostPathType(rawValue: $0) } ?? .unchecked
    return .hostPath(path: LexicalPath.resolve(path, from: folder), type: type)
  }

  private mutating func emptyDir(_ table: TOMLTable) -> VolumeSource {
    let isInMemory = table["medium"]?.string == "memory"
    if let size = table.entry("size"), !isInMemory {
      sink.error("'size' needs medium = \"memory\": a directory on disk has no limit of its own", at: size.keyRange)
    }
    return .emptyDir(inMemory: isInMemory, size: table["size"]?.size)
  }
}
