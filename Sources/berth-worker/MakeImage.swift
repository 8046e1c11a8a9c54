import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc

/// `berth-worker make-image`: a directory as an image of one layer, in an OCI archive.
enum MakeImage {
  static let usage = """
    usage: berth-worker make-image --rootfs DIR --output FILE.tar --ref NAME:TAG
           [--entrypoint JSON] [--cmd JSON] [--env K=V]… [--workdir DIR] [--user USER] [--label K=V]… [--stop-signal SIGNAL]
    """

  static func complain(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  private struct Options {
    var rootfs = ""
    var output = ""
    var name = ""
    var config = ImageConfig()
  }

  /// The exit code: 0, 1 for a failure, 64 for wrong usage.
  static func main(_ arguments: [String]) -> Int32 {
    let options: Options
    do throws(BerthError) { options = try parse(arguments) } catch {
      complain("berth-worker: \(error)\n\(usage)")
      return 64
    }
    do throws(BerthError) {
      var builder = ImageBuilder(config: options.config)
      try builder.addLayer { (tar) throws(BerthError) in try DirectoryLayer.write(options.rootfs, to: tar) }
      try ImageBuilder.writeArchive(builder.layout(named: options.name), to: options.output)
      print(builder.descriptor(named: nil).digest)
      return 0
    } catch {
      complain("berth-worker: \(error)")
      return 1
    }
  }

  private static func parse(_ arguments: [String]) throws(BerthError) -> Options {
    func refuse(_ subject: String, _ cause: String) -> BerthError { BerthError(.invalidArgument, "make image", subject, cause: cause) }
    var options = Options()
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { throw refuse(option, "it needs a value") }
      switch option {
      case "--rootfs": options.rootfs = value
      case "--output": options.output = value
      case "--ref": options.name = value
      case "--entrypoint": options.config.entrypoint = try words(value, option)
      case "--cmd": options.config.cmd = try words(value, option)
      case "--env":
        guard value.contains("="), !value.hasPrefix("=") else { throw refuse(option, "it has the form KEY=VALUE") }
        options.config.env.append(value)
      case "--label":
        let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else { throw refuse(option, "it has the form KEY=VALUE") }
        options.config.labels[parts[0]] = parts[1]
      case "--workdir": options.config.workingDir = value
      case "--user": options.config.user = value
      case "--stop-signal": options.config.stopSignal = value
      default: throw refuse(option, "there is no such option")
      }
    }
    for (option, value) in [("--rootfs", options.rootfs), ("--output", options.output), ("--ref", options.name)] where value.isEmpty {
      throw refuse(option, "it is missing")
    }
    return options
  }

  /// A JSON list of strings.
  private static func words(_ text: String, _ option: String) throws(BerthError) -> [String] {
    guard let items = (try? JSON(parsing: text))?.array else {
      throw BerthError(.invalidArgument, "make image", option, cause: "it is no JSON list of strings")
    }
    return items.compactMap(\.string)
  }
}
