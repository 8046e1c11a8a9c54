import ArgumentParser
import Testing

@testable import berth

@Suite("names of commands")
struct CommandNamesTests {
  private static func all(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    [command] + command.configuration.subcommands.flatMap { all(below: $0) }
  }

  /// The parser makes a missing one out of the type's name, of every command at every start: half of the time that a start took.
  @Test("every command says its own")
  func explicit() {
    let commands = Self.all(below: Berth.self)
    #expect(commands.count > 50)
    for command in commands { #expect(command.configuration.commandName != nil, "\(command)") }
  }
}
