import BerthCore
import BerthLinux

/// The group's directories and the kernel's files in them.
extension Cgroup {
  /// The group's directory in each hierarchy.
  public var directories: [String] { layout.hierarchies.map { $0.mountPoint + path } }

  /// The group's directory in the hierarchy of `controller`; nil where the machine has no such controller.
  func directory(_ controller: String) -> String? { layout.hierarchy(controller).map { $0.mountPoint + path } }

  func failure(_ operation: String, _ error: Errno, _ detail: String = "") -> BerthError {
    let code: ErrorCode =
      switch error {
      case .notFound: .notFound
      case .notPermitted, .accessDenied: .permissionDenied
      case .busy: .failedPrecondition
      case .invalid: .invalidArgument
      case .noSpace, .again: .resourceExhausted
      default: .unavailable
      }
    return BerthError(code, operation, detail.isEmpty ? path : "\(path) \(detail)", cause: error.description)
  }

  /// Writes to the file of a controller. `.unsupported` where the kernel has no such file.
  func write(_ value: String, to file: String, of controller: String) throws(BerthError) {
    guard let directory = directory(controller) else {
      throw BerthError(.unsupported, "limit cgroup", "\(path) \(file)", cause: "this machine has no \(controller) controller")
    }
    do throws(Errno) { try Files.write(value, to: "\(directory)/\(file)") } catch {
      if error == .notFound, exists() {
        throw BerthError(.unsupported, "limit cgroup", "\(path) \(file)", cause: "this kernel has no such limit")
      }
      throw failure("limit cgroup", error, "\(file) = \(value)")
    }
  }

  func read(_ file: String, of controller: String) throws(Errno) -> String {
    guard let directory = directory(controller) else { throw .notFound }
    return try Files.readText("\(directory)/\(file)", limit: 1 << 20)
  }

  /// The number in a file of one line; nil where the file isn't there or says `max`.
  func number(_ file: String, of controller: String) -> UInt64? {
    guard let text = try? read(file, of: controller) else { return nil }
    return UInt64(text.prefix { $0 != "\n" })
  }

  /// The number after `key` in a file of lines `key number`.
  func number(_ key: String, in file: String, of controller: String) -> UInt64? {
    guard let text = try? read(file, of: controller) else { return nil }
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, fields[0] == key { return UInt64(fields[1]) }
    }
    return nil
  }

  /// Whether the group is there in any hierarchy.
  public func exists() -> Bool { directories.contains { Files.exists($0) } }
}
