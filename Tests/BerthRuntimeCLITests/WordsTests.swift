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

  @Test(
    "numbers of bytes are read as engines in Go write them",
    arguments: [
      ("-1", -1), ("0", 0), ("1", 1), ("512b", 512), ("1k", 1 << 10), ("64M", 64 << 20), ("1.5g", 3 << 29), ("10MiB", 10 << 20),
      ("2 KB", 2 << 10), ("1tb", 1 << 40), (".5k", 512), ("8191p", 8191 << 50),
    ] as [(String, Int64)])
  func bytes(text: String, amount: Int64) { #expect(UpdateCommand.bytes(text) == amount) }

  @Test(
    "what is no number of bytes is none",
    arguments: ["-2", "+1", "k", "1e9", "0x10", "1ib", "1bb", "1  k", "1kk", "1..5k", "8192p", "9223372036854775808"])
  func noBytes(text: String) { #expect(UpdateCommand.bytes(text) == nil) }

  @Test("ids that lead out of the root are refused", arguments: ["", ".", "..", ".seccomp", "a/b", "../x", "a b", "ä", "a\n"])
  func ids(id: String) {
    #expect(throws: BerthError.self) { try ContainerStore.checked(id) }
  }
}
