import BerthCore

extension PodDecoder {
  /// The files of a config or secret volume.
  mutating func files(_ table: TOMLTable, _ kind: TOMLTable.Entry) -> FileSet {
    var set = FileSet()
    if table["files"] == nil, table["from"] == nil { sink.error("'\(kind.key)' needs 'files' or 'from'", at: kind.keyRange) }
    for (name, text) in table.stringMap("files") { set.files[name] = FileContent(text) }
    for item in table["from"]?.array ?? [] {
      guard let written = item.string, !written.isEmpty else { continue }
      let path = LexicalPath.resolve(written, from: folder)
      let name = LexicalPath.name(of: path)
      if set.files[name] != nil || set.from[name] != nil {
        sink.error("there are two files '\(name)' in this volume", at: item.range)
      } else if TextFormat.fileName.problem(in: name) != nil {
        sink.error("'from' must name a file", at: item.range)
      } else {
        set.from[name] = ContentFile(path: path)
        references.append(ContentReference(path: path, range: item.range, use: .volume))
      }
    }
    if let change = table["on_change"]?.string.flatMap({ FileSet.OnChange(text: $0) }) { set.onChange = change }
    return set
  }

  // MARK: variables

  mutating func environment(_ container: inout ContainerSpec, _ table: TOMLTable, _ spec: PodSpec) {
    for item in table["env_file"]?.array ?? [] {
      guard let written = item.string, !written.isEmpty else { continue }
      let path = LexicalPath.resolve(written, from: folder)
      container.envFiles.append(ContentFile(path: path))
      references.append(ContentReference(path: path, range: item.range, use: .variables))
    }
    for entry in table["env"]?.table?.entries ?? [] {
      if let text = entry.value.string {
        container.env[entry.key] = .text(text)
      } else if let source = entry.value.table {
        container.env[entry.key] = value(source, at: entry.value.range, spec)
      }
    }
  }

  private mutating func value(_ table: TOMLTable, at range: SourceRange, _ spec: PodSpec) -> EnvValue? {
    guard let source = table.entries.first, table.entries.count == 1 else {
      sink.error("a variable's table has exactly one of 'secret', 'file' and 'field'", at: range)
      return nil
    }
    guard let text = source.value.string else { return nil }
    switch source.key {
    case "file":
      let path = LexicalPath.resolve(text, from: folder)
      references.append(ContentReference(path: path, range: source.value.range, use: .variable))
      return .file(ContentFile(path: path))
    case "field": return EnvField(rawValue: text).map { .field($0) }
    case "secret": return secret(text, at: source.value.range, spec)
    default: return nil
    }
  }

  private mutating func secret(_ text: String, at range: SourceRange, _ spec: PodSpec) -> EnvValue? {
    guard let value = EnvValue(secret: text), case .secret(let volume, let file) = value else { return nil }
    var secrets: [String: FileSet] = [:]
    for volume in spec.volumes { if case .secret(let set) = volume.source { secrets[volume.name] = set } }
    guard let set = secrets[volume] else {
      let other = spec.volumes.contains { $0.name == volume } ? "volume '\(volume)' is no secret" : "there is no secret volume '\(volume)'"
      sink.error(other, at: range, help: Suggestion.help(for: volume, among: secrets.keys.sorted()))
      return nil
    }
    guard set.files[file] != nil || set.from[file] != nil else {
      let names = (Array(set.files.keys) + Array(set.from.keys)).sorted()
      sink.error("secret '\(volume)' has no file '\(file)'", at: range, help: Suggestion.help(for: file, among: names))
      return nil
    }
    // A variable can hold no NUL; what stands in the manifest has none.
    if let source = set.from[file] { references.append(ContentReference(path: source.path, range: range, use: .secretVariable)) }
    return value
  }

  // MARK: devices

  mutating func devices(_ table: TOMLTable) -> [DeviceSpec] {
    var devices: [DeviceSpec] = []
    var seen: Set<String> = []
    for item in table["devices"]?.array ?? [] {
      guard let device = device(item) else { continue }
      let place = if case .node(_, let container, _) = device { container } else { item.string ?? "" }
      if seen.insert(place).inserted { devices.append(device) } else { sink.error("'\(place)' is given twice", at: item.range) }
    }
    return devices
  }

  private mutating func device(_ value: TOMLValue) -> DeviceSpec? {
    if let text = value.string { return DeviceSpec.parse(text) }
    guard let table = value.table else { return nil }
    guard let host = table["host"]?.string else {
      if table["host"] == nil { sink.error("a device needs 'host', its path on the node", at: value.range) }
      return nil
    }
    return .node(
      host: LexicalPath.normalize(host), container: LexicalPath.normalize(table["container"]?.string ?? host),
      permissions: table["permissions"]?.string ?? DeviceSpec.allPermissions)
  }
}
