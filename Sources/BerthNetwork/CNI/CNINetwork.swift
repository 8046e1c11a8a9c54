import BerthCore

/// A CNI configuration list. A value; kept as JSON, since plugins get keys that nobody here knows.
/// Source: CNI specification 1.1.0, section 1 "Network configuration format".
public struct CNINetwork: Sendable, Hashable {
  public var name: String
  /// What plugins are spoken to in.
  public var version: String
  public var plugins: [JSON]
  public var disablesCheck: Bool
  public var disablesGC: Bool

  /// A list (`*.conflist`) or one plugin's configuration (`*.conf`, `*.json`).
  public init(_ bytes: [UInt8], isList: Bool) throws(CNIProblem) {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes, limits: JSONLimits(bytes: 1 << 20)) } catch {
      throw CNIProblem("no JSON: \(error)")
    }
    try self.init(json, isList: isList)
  }

  public init(_ json: JSON, isList: Bool) throws(CNIProblem) {
    guard let name = json["name"]?.string, Self.isName(name) else {
      throw CNIProblem("'name' is missing, or not of letters, digits, '.', '_', '-'")
    }
    self.name = name
    version = json["cniVersion"]?.string ?? "0.2.0"
    plugins = isList ? json["plugins"]?.array ?? [] : [json]
    disablesCheck = Self.flag(json["disableCheck"])
    disablesGC = Self.flag(json["disableGC"])
    guard !plugins.isEmpty else { throw CNIProblem("it names no plugin") }
    for plugin in plugins where plugin["type"]?.string.map(Self.isPluginType) != true {
      throw CNIProblem("'type' of a plugin is missing, or not a file's name of letters, digits, '.', '_', '-'")
    }
  }

  private static func flag(_ json: JSON?) -> Bool { json?.bool ?? (json?.string.map { ["true", "1"].contains($0) } ?? false) }

  /// What a network may be called.
  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "_"), first != UInt8(ascii: "-") else {
      return false
    }
    return isPluginType(text)
  }

  /// A trust boundary: the type becomes a file's name. Source: CVE-2021-20206.
  static func isPluginType(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count) && text != "." && text != ".."
      && text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95].contains(byte)
      }
  }

  /// The programs that it needs.
  public var pluginTypes: [String] { plugins.compactMap { $0["type"]?.string } }

  /// Whether one of the plugins takes `capability`.
  func has(_ capability: String) -> Bool { plugins.contains { Self.has(capability, $0) } }
  static func has(_ capability: String, _ plugin: JSON) -> Bool { plugin["capabilities"]?[capability]?.bool == true }

  /// Whether its version is `minor` or later of major version 1 (or a later major one).
  func isAtLeast(minor: Int) -> Bool {
    let parts = version.split(separator: ".").map { Int($0) ?? 0 }
    guard let major = parts.first else { return false }
    return major > 1 || (major == 1 && parts.count > 1 && parts[1] >= minor)
  }

  public var json: JSON { ["cniVersion": .string(version), "name": .string(name), "plugins": .array(plugins)] }

  /// What one plugin reads on its standard input. Source: section 3 "Deriving execution configuration from plugin configuration".
  func configuration(of plugin: JSON, capabilities: JSONObject, previous: JSON?) -> JSON {
    var object = plugin.object ?? [:]
    object["name"] = .string(name)
    object["cniVersion"] = .string(version)
    object["capabilities"] = nil
    var runtime = JSONObject()
    for (key, value) in capabilities where Self.has(key, plugin) { runtime[key] = value }
    if !runtime.isEmpty { object["runtimeConfig"] = .object(runtime) }
    object["prevResult"] = previous
    return .object(object)
  }
}

/// Why a CNI file or answer is of no use, in words.
public struct CNIProblem: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// What a plugin's ADD gave. Source: section 5 "Result Types".
public struct CNIResult: Sendable, Hashable {
  public var json: JSON

  public init(_ json: JSON) { self.json = json }

  /// Addresses of the pod, without those of other interfaces that the result tells of; in its order.
  public var addresses: [IPPrefix] {
    let own = (json["interfaces"]?.array ?? []).map { ($0["sandbox"]?.string ?? "").isEmpty == false }
    let newer = (json["ips"]?.array ?? []).compactMap { item -> IPPrefix? in
      if let at = item["interface"]?.integer, own.indices.contains(Int(clamping: at)), !own[Int(clamping: at)] { return nil }
      return item["address"]?.string.flatMap { IPPrefix($0) }
    }
    // Until version 0.2.0.
    return newer + ["ip4", "ip6"].compactMap { json[$0]?["ip"]?.string.flatMap { IPPrefix($0) } }
  }

  /// Of the interfaces inside the pod, lower case.
  public var macs: [String] {
    (json["interfaces"]?.array ?? []).filter { ($0["sandbox"]?.string ?? "").isEmpty == false }.compactMap {
      $0["mac"]?.string?.lowercased()
    }
  }

  public var nameservers: [String] { (json["dns"]?["nameservers"]?.array ?? []).compactMap(\.string).filter(IPAddressText.isValid) }
  public var searches: [String] { (json["dns"]?["search"]?.array ?? []).compactMap(\.string) }
}
