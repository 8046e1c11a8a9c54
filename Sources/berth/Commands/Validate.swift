import ArgumentParser
import BerthCore
import BerthLinux
import BerthManifest

struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check manifests, without a daemon: all errors of all files at once.")

  @OptionGroup var options: GlobalOptions
  @Flag(help: "Print the JSON Schema of manifests instead, for editors.") var schema = false
  @Flag(help: "Print the manifest reference instead.") var reference = false
  @Argument(help: "Manifests, or directories of them.") var paths: [String] = []

  func validate() throws {
    if !schema && !reference && paths.isEmpty { throw ValidationError("name a manifest, or a directory of them") }
  }

  func run() throws {
    if schema { return Terminal.print(ManifestSchema.jsonSchema().pretty()) }
    if reference { return Terminal.print(ManifestSchema.reference()) }
    let files = try ManifestFiles.read(paths)
    // Where a daemon lives, what listens here is in the way of its pods; anywhere else it says nothing about the node.
    let ports = Files.exists(options.socket) ? NodePorts() : nil
    let diagnostics = ManifestValidator.validate(files: files, contents: ManifestFiles.content) { transport, port, address in
      ListeningSocket.Transport(rawValue: transport.rawValue).flatMap { ports?.holder($0, port, on: address) }
    }
    if options.output == .json {
      Terminal.print(JSON.array(diagnostics.map(\.json)).pretty())
    } else {
      for diagnostic in diagnostics { Terminal.print(diagnostic.rendered) }
      if diagnostics.isEmpty { Terminal.print("\(files.count) manifest\(files.count == 1 ? "" : "s"): ok") }
    }
    if diagnostics.contains(where: { $0.severity == .error }) { throw ExitCode(1) }
  }
}

enum ManifestFiles {
  /// The files themselves, and `*.toml` below directories; paths absolute, so that what they name is found from there.
  static func read(_ paths: [String]) throws(BerthError) -> [(path: String, bytes: [UInt8])] {
    var files: [(path: String, bytes: [UInt8])] = []
    for path in paths {
      do throws(Errno) { try collect(absolute(path), &files, depth: 0) } catch {
        throw BerthError(error == .notFound ? .notFound : .unavailable, "read manifest", path, cause: "\(error)")
      }
    }
    return files
  }

  /// A file that a manifest takes content from.
  static func content(_ path: String) -> Result<FileContent, ContentProblem> {
    do throws(Errno) {
      guard try Files.status(path).kind == .regular else { return .failure(ContentProblem("is not a regular file")) }
      return .success(FileContent(try Files.read(path, limit: DecodedManifest.contentLimit)))
    } catch { return .failure(ContentProblem(error == .notFound ? "is not there" : "cannot be read: \(error)")) }
  }

  private static func absolute(_ path: String) throws(Errno) -> String {
    if path.hasPrefix("/") { return path }
    // As it is printed and as references in it are resolved: without what leads nowhere.
    let parts = path.split(separator: "/").filter { $0 != "." }
    return ([try Files.realPath(".")] + parts.map(String.init)).joined(separator: "/")
  }

  private static func collect(_ path: String, _ files: inout [(path: String, bytes: [UInt8])], depth: Int) throws(Errno) {
    guard try Files.status(path).kind == .directory else {
      files.append((path, try Files.read(path, limit: 1 << 20)))
      return
    }
    guard depth < 16 else { throw Errno.loop }
    for name in try Files.list(path) where !name.hasPrefix(".") && !name.hasSuffix("~") {
      let entry = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      let kind = (try? Files.status(entry))?.kind
      if kind == .directory || name.hasSuffix(".toml") { try collect(entry, &files, depth: depth + 1) }
    }
  }
}
