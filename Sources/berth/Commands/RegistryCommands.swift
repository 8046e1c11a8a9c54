import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

extension ImageCommand {
  struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "push", abstract: "Take an image to the registry that its name says.",
      discussion: """
        berth image tag gives an image a further name. Of an image for several platforms this node's is pushed, which is what the store has.
        """)
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As image ls prints it.") var reference: String

    func run() throws {
      var outcome: JSON = .null
      let progress = PullProgress()
      try options.client.lines("POST", "/v1/images/push", query: [("reference", reference)]) { line in
        if line["pushed"] != nil || line["error"] != nil { outcome = line } else { progress.show(line) }
        return true
      }
      progress.end()
      if let error = outcome["error"] { throw BerthError(api: error) }
      guard let pushed = outcome["pushed"] else {
        throw BerthError(.unavailable, "push image", reference, cause: "berthd ended before the push did")
      }
      let others = (pushed["left_out"]?.array ?? []).compactMap(\.string)
      if !others.isEmpty {
        Terminal.printError(
          "berth: only the image for \(pushed["platform"]?.string ?? "this node") was pushed; the store doesn't have the ones for "
            + others.joined(separator: ", "))
      }
      Terminal.print(options.output == .json ? pushed.pretty() : pushed["digest"]?.string ?? "")
    }
  }
}

struct Login: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Keep a registry's user name and password for the node's pulls and pushes.",
    discussion: "The registry is asked first: what it refuses isn't kept. Credentials go to the daemon's auth_file, a Docker config.json.")
  @OptionGroup var options: GlobalOptions
  @Option(name: [.short, .long], help: "The user. Without it, it is asked for.") var username: String?
  @Flag(help: "Read the password from standard input instead of asking for it.") var passwordStdin = false
  @Argument(help: "HOST or HOST:PORT.") var registry: String = "docker.io"

  func validate() throws {
    if passwordStdin, username == nil { throw ValidationError("--password-stdin needs --username") }
  }

  func run() throws {
    let user = try username ?? Terminal.ask("Username: ", echo: true)
    let password = passwordStdin ? try Terminal.standardInputLine() : try Terminal.ask("Password: ", echo: false)
    _ = try options.client.json(
      "POST", "/v1/registries/login",
      body: ["registry": .string(registry), "username": .string(user), "password": .string(password)])
    Terminal.print(options.output == .json ? JSON.object(["registry": .string(registry)]).pretty() : "logged in to \(registry)")
  }
}

struct Logout: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "logout", abstract: "Forget a registry's user name and password.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "HOST or HOST:PORT.") var registry: String = "docker.io"

  func run() throws {
    let answer = try options.client.json("POST", "/v1/registries/logout", query: [("registry", registry)])
    if options.output == .json { return Terminal.print(answer.pretty()) }
    Terminal.print(answer["removed"]?.bool == true ? "logged out of \(registry)" : "not logged in to \(registry)")
  }
}
