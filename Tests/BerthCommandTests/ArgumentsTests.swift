import Testing

@testable import berth

@Suite("global options before the verb")
struct ArgumentsTests {
  @Test(
    "they are moved behind it",
    arguments: [
      (["-n", "prod", "status", "web"], ["status", "-n", "prod", "web"]),
      (["--output=json", "-a", "/s", "diff"], ["diff", "--output=json", "-a", "/s"]),
      (["-A", "status"], ["status", "-A"]),
      (["-A", "-o", "json", "status", "web"], ["status", "-A", "-o", "json", "web"]),
      (["-a", "/s", "image", "ls"], ["image", "ls", "-a", "/s"]),
      (["-a", "/s", "c", "create", "i", "n", "x"], ["c", "create", "-a", "/s", "i", "n", "x"]),
      (["-a", "/s", "run", "task", "ls"], ["run", "-a", "/s", "task", "ls"]),
      (["-a", "/s", "no-such", "x"], ["no-such", "-a", "/s", "x"]),
      (["status", "-n", "prod"], ["status", "-n", "prod"]),
      (["--version"], ["--version"]),
      (["-n"], ["-n"]),
      (["-n", "prod"], ["-n", "prod"]),
      (["-n", "prod", "--help"], ["-n", "prod", "--help"]),
      ([], []),
    ])
  func normalised(_ given: [String], _ expected: [String]) { #expect(Arguments.normalised(given) == expected) }

  @Test(
    "a word that names no command is told with the one that was meant",
    arguments: [
      (["statsu"], "berth has no command 'statsu'; did you mean status?"),
      (["image", "pul", "x"], "berth image has no command 'pul'; did you mean pull?"),
      (["xyzzy"], "berth has no command 'xyzzy'; berth --help lists them"),
      (["status", "statsu"], nil), (["logs", "image"], nil), (["help", "logs"], nil), (["--version"], nil), ([], nil), (["image"], nil),
      (["i", "ls"], nil), (["image", "--help"], nil),
    ] as [([String], String?)])
  func unknownVerb(_ given: [String], _ complaint: String?) { #expect(Arguments.unknownVerb(given) == complaint) }
}
