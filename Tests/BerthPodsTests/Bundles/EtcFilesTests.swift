import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Testing

@testable import BerthPods

@Suite("the generated files in /etc")
struct EtcFilesTests {
  private func files(_ network: PodNetwork, _ change: (inout PodSpec) -> Void = { _ in }) -> EtcFiles {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    change(&spec)
    var files = EtcFiles(spec: spec, network: network)
    files.nodeResolv = "nameserver 9.9.9.9\n"
    files.nodeHosts = network == .host ? "127.0.0.1 localhost node" : ""
    return files
  }

  @Test("without a network the pod's own name is at home")
  func hosts() {
    #expect(files(.none).hosts == "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\tweb\n")
  }

  @Test("on the node's network the node's hosts come first, the manifest's after them, by address")
  func hostNetwork() {
    let text = files(.host) { $0.hosts = ["10.0.0.9": ["b"], "10.0.0.7": ["db.local", "db"]] }.hosts
    #expect(text == "127.0.0.1 localhost node\n10.0.0.7\tdb.local db\n10.0.0.9\tb\n")
  }

  @Test("resolv.conf is the node's unless the manifest says otherwise, and then the manifest's alone")
  func resolv() {
    #expect(files(.none).resolv() == "nameserver 9.9.9.9\n")
    let text = files(.none) { spec in
      var dns = DNSConfig()
      (dns.servers, dns.searches, dns.options) = (["10.0.0.1", "10.0.0.2"], ["a", "b"], ["ndots:2"])
      spec.dns = dns
    }.resolv()
    #expect(text == "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a b\noptions ndots:2\n")
  }

  @Test("what networks say of names goes before the node, and a manifest that only adds options keeps the servers")
  func precedence() {
    #expect(files(.none).resolv(nameservers: ["10.1.1.1"], searches: ["lan"]) == "nameserver 10.1.1.1\nsearch lan\n")
    #expect(
      files(.none) {
        $0.dns = DNSConfig(); $0.dns?.options = ["ndots:1"]
      }.resolv() == "nameserver 9.9.9.9\noptions ndots:1\n")
  }

  @Test(
    "a server on the node's loopback is of no use to a pod: the ones behind it are taken, or none",
    arguments: [
      ("nameserver 127.0.0.53\noptions edns0\n", "nameserver 10.0.0.1\nsearch a\n", "nameserver 10.0.0.1\nsearch a\n"),
      ("nameserver 127.0.0.1\nnameserver 9.9.9.9\n", "nameserver 10.0.0.1\n", "nameserver 9.9.9.9\n"),
      ("nameserver ::1\nsearch a\n", "", "search a\n"), ("search a\n", "nameserver 10.0.0.1\n", "search a\n"),
    ])
  func reachable(resolv: String, behindStub: String, expected: String) {
    #expect(EtcFiles.reachable(resolv, behindStub: behindStub) == expected)
  }

  @Test("anybody in the container may read them")
  func written() throws {
    let scratch = try TemporaryDirectory()
    try files(.none).write(hosts: "a", to: "\(scratch.path)/etc")
    #expect(try Files.readText("\(scratch.path)/etc/hostname") == "web\n")
    for name in ["hosts", "hostname", "resolv.conf"] { #expect(try Files.status("\(scratch.path)/etc/\(name)").permissions == 0o644) }
  }
}
