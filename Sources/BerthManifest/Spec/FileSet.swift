import BerthCore

/// The bytes of a file that a manifest holds or names.
public struct FileContent: Hashable, Sendable, ExpressibleByStringLiteral {
  public var bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public init(_ text: String) { bytes = Array(text.utf8) }
  public init(stringLiteral value: String) { self.init(value) }

  /// As a variable's value: one line break at the end is the editor's, not the value's. nil for what no variable can hold.
  public var variable: String? {
    let trimmed = bytes.last == 10 ? bytes.dropLast() : bytes[...]
    return trimmed.contains(0) ? nil : String(validating: trimmed, as: UTF8.self)
  }
}

/// A file of the node that a manifest refers to. Its content is part of the spec and of its hash.
public struct ContentFile: Hashable, Sendable {
  /// Absolute, once the manifest's folder is.
  public var path: String
  /// nil until it was read.
  public var content: FileContent?
  public init(path: String, content: FileContent? = nil) {
    self.path = path
    self.content = content
  }
}

/// The generated files of a config or secret volume.
public struct FileSet: Hashable, Sendable {
  /// What becomes of containers when only content changes.
  public enum OnChange: Hashable, Sendable {
    /// The pod is made anew.
    case restart
    /// The files are replaced in the running pod, then the containers that mount them get this signal (a name: `SIGHUP`).
    case signal(String)
    /// The files are replaced in the running pod.
    case none
  }

  /// Written in the manifest, by name.
  public var files: [String: FileContent] = [:]
  /// Of the node, by their name in the volume.
  public var from: [String: ContentFile] = [:]
  public var onChange: OnChange = .restart

  public init(files: [String: FileContent] = [:], from: [String: ContentFile] = [:], onChange: OnChange = .restart) {
    self.files = files
    self.from = from
    self.onChange = onChange
  }

  /// Every file by its name.
  public var contents: [String: FileContent] {
    files.merging(from.mapValues { $0.content ?? "" }) { own, _ in own }
  }
}

extension FileSet.OnChange {
  /// As manifests write it; nil for anything else.
  public init?(text: String) {
    switch text {
    case "restart": self = .restart
    case "none": self = .none
    default:
      guard text.hasPrefix("signal:"), SignalName.number(String(text.dropFirst(7))) != nil else { return nil }
      self = .signal(String(text.dropFirst(7)))
    }
  }

  public var text: String {
    switch self {
    case .restart: "restart"
    case .none: "none"
    case .signal(let name): "signal:\(name)"
    }
  }
}
