import BerthCore
import BerthManifest
import Testing

@testable import BerthNetwork

@Suite("Berth's own network, as values")
struct RulesTests {
  private func port(_ container: UInt16, host: UInt16, ip: String? = nil, _ transport: PublishedPort.Transport = .tcp) throws
    -> PublishedPort
  {
    var spec = PortSpec(container: container)
    (spec.host, spec.hostIP, spec.transport) = (host, ip, transport)
    return try #require(PublishedPort(spec))
  }
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test("a published port is an element for each family of the pod's, on the addresses that the manifest says")
  func elements() throws {
    let pod = [try address("10.64.0.2"), try address("fd00::2")]
    func texts(_ port: PublishedPort) -> [String] { port.elements(to: pod).map { "\($0.map.rawValue) \($0.text)" } }
    #expect(try texts(port(80, host: 8080)) == ["ports4 tcp . 8080 : 10.64.0.2 . 80", "ports6 tcp . 8080 : fd00::2 . 80"])
    #expect(try texts(port(53, host: 53, ip: "127.0.0.1", .udp)) == ["ports4_on 127.0.0.1 . udp . 53 : 10.64.0.2 . 53"])
    #expect(try texts(port(53, host: 53, ip: "0.0.0.0", .udp)) == ["ports4 udp . 53 : 10.64.0.2 . 53"])
    #expect(try texts(port(53, host: 53, ip: "::", .udp)) == ["ports6 udp . 53 : fd00::2 . 53"])
    #expect(try texts(port(53, host: 53, ip: "fd01::1", .sctp)) == ["ports6_on fd01::1 . sctp . 53 : fd00::2 . 53"])
  }

  @Test("keys and values are laid out as the kernel has them")
  func bytes() throws {
    let element = try #require(try port(80, host: 8080, ip: "127.0.0.1").elements(to: [address("10.64.0.2")]).first)
    #expect(element.key == [127, 0, 0, 1, 6, 0, 0, 0, 0x1f, 0x90, 0, 0])
    #expect(element.value == [10, 64, 0, 2, 0, 80, 0, 0])
  }

  @Test("the network is kept as a conflist and read back as it was")
  func conflist() throws {
    let subnets = try ["10.64.0.0/20", "fd00::/64"].map { try #require(IPPrefix($0)) }
    let configuration = BridgeConfiguration(name: "bridge", link: "berth-0", subnets: subnets)
    let json = configuration.conflist(dataDirectory: "/run/berth/networks")
    #expect(BridgeConfiguration(conflist: json) == configuration)
    #expect(try CNINetwork(json, isList: true).plugins.count == 2)
    #expect(configuration.gateways.map { "\($0)" } == ["10.64.0.1/20", "fd00::1/64"])
    #expect(BridgeConfiguration(conflist: ["name": "bridge"]) == nil)
  }

  @Test("a pod's hosts file names itself and its neighbours, bare names in its own namespace alone")
  func names() throws {
    func member(_ namespace: String, _ name: String, _ addresses: [String: [String]]) throws -> PodNames.Member {
      PodNames.Member(
        key: PodKey(namespace: namespace, name: name), hostname: name,
        addresses: try addresses.mapValues { try $0.map { try address($0) } },
        path: "/\(namespace)/\(name)", base: "127.0.0.1\tlocalhost\n")
    }
    let web = try member("default", "web", ["bridge": ["10.64.0.2", "fd00::2"]])
    let all = [
      web, try member("default", "db", ["bridge": ["10.64.0.3"], "iot": ["10.9.0.3"]]),
      try member("other", "web", ["bridge": ["10.64.0.4"]]),
      try member("default", "far", ["iot": ["10.9.0.5"]]),
    ]
    #expect(
      PodNames.text(of: web, among: all) == """
        127.0.0.1\tlocalhost
        10.64.0.2\tweb web.default
        fd00::2\tweb web.default
        10.64.0.3\tdb db.default
        10.64.0.4\tweb.other

        """)
  }
}
