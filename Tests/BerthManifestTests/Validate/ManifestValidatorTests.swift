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
}
