import BerthCore
import Testing

@testable import BerthNetwork

@Suite("addresses")
struct AddressTests {
  @Test(
    "an address is printed as RFC 5952 says",
    arguments: [
      ("10.0.0.1", "10.0.0.1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0:1", "2001:db8::1"),
      ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("::ffff:1.2.3.4", "::ffff:102:304"),
      ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
      ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
  func text(_ text: String, printed: String) { #expect(IPAddress(text).map { "\($0)" } == printed) }

  @Test(
    "what is no address or prefix is refused",
    arguments: ["10.0.0", "10.0.0.256", "1:2", ":::", "10.0.0.0/33", "10.0.0.0/", "fd00::/129", "/8"])
  func malformed(text: String) {
    #expect(IPAddress(text) == nil)
    #expect(IPPrefix(text) == nil)
  }

  @Test(
    "prefixes know what lies in them",
    arguments: [
      ("10.64.0.0/20", "10.64.15.255", true), ("10.64.0.0/20", "10.64.16.0", false), ("0.0.0.0/0", "1.2.3.4", true),
      ("::/0", "1.2.3.4", false),
      ("fd00::/64", "fd00::ffff", true), ("fd00::/64", "fd00:0:0:1::", false), ("10.0.0.1/32", "10.0.0.1", true),
    ])
  func contains(prefix: String, address: String, isIn: Bool) throws {
    #expect(try #require(IPPrefix(prefix)).contains(try #require(IPAddress(address))) == isIn)
  }

  @Test(
    "the next address carries over",
    arguments: [
      ("10.0.0.255", 1, "10.0.1.0"), ("10.0.0.1", 4096, "10.0.16.1"), ("255.255.255.255", 1, "0.0.0.0"),
      ("fd00::ffff:ffff", 1, "fd00::1:0:0"),
    ])
  func advanced(from: String, by: UInt32, to: String) throws { #expect("\(try #require(IPAddress(from)).advanced(by: by))" == to) }

  @Test("subnets are chosen beside those in use, the same ones each time")
  func choose() throws {
    let free = BridgeConfiguration.choose(instance: "00000005", taken: [], withIPv6: true)
    #expect(free.map { "\($0)" } == ["10.64.80.0/20", "fdbe:0:5::/64"])
    let taken = try ["10.64.80.0/21", "10.64.97.3/32", "fc00::/7"].map { try #require(IPPrefix($0)) }
    #expect(BridgeConfiguration.choose(instance: "00000005", taken: taken, withIPv6: true).map { "\($0)" } == ["10.64.112.0/20"])
    #expect(BridgeConfiguration.choose(instance: "x", taken: [try #require(IPPrefix("10.0.0.0/8"))], withIPv6: true).isEmpty)
  }
}
