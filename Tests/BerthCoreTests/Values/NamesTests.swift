import BerthCore
import Testing

@Suite("Names")
struct NamesTests {
  @Test(
    "a label is 1 to 63 of a-z, 0-9 and '-', with neither end a '-'",
    arguments: ["a", "0", "a-b", "a--b", "web1", String(repeating: "a", count: 63)])
  func labels(text: String) {
    #expect(DNSLabel.isValid(text))
  }

  @Test(
    "anything else is no label",
    arguments: [
      "", "-a", "a-", "-", "A", "a_b", "a.b", "a/b", "..", "a b", "a\n", "a\0", "é", "a\u{301}", "-\u{301}a",
      String(repeating: "a", count: 64),
    ])
  func notLabels(text: String) {
    #expect(!DNSLabel.isValid(text))
  }

  @Test("a pod is name or namespace/name")
  func podKeys() {
    #expect(PodKey("web") == PodKey(namespace: "default", name: "web"))
    #expect(PodKey("web", defaultNamespace: "x") == PodKey(namespace: "x", name: "web"))
    #expect(PodKey("prod/web")?.description == "prod/web")
    for text in ["", "/", "a/", "/a", "a/b/c", "A", "a/B", "../a"] { #expect(PodKey(text) == nil, "\(text)") }
    #expect(PodKey("a", defaultNamespace: "A") == nil)
    #expect([PodKey(namespace: "b", name: "a"), PodKey(namespace: "a", name: "z")].min()?.namespace == "a")
  }

  @Test(
    "signals are known by name and number",
    arguments: [
      ("SIGTERM", 15), ("TERM", 15), ("15", 15), ("SIGHUP", 1), ("SIGSYS", 31), ("1", 1), ("64", 64), ("SIGRTMIN", 34), ("SIGRTMIN+3", 37),
      ("RTMAX", 64), ("SIGRTMAX-14", 50), ("SIGIOT", 6), ("SIGPOLL", 29), ("SIGSTKFLT", 16), ("WINCH", 28),
    ])
  func signals(text: String, number: Int32) {
    #expect(SignalName.number(text) == number)
  }

  @Test(
    "anything else is no signal",
    arguments: [
      "", "0", "65", "-1", "+9", "SIG", "sigterm", "SIGSIGTERM", "SIGRTMIN+31", "SIGRTMIN-1", "SIGRTMAX+1", "SIGRTMIN+", "SIGFOO", "015x",
      "999999999999",
    ])
  func notSignals(text: String) {
    #expect(SignalName.number(text) == nil)
  }
}

@Suite("Addresses and paths")
struct AddressAndPathTests {
  @Test(
    "addresses",
    arguments: [
      "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "1::", "fe80::1:2", "2001:db8:0:0:0:0:0:1", "2001:DB8::A", "::ffff:10.0.0.1",
      "1:2:3:4:5:6:7::",
      "1:2:3:4:5:6:1.2.3.4",
    ])
  func addresses(text: String) {
    #expect(IPAddressText.isValid(text))
  }

  @Test(
    "anything else is no address",
    arguments: [
      "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.", "a.b.c.d", "+1.2.3.4", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::", "g::", "::1%lo", "[::1]", "1:2:3:4:5:6:7:8::", "::1.2.3", "1.2.3.4::", ":1", "1:", "::1:", "localhost", "１.2.3.4",
    ])
  func notAddresses(text: String) {
    #expect(!IPAddressText.isValid(text))
  }

  @Test(
    "relative paths start at a folder, absolute ones stay",
    arguments: [
      ("x", "/m/x"), ("./x", "/m/x"), ("../x", "/x"), ("../../../x", "/x"), ("a/../b//c/.", "/m/b/c"), ("/abs/../y", "/abs/../y"),
      ("", "/m"),
      ("/\u{301}x", "/\u{301}x"),
    ])
  func resolve(path: String, expected: String) {
    #expect(LexicalPath.resolve(path, from: "/m") == expected)
  }

  @Test("paths are normalised as text")
  func normalize() {
    #expect(LexicalPath.normalize("/data/") == "/data")
    #expect(LexicalPath.normalize("/") == "/")
    #expect(LexicalPath.normalize("//a///b") == "/a/b")
    #expect(LexicalPath.normalize("../a/../../b") == "../../b")
    #expect(LexicalPath.normalize("a/..") == ".")
    #expect(LexicalPath.folder(of: "/a/b.toml") == "/a" && LexicalPath.folder(of: "/b") == "/" && LexicalPath.folder(of: "b") == ".")
    #expect(LexicalPath.name(of: "/a/b.toml") == "b.toml" && LexicalPath.name(of: "b") == "b" && LexicalPath.name(of: "a/") == "")
  }
}

@Suite("Errors")
struct BerthErrorTests {
  @Test("an error reads operation, subject, cause")
  func text() {
    #expect(BerthError(.notFound, "pull image", "a:1", cause: "no such tag").description == "pull image (a:1): no such tag")
    #expect(BerthError(.bug, "plan", cause: "x").description == "plan: x")
  }

  @Test("every code has an HTTP status, and only what may pass by itself is retryable")
  func codes() {
    #expect(ErrorCode.allCases.allSatisfy { (400...599).contains($0.httpStatus) })
    #expect(Set(ErrorCode.allCases.filter(\.isRetryable)) == [.unavailable, .resourceExhausted, .deadlineExceeded, .cancelled])
    #expect(ErrorCode.allCases.allSatisfy { ErrorCode(rawValue: $0.rawValue) == $0 })
  }
}
