import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

extension ImageCommand {
  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "export", abstract: "Write images to one archive.")
    @OptionGroup var options: GlobalOptions
    @Option(help: "oci, or docker for docker load.") var format: Format = .oci
    @Argument(help: "The archive; - is standard output.") var file: String
    @Argument(help: "As image ls prints them.") var references: [String]

    enum Format: String, ExpressibleByArgument, CaseIterable { case oci, docker }

    func run() throws {
      let body: JSON = ["references": .strings(references), "format": .string(format.rawValue)]
      if file == "-" {
        guard !Terminal.isTerminal else {
          throw BerthError(.invalidArgument, "export images", file, cause: "an archive doesn't go to a terminal: redirect it")
        }
        return try options.client.bytes("POST", "/v1/images/export", body: body) { (piece) throws(BerthError) in Terminal.write(piece) }
      }
      // Under its name only when it is whole.
      let draft = try DraftFile.replacing(file)
      try options.client.bytes("POST", "/v1/images/export", body: body) { (piece) throws(BerthError) in try draft.write(piece) }
      try draft.publish()
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Read images from an OCI archive or layout directory, or from a docker-archive.",
      discussion: """
        An archive's names are its author's claim, so nothing is named unless you ask: images are kept under their digest. --tag names the \
        one image, --names takes the archive's names over, in place of what they stood for.
        """)
    @OptionGroup var options: GlobalOptions
    @Option(help: "Name for the one image that is imported.") var tag: String?
    @Flag(help: "Take over the names that the archive has.") var names = false
    @Option(help: "Only the image of that name or position (@0) in the archive.") var image: String?
    @Argument(help: "Archive or directory; - is standard input.") var file: String

    func validate() throws {
      if tag != nil, names { throw ValidationError("--tag and --names exclude each other") }
    }

    func run() throws {
      let spool = file == "-" ? try DraftFile.standardInput() : nil
      let path = if let spool { spool.path } else { try Self.absolute(file) }
      var query = [("path", path)]
      if let tag { query.append(("tag", tag)) }
      if names { query.append(("names", "true")) }
      if let image { query.append(("image", image)) }
      var outcome: JSON = .null
      let progress = PullProgress()
      try options.client.lines("POST", "/v1/images/import", query: query) { line in
        if line["images"] != nil || line["error"] != nil { outcome = line } else if options.output == .text { progress.show(line) }
        return true
      }
      progress.end()
      if let error = outcome["error"] { throw Self.named(BerthError(api: error), spool) }
      guard let images = outcome["images"]?.array else {
        throw BerthError(.unavailable, "import images", file, cause: "berthd ended before the import did")
      }
      if options.output == .json { return Terminal.print(JSON.array(images).pretty()) }
      for image in images { Terminal.print(Self.line(image, wantsNames: names)) }
    }

    /// Nobody knows the file that standard input was written to by its name.
    private static func named(_ error: BerthError, _ spool: DraftFile?) -> BerthError {
      guard let path = spool?.path else { return error }
      func plain(_ text: String) -> String { text.replacing(path, with: "standard input") }
      return BerthError(error.code, error.operation, plain(error.subject), cause: plain(error.cause))
    }

    /// What it is called now, and what else the archive calls it.
    private static func line(_ image: JSON, wantsNames: Bool) -> String {
      let names = (image["names"]?.array ?? []).compactMap(\.string)
      let digest = image["digest"]?.string ?? ""
      let claimed = (image["claimed_names"]?.array ?? []).compactMap(\.string)
      if names == [digest] {
        if claimed.isEmpty { return digest }
        let words = Terminal.clean(claimed.joined(separator: ", "))
        return "\(digest)  (the archive calls it \(words)\(wantsNames ? ", which is no whole name: --image and --tag give one" : ""))"
      }
      return names.map { "\($0)  \(digest)" }.joined(separator: "\n")
    }

    private static func absolute(_ path: String) throws(BerthError) -> String {
      do throws(Errno) { return try Files.realPath(path) } catch {
        throw BerthError(error == .notFound ? .notFound : .unavailable, "import images", path, cause: "\(error)")
      }
    }
  }

  struct Mount: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mount", abstract: "Show an image's files, read-only, at a directory.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As in a manifest.") var reference: String
    @Argument(help: "An existing directory.") var target: String

    func run() throws {
      let path = try MountPoint.absolute(target)
      _ = try options.client.json("POST", "/v1/images/mount", query: [("reference", reference), ("target", path)])
    }
  }

  struct Unmount: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unmount", abstract: "End a mount of an image.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The directory.") var target: String

    func run() throws {
      _ = try options.client.json("POST", "/v1/images/unmount", query: [("target", try MountPoint.absolute(target))])
    }
  }
}

private enum MountPoint {
  static func absolute(_ path: String) throws(BerthError) -> String {
    do throws(Errno) { return try Files.realPath(path) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "find directory", path, cause: "\(error)")
    }
  }
}
