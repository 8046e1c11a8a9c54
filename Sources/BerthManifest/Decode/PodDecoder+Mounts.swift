import BerthCore

extension PodDecoder {
  mutating func mounts(_ table: TOMLTable) -> [MountSpec] {
    let images = Set((root["volume"]?.array ?? []).compactMap { $0.table?["image"] == nil ? nil : $0.table?["name"]?.string })
    let declared = (root["volume"]?.array ?? []).compactMap { $0.table?["name"]?.string }
    var paths: Set<String> = []
    var mounts: [MountSpec] = []
    for item in table["mounts"]?.array ?? [] {
      guard let mount = mount(item) else { continue }
      if !declared.contains(mount.volume) {
        let help = Suggestion.help(for: mount.volume, among: declared) ?? "declare it with [[volume]]"
        sink.error("there is no volume '\(mount.volume)'", at: item.range, help: help)
      }
      if mount.subPath != nil, images.contains(mount.volume) {
        sink.error("'sub_path' can't be used with an image: mount all of it", at: item.range)
      }
      if mount.path == "/" {
        sink.error("a volume can't be mounted on '/'", at: item.range)
      } else if !paths.insert(mount.path).inserted {
        sink.error("two volumes are mounted on '\(mount.path)'", at: item.range)
      }
      mounts.append(mount)
    }
    return mounts
  }

  private mutating func mount(_ value: TOMLValue) -> MountSpec? {
    if let text = value.string {
      var mount = MountText.parse(text)
      if let path = mount?.path { mount?.path = LexicalPath.normalize(path) }
      return mount
    }
    guard let table = value.table else { return nil }
    for key in ["volume", "path"] where table[key] == nil { sink.error("a mount needs a '\(key)'", at: value.range) }
    guard let volume = table["volume"]?.string, let path = table["path"]?.string else { return nil }
    var mount = MountSpec(volume: volume, path: LexicalPath.normalize(path))
    mount.readOnly = table["read_only"]?.boolean ?? false
    mount.subPath = table["sub_path"]?.string
    mount.propagation = table["propagation"]?.string.flatMap { MountSpec.Propagation(rawValue: $0) } ?? .private
    return mount
  }
}
