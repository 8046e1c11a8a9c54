import BerthCore

/// What a manifest was built for. Source: OCI image-spec image-index.md "platform".
public struct Platform: Sendable, Hashable, CustomStringConvertible {
  public var os: String
  public var architecture: String
  public var variant: String?

  public init(os: String, architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }

  public init(_ value: JSON, name: String) throws(ImageFormatError) {
    let fields = try ImageFields(value, name)
    self.init(
      os: try fields.string("os") ?? "", architecture: try fields.string("architecture") ?? "", variant: try fields.string("variant"))
  }

  /// This node's, in Go's names.
  public static var host: Platform {
    #if arch(x86_64)
      Platform(os: "linux", architecture: "amd64")
    #elseif arch(arm64)
      Platform(os: "linux", architecture: "arm64", variant: "v8")
    #else
      #error("a platform nobody has tried Berth on")
    #endif
  }

  /// Whether something built for `self` runs on `node`: the same system and architecture, and no variant above the node's.
  public func runs(on node: Platform) -> Bool {
    guard os == node.os, architecture == node.architecture else { return false }
    return level <= node.level
  }

  /// The variant as a number: `v8` is 8. Without a variant it is the architecture's first.
  var level: Int {
    let floor = architecture == "arm64" ? 8 : architecture == "arm" ? 7 : 1
    guard let variant, variant.hasPrefix("v"), let number = Int(variant.dropFirst().prefix { $0.isNumber }) else { return floor }
    return number
  }

  public var json: JSON {
    var object: JSONObject = ["architecture": .string(architecture), "os": .string(os)]
    if let variant { object["variant"] = .string(variant) }
    return .object(object)
  }

  public var description: String { "\(os)/\(architecture)\(variant.map { "/\($0)" } ?? "")" }
}
