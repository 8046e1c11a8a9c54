/// What a running daemon can take over from an edited config.toml.
public struct ConfigurationChange: Sendable, Hashable {
  /// Registries, mirrors and credentials differ: pulls that begin from now on go by the new ones.
  public var registry: Bool
  /// Sections that differ and count from the next start only, as the file names them.
  public var needsRestart: [String]

  public init(from old: NodeConfiguration, to new: NodeConfiguration) {
    registry = old.registry != new.registry
    let sections: [(String, Bool)] = [
      ("root", old.root == new.root), ("state", old.state == new.state), ("[node]", old.node == new.node),
      ("[manifests]", old.manifests == new.manifests), ("[api]", old.api == new.api), ("[runtime]", old.runtime == new.runtime),
      ("[images]", old.images == new.images), ("[network]", old.network == new.network),
      ("[metrics]", old.metrics == new.metrics), ("[logs]", old.logs == new.logs), ("[snapshots]", old.snapshotter == new.snapshotter),
    ]
    needsRestart = sections.filter { !$0.1 }.map(\.0)
  }

  /// In words, for the log and the event.
  public var description: String {
    let applied = registry ? "[registry] is in force for the next pulls" : "nothing that can change while it runs has changed"
    return needsRestart.isEmpty ? applied : "\(applied); restart berthd for \(needsRestart.joined(separator: ", ")) (pods go on)"
  }
}
