import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

/// How a container made by hand is described: the words of `ctr run`.
struct ContainerOptions: ParsableArguments {
  @Option(name: [.long, .customShort("e")], help: "NAME=VALUE, or NAME for this shell's value.") var env: [String] = []
  @Option(help: "A file of NAME=VALUE lines.") var envFile: [String] = []
  @Option(help: "type=bind,src=/on/the/node,dst=/in/the/container,options=rbind:ro") var mount: [String] = []
  @Option(help: "NAME=VALUE.") var label: [String] = []
  @Option(help: "A device of the node: /dev/ttyUSB0.") var device: [String] = []
  @Option(help: "CAP_NET_ADMIN.") var capAdd: [String] = []
  @Option(help: "CAP_NET_RAW, ALL.") var capDrop: [String] = []
  @Option(help: "The command's working directory.") var cwd: String?
  @Option(name: [.long, .customShort("u")], help: "UID[:GID] or names in the image.") var user: String?
  @Option(help: "Default: the container's name.") var hostname: String?
  @Option(help: "64MiB, or a number of bytes.") var memoryLimit: String?
  @Option(help: "Cores: 0.5.") var cpus: String?
  @Flag(help: "Use the node's network.") var netHost = false
  @Flag(help: "Connect it to the default pod network; without it or --net-host there is loopback alone.") var cni = false
  @Flag(help: "Every capability and device.") var privileged = false
  @Flag(help: "No writing to the root file system.") var readOnly = false
  @Flag(name: [.long, .customShort("t")], help: "Give it a terminal.") var tty = false
  @Flag(name: [.long, .customShort("i")], help: "Keep its standard input open.") var interactive = false
  @Flag(name: .customLong("init"), help: "Run a small init that reaps and forwards signals.") var initProcess = false

  func manifest(_ key: PodKey, image: String, command: [String]) throws -> HandMadeManifest {
    var manifest = HandMadeManifest(namespace: key.namespace, name: key.name, image: image)
    manifest.command = command
    manifest.environment = try Self.pairs(env, option: "--env") { Terminal.environment($0) }
    manifest.environmentFiles = try envFile.map(Self.absolute)
    manifest.labels = try Self.pairs(label, option: "--label") { _ in nil }
    manifest.mounts = try mount.map { text in
      guard let mount = HandMadeManifest.Mount(text) else {
        throw ValidationError("--mount \(text): expected type=bind,src=PATH,dst=PATH[,options=ro]")
      }
      return mount
    }
    (manifest.devices, manifest.capabilities) = (device, (capAdd, capDrop))
    manifest.network = netHost ? "host" : cni ? "bridge" : "none"
    (manifest.hostname, manifest.workingDirectory, manifest.user) = (hostname, cwd, user)
    (manifest.memory, manifest.cpu) = (memoryLimit, cpus)
    for (isSet, flag) in [
      (privileged, HandMadeManifest.Flags.privileged), (readOnly, .readOnlyRoot), (tty, .terminal), (interactive, .standardInput),
      (initProcess, .initProcess),
    ] where isSet { manifest.flags.insert(flag) }
    return manifest
  }

  private static func absolute(_ path: String) throws -> String { path.hasPrefix("/") ? path : "\(try Files.realPath("."))/\(path)" }

  private static func pairs(_ texts: [String], option: String, _ fallback: (String) -> String?) throws -> [String: String] {
    var pairs: [String: String] = [:]
    for text in texts {
      let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard !sides[0].isEmpty, let value = sides.count == 2 ? sides[1] : fallback(sides[0]) else {
        throw ValidationError("\(option) \(text): expected NAME=VALUE")
      }
      pairs[sides[0]] = value
    }
    return pairs
  }
}

struct ContainerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "container", abstract: "Containers made by hand, which no manifest describes.",
    discussion: "A container is what is to run; its task is the process. berth run makes both.",
    subcommands: [Create.self, List.self, Info.self, Remove.self], aliases: ["containers", "c"])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a container without starting it.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var container: ContainerOptions
    @Argument(help: "As in a manifest.") var image: String
    @Argument(help: "NAME or NAMESPACE/NAME.") var name: String
    @Argument(parsing: .captureForPassthrough, help: "Instead of the image's.") var command: [String] = []

    func run() throws { try HandMade.create(options, container, image: image, name: name, command: command) }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List them.", aliases: ["list"])
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.customShort("A"), .long], help: "Of every namespace.") var allNamespaces = false
    @Flag(name: [.customShort("q"), .long], help: "Names alone.") var quiet = false

    func run() throws {
      let answer = try options.client.json("GET", "/v1/containers", query: allNamespaces ? [] : [("namespace", options.namespace)])
      let containers = answer["containers"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(containers).pretty()) }
      if quiet { return containers.forEach { Terminal.print($0["name"]?.string ?? "") } }
      let rows = containers.map { container in
        (allNamespaces ? [container["namespace"]?.string ?? ""] : []) + [
          container["name"]?.string ?? "", container["image"]?.string ?? "", container["has_task"]?.bool == true ? "yes" : "no",
          Terminal.age(of: container["created_at"]?.string),
        ]
      }
      Terminal.print(Terminal.table([(allNamespaces ? ["NAMESPACE"] : []) + ["CONTAINER", "IMAGE", "TASK", "AGE"]] + rows))
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Show one, its whole specification.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "NAME or NAMESPACE/NAME.") var name: String

    func run() throws { Terminal.print(try options.client.json("GET", try HandMade.path("containers", options.key(name))).pretty()) }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove containers whose task is gone.", aliases: ["delete", "del", "remove"])
    @OptionGroup var options: GlobalOptions
    @Argument(help: "NAME or NAMESPACE/NAME.") var names: [String]

    func run() throws { try Each.of(names) { _ = try options.client.json("DELETE", try HandMade.path("containers", options.key($0))) } }
  }
}

/// What the commands on containers made by hand share.
enum HandMade {
  static func path(_ kind: String, _ key: PodKey) -> String { "/v1/\(kind)/\(key.namespace)/\(key.name)" }

  /// Without a `--` in front, which `berth exec` and kubectl want there and ctr doesn't.
  static func words(_ command: [String]) -> [String] { command.first == "--" ? Array(command.dropFirst()) : command }

  static func create(_ options: GlobalOptions, _ container: ContainerOptions, image: String, name: String, command: [String]) throws {
    let key = try options.key(name)
    let manifest = try container.manifest(key, image: image, command: words(command))
    _ = try options.client.json("POST", path("containers", key), text: manifest.toml)
  }
}
