import ArgumentParser
import BerthClient
import BerthCore

extension ImageCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the images of this node.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let images = try options.client.json("GET", "/v1/images")["images"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(images).pretty()) }
      let rows = images.map { image in
        [
          image["reference"]?.string ?? "", String(image["digest"]?.string?.prefix(19) ?? ""), image["platform"]?.string ?? "",
          Terminal.size(image["size"]?.integer ?? 0), Terminal.age(of: image["pulled_at"]?.string),
        ]
      }
      Terminal.print(Terminal.table([["REFERENCE", "DIGEST", "PLATFORM", "SIZE", "PULLED"]] + rows))
    }
  }

  struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull", abstract: "Fetch an image, or look whether its tag means another one now.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As in a manifest.") var reference: String

    func run() throws {
      var outcome: JSON = .null
      let progress = PullProgress()
      try options.client.lines("POST", "/v1/images/pull", query: [("reference", reference)]) { line in
        if line["image"] != nil || line["error"] != nil { outcome = line } else { progress.show(line) }
        return true
      }
      progress.end()
      if let error = outcome["error"] { throw BerthError(api: error) }
      guard let image = outcome["image"] else {
        throw BerthError(.unavailable, "pull image", reference, cause: "berthd ended before the pull did")
      }
      Terminal.print(options.output == .json ? image.pretty() : image["digest"]?.string ?? "")
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Show an image's digests, layers and configuration.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As in a manifest.") var reference: String

    func run() throws {
      Terminal.print(try options.client.json("GET", "/v1/images/inspect", query: [("reference", reference)]).pretty())
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Forget images. Pods that run go on; prune frees what nothing needs.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As image ls prints them.") var references: [String]

    func run() throws {
      try Each.of(references) { _ = try options.client.json("DELETE", "/v1/images", query: [("reference", $0)]) }
    }
  }

  struct Tag: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tag", abstract: "Give an image a further name.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The image: a name, or sha256:… of its manifest.") var source: String
    @Argument(help: "The new name.") var target: String

    func run() throws {
      let answer = try options.client.json("POST", "/v1/images/tag", query: [("reference", source), ("target", target)])
      Terminal.print(options.output == .json ? answer.pretty() : answer["reference"]?.string ?? "")
    }
  }

  struct Pin: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pin", abstract: "Keep an image from being removed to make room.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As image ls prints it.") var reference: String

    func run() throws { _ = try options.client.json("POST", "/v1/images/pin", query: [("reference", reference), ("pinned", "true")]) }
  }

  struct Unpin: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unpin", abstract: "Let an image be removed to make room again.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As image ls prints it.") var reference: String

    func run() throws { _ = try options.client.json("POST", "/v1/images/pin", query: [("reference", reference), ("pinned", "false")]) }
  }

  struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "prune", abstract: "Remove layers and blobs that no image and no container needs.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let answer = try options.client.json("POST", "/v1/images/prune")
      Terminal.print(options.output == .json ? answer.pretty() : "freed \(Terminal.size(answer["freed_bytes"]?.integer ?? 0))")
    }
  }
}
