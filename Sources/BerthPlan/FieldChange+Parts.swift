import BerthManifest

extension FieldChange {
  /// Whether it is a limit, of the pod or of a container.
  public var isResources: Bool { parts.first == "resources" || (parts.count > 2 && parts[2] == "resources") }

  /// The container it is about, nil for the pod.
  public var container: String? {
    guard parts.count > 1, parts[0] == "container" || parts[0] == "init_container" else { return nil }
    return String(parts[1])
  }

  /// The config or secret volume whose content it is about.
  public var contentVolume: String? {
    guard parts.count > 3, parts[0] == "volume", parts[3] == "files" || parts[3] == "from" else { return nil }
    return String(parts[1])
  }

  private var parts: [Substring] { path.split(separator: ".") }
}
