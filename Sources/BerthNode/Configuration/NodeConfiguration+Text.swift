import BerthCore
import BerthManifest

extension NodeConfiguration {
  /// The default config.toml with a comment on every key, as `berthd config default` prints it and the repository has it.
  public static var defaultText: String {
    """
    # Berth's configuration: every key with its default. Relative paths start at this file's folder; berthd's flags go before this file.
    # Sizes and durations are strings with a unit ("64MiB", "30s").


    """ + NodeConfiguration().text(documented: true)
  }

  /// This configuration as a config.toml, as `berthd config dump` prints it.
  public var dump: String { text(documented: false) }

  private func text(documented: Bool) -> String {
    var text = ""
    for key in ConfigurationSchema.root.keys {
      guard let section = key.type.section else {
        text += line(key, path: key.name, documented)
        continue
      }
      text += "\n" + (documented ? "# \(key.doc)\n" : "") + section.title + "\n"
      for inner in section.keys { text += line(inner, path: "\(key.name).\(inner.name)", documented) }
    }
    return text
  }

  private func line(_ key: KeyTable.Key, path: String, _ documented: Bool) -> String {
    let comment = documented ? "# \(key.doc)\n" : ""
    // The host name is this machine's, not a default to print.
    if let value = documented && path == "node.name" ? nil : value(path) { return comment + "\(key.name) = \(value)\n" }
    return documented ? comment + "# \(key.name) = \(Self.example(path))\n" : ""
  }

  /// The value as TOML; nil where it is unset.
  private func value(_ path: String) -> String? {
    switch path {
    case "version": "\(version)"
    case "root": Self.quoted(root)
    case "state": Self.quoted(state)
    case "node.name": Self.quoted(node.name)
    case "node.labels": Self.table(node.labels)
    case "manifests.path": Self.quoted(manifests.path)
    case "manifests.mode": Self.quoted(manifests.mode.rawValue)
    case "manifests.owner": "\(manifests.owner)"
    case "manifests.resync_interval": Self.quoted(DurationText.format(manifests.resyncInterval))
    case "manifests.removal_delay": Self.quoted(DurationText.format(manifests.removalDelay))
    case "manifests.prune_guard": "{ pods = \(manifests.pruneGuard.pods), percent = \(manifests.pruneGuard.percent) }"
    case "api.address": Self.quoted(api.address)
    case "api.gid": api.gid.map { "\($0)" }
    case "runtime.cgroup_parent": Self.quoted(runtime.cgroupParent)
    case "runtime.seccomp_profile": runtime.seccompProfile.map(Self.quoted)
    case "images.max_concurrent_downloads": "\(images.maxConcurrentDownloads)"
    case "images.gc":
      "{ high_percent = \(images.gc.highPercent), low_percent = \(images.gc.lowPercent), minimum_age = \(Self.quoted(DurationText.format(images.gc.minimumAge))) }"
    case "images.bundles": images.bundles.map(Self.quoted)
    case "registry.insecure": "[" + registry.insecure.map(Self.quoted).joined(separator: ", ") + "]"
    case "registry.config_path": Self.quoted(registry.configPath)
    case "registry.mirrors": registry.mirrors.isEmpty ? nil : mirrorLists
    case "registry.policy": registry.policies.isEmpty ? nil : policyLists
    case "registry.verifier_dir": registry.verifierDirectory.map(Self.quoted)
    case "registry.verifier_timeout": Self.quoted(DurationText.format(registry.verifierTimeout))
    case "registry.max_verifiers": "\(registry.maxVerifiers)"
    case "registry.auth_file": Self.quoted(registry.authFile)
    case "registry.auth": registry.auth.isEmpty ? nil : credentials
    case "network.default": Self.quoted(network.standard)
    case "network.subnets": network.subnets.isEmpty ? nil : "[" + network.subnets.map(Self.quoted).joined(separator: ", ") + "]"
    case "network.config_dir": Self.quoted(network.configDir)
    case "network.plugin_timeout": Self.quoted(DurationText.format(network.pluginTimeout))
    case "network.plugin_dirs": "[" + network.pluginDirs.map(Self.quoted).joined(separator: ", ") + "]"
    case "snapshots.snapshotter": Self.quoted(snapshotter.rawValue)
    case "metrics.address": metrics.address.map(Self.quoted)
    case "logs.path": logs.path.map(Self.quoted)
    default: nil
    }
  }

  private var mirrorLists: String { Self.lists(registry.mirrors, key: "endpoint") }
  private var policyLists: String {
    let entries = registry.policies.sorted { $0.key < $1.key }.map { name, keys in
      let archives = registry.openToArchives.contains(name) ? ", archives = true" : ""
      return "\(Self.quoted(name)) = { keys = [\(keys.map(Self.quoted).joined(separator: ", "))]\(archives) }"
    }
    return "{ \(entries.joined(separator: ", ")) }"
  }

  private static func lists(_ lists: [String: [String]], key: String) -> String {
    let entries = lists.sorted { $0.key < $1.key }.map { name, items in
      "\(quoted(name)) = { \(key) = [\(items.map(quoted).joined(separator: ", "))] }"
    }
    return "{ \(entries.joined(separator: ", ")) }"
  }

  /// Passwords are kept back: a dump ends up in tickets.
  private var credentials: String {
    let entries = registry.auth.sorted { $0.key < $1.key }.map { host, credential in
      "\(Self.quoted(host)) = { username = \(Self.quoted(credential.username)), password = \"(kept back)\" }"
    }
    return "{ \(entries.joined(separator: ", ")) }"
  }

  /// What a key without a default may look like.
  private static func example(_ path: String) -> String {
    switch path {
    case "node.name": "\"edge-1\""
    case "api.gid": "1000"
    case "runtime.seccomp_profile": "\"/etc/berth/seccomp.json\""
    case "registry.policy": "{ \"ghcr.io/acme\" = { keys = [\"/etc/berth/keys/acme.pub\"] } }"
    case "registry.verifier_dir": "\"/etc/berth/verifiers\""
    case "registry.mirrors": "{ \"docker.io\" = { endpoint = [\"https://mirror.example.com\"] } }"
    case "images.bundles": "\"/var/lib/berth/bundles\""
    case "registry.auth": "{ \"registry.example.com\" = { username = \"node\", password = \"…\" } }"
    case "metrics.address": "\"127.0.0.1:9464\""
    case "network.subnets": "[\"10.88.0.0/16\", \"fd00:88::/64\"]"
    case "logs.path": "\"/var/lib/berth/logs\""
    default: "\"\""
    }
  }

  private static func table(_ map: [String: String]) -> String {
    map.isEmpty ? "{}" : "{ \(map.sorted { $0.key < $1.key }.map { "\(quoted($0.key)) = \(quoted($0.value))" }.joined(separator: ", ")) }"
  }

  /// A TOML basic string: JSON's escapes are among TOML's.
  private static func quoted(_ text: String) -> String { String(decoding: JSON.string(text).encoded(), as: UTF8.self) }
}

extension KeyType {
  /// The table of a `[section]`; `prune_guard` is written in line.
  fileprivate var section: KeyTable? {
    if case .table(let table) = self { return table }
    return nil
  }
}
