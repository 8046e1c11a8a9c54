import BerthCore
import Testing

@testable import BerthManifest

@Suite("Texts in manifests")
struct TextTests {
  @Test(
    "a port text means these ports",
    arguments: [
      ("80", "80/tcp"), ("53/udp", "53/udp"), ("8080:80", "8080:80/tcp"), ("127.0.0.1:8080:80/udp", "127.0.0.1:8080:80/udp"),
      ("[::1]:8080:80", "::1:8080:80/tcp"), ("::1:8080:80", "::1:8080:80/tcp"),
      ("8000-8002:9000-9002/sctp", "8000:9000/sctp 8001:9001/sctp 8002:9002/sctp"),
      ("65534-65535", "65534/tcp 65535/tcp"), ("1-1", "1/tcp"),
    ])
  func ports(text: String, expected: String) {
    let ports = PortText.parse(text).ports.map { port in
      (port.hostIP.map { "\($0):" } ?? "") + (port.host.map { "\($0):" } ?? "") + "\(port.container)/\(port.transport.rawValue)"
    }
    #expect(ports.joined(separator: " ") == expected)
  }

  @Test(
    "anything else is no port text",
    arguments: [
      "", "0", "65536", "a", "80/", "80/icmp", "80/tcp/udp", ":80", "80:", "1:2:3:4", "127.0.0.1:80", "300.0.0.1:1:1", "[::1]:80",
      "[::1:80:80",
      "8000-8002:9000-9001", "8-7", "1-2-3", "+80", "-80", " 80", "1-65535:1-65535", "８0", "99999999999999999999",
    ])
  func badPorts(text: String) {
    #expect(PortText.parse(text).problem != nil)
    #expect(PortText.parse(text).ports.isEmpty)
  }

  @Test(
    "a mount text is volume, path and how",
    arguments: ["data", "data:", "data:x", ":/x", "data:/x:rx", "data:/x:ro:z", "Data:/x", "data:/a/../b"])
  func badMounts(text: String) {
    #expect(MountText.parse(text) == nil)
  }

  @Test("a mount text may say ro or rw")
  func mounts() {
    #expect(MountText.parse("data:/x")?.readOnly == false)
    #expect(MountText.parse("data:/x:rw")?.readOnly == false)
    #expect(MountText.parse("data:/x:ro")?.readOnly == true)
  }

  @Test(
    "users and owners are numbers that fit, or names", arguments: ["0", "0:0", "4294967294", "www-data", "www-data:100", "_apt:nogroup"])
  func users(text: String) {
    #expect(UserText.problem(in: text) == nil)
  }

  @Test(
    "what can't be a user is refused",
    arguments: ["", ":", "a:", ":1", "1:2:3", "4294967295", "+1", "-1", "0x0", "1a", "a b", "a/b", "a\u{7F}"])
  func badUsers(text: String) {
    #expect(UserText.problem(in: text) != nil)
    #expect(UserText.owner(text) == nil)
  }

  @Test("an owner is two numbers")
  func owners() {
    #expect(UserText.owner("1:2") == VolumeOwner(uid: 1, gid: 2))
    for text in ["1", "a:b", "1:", ":2", "1:4294967295"] { #expect(UserText.owner(text) == nil) }
  }
}
