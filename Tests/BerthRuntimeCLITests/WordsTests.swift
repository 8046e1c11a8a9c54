import BerthCore
import Testing

@testable import BerthRuntimeCLI

@Suite("the command line")
struct WordsTests {
  private let grammar = Grammar(flags: ["detach d"], values: ["bundle b", "env e"])

  @Test("options are read as Go's flag package reads them")
  func forms() throws {
    let words = try Words(["-d", "--bundle=/b", "id", "-e", "A=1", "--env", "B=2", "--detach=false", "rest"], grammar, command: "run")
    #expect(words.rest == ["id", "rest"])
    #expect(words.value("bundle") == "/b")
    #expect(words.values("env") == ["A=1", "B=2"])
    #expect(!words.has("detach"))
  }

  @Test("what stands behind two dashes or, where asked, behind the first argument is no option")
  func ends() throws {
    #expect(try Words(["--", "-d"], grammar, command: "run").rest == ["-d"])
    var exec = grammar
    exec.mixes = false
    let words = try Words(["-d", "id", "ls", "-d"], exec, command: "exec")
    #expect(words.rest == ["id", "ls", "-d"])
    #expect(words.has("detach"))
  }

  @Test("an unknown option and one without its value are refused", arguments: [["--nothing"], ["-b"]])
  func refused(words: [String]) {
    #expect(throws: BerthError.self) { try Words(words, grammar, command: "run") }
  }

  @Test("ids that lead out of the root are refused", arguments: ["", ".", "..", ".seccomp", "a/b", "../x", "a b", "ä", "a\n"])
  func ids(id: String) {
    #expect(throws: BerthError.self) { try ContainerStore.checked(id) }
  }
}
