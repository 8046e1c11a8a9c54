import ArgumentParser

struct ImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "Look at, fetch, move and remove images.",
    subcommands: [
      List.self, Pull.self, Push.self, Inspect.self, Tag.self, Remove.self, Prune.self, Pin.self, Unpin.self, Export.self, Import.self,
      Mount.self,
      Unmount.self,
    ], aliases: ["images", "i"])
}
