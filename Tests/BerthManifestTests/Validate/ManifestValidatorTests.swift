import BerthManifest
import Testing

@Suite("berth validate")
struct ManifestValidatorTests {
  private func validate(_ files: [(String, String)]) -> [String] {
    ManifestValidator.validate(files: files.map { ($0.0, Array($0.1.utf8)) }).map(\.summary)
  }
  private func pod(_ lines: String = "", ports: String = "[]", network: String = "host") -> String {
    "\(lines)\nnetwork = \"\(network)\"\n[[container]]\nimage = \"a\"\nports = \(ports)\n"
  }

  @Test("good files say nothing")
  func good() {
    #expect(validate([("a.toml", pod(ports: "[\"80\"]")), ("b.toml", pod(ports: "[\"81\", \"80/udp\"]"))]) == [])
  }

  @Test("a pod that two files define is an error that names both")
  func duplicate() {
    #expect(
      validate([("x/a.toml", pod()), ("y/b.toml", pod("name = \"a\""))]) == [
        "y/b.toml:1:8: error: pod default/a is defined twice: here and in x/a.toml"
      ])
    #expect(validate([("x/a.toml", pod()), ("y/a.toml", pod("namespace = \"n\""))]) == [])
    #expect(validate([("x/a.toml", pod("foo = 1")), ("y/a.toml", pod())]).count == 2)
  }

  @Test("a port of the node that two pods take is an error that names both")
  func clash() {
    #expect(
      validate([("a.toml", pod(ports: "[\"8080\"]")), ("b.toml", pod(ports: "[\"80\", \"8080\"]"))]) == [
        "b.toml:5:16: error: port 8080/tcp of the node is already taken by pod default/a (a.toml)"
      ])
    #expect(validate([("a.toml", pod(ports: "[\"8080\"]")), ("b.toml", pod(ports: "[\"8080\"]", network: "none"))]) == [])
    let local = { (address: String) in pod(ports: "[\"\(address):80:80\"]") }
    #expect(validate([("a.toml", local("127.0.0.1")), ("b.toml", local("127.0.0.2"))]) == [])
    #expect(validate([("a.toml", local("127.0.0.1")), ("b.toml", local("127.0.0.1"))]).count == 1)
    #expect(validate([("a.toml", local("127.0.0.1")), ("b.toml", local("0.0.0.0"))]).count == 1)
  }

  @Test("the errors of every file are reported, in order")
  func all() {
    #expect(
      validate([("a.toml", "x = 1\n" + pod()), ("b.toml", pod() + "[[volume]]"), ("c.toml", "=")]).map { $0.prefix(12) } == [
        "a.toml:1:1: ", "b.toml:6:1: ", "b.toml:6:1: ", "c.toml:1:1: ",
      ])
  }

  @Test("pods that wait for each other in a circle are an error in each of their files, and nobody else's")
  func circle() {
    func file(_ name: String, _ on: String) -> (path: String, bytes: [UInt8]) {
      ("\(name).toml", Array("network = \"none\"\ndepends_on = [\(on)]\n[[container]]\nimage = \"x:1\"\n".utf8))
    }
    let found = ManifestValidator.validate(files: [
      file("a", "\"b\""), file("b", "{ pod = \"c\", condition = \"started\" }"), file("c", "\"default/a\""), file("d", "\"a\""),
      file("e", "\"elsewhere/e\""),
    ])
    #expect(
      found.map { "\($0.file): \($0.message)" } == [
        "a.toml: depends_on goes in a circle: default/a → default/b → default/c → default/a",
        "b.toml: depends_on goes in a circle: default/b → default/c → default/a → default/b",
        "c.toml: depends_on goes in a circle: default/c → default/a → default/b → default/c",
      ])
    let own = ManifestValidator.validate(files: [file("a", "\"a\"")])
    #expect(own.map(\.message) == ["pod default/a can't depend on itself"])
  }

  @Test("who waits for the success of a pod that is always started again is warned where he says so")
  func endless() {
    func file(_ name: String, _ text: String) -> (path: String, bytes: [UInt8]) {
      ("\(name).toml", Array("network = \"none\"\n\(text)\n[[container]]\nimage = \"x:1\"\n".utf8))
    }
    let waiting = file("a", #"depends_on = ["job", { pod = "web", condition = "succeeded" }]"#)
    let found = ManifestValidator.validate(files: [waiting, file("web", ""), file("job", "restart_policy = \"never\"")])
    #expect(
      found.map { "\($0.summary)" } == [
        "a.toml:2:22: warning: pod default/web never succeeds, since its restart_policy is \"always\""
      ])
    #expect(found.map(\.severity) == [.warning])
    let good = file("web", "restart_policy = \"on-failure\"")
    #expect(ManifestValidator.validate(files: [waiting, good]).isEmpty)
    let ready = file("a", #"depends_on = [{ pod = "web", condition = "ready" }]"#)
    #expect(ManifestValidator.validate(files: [ready, file("web", "")]).isEmpty)
  }
}
