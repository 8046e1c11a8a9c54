import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("pod networks", .enabled(if: Command.exists("nft"), "nft(8) is not installed"))
  struct PodNetworks {
    @Test("pods find each other by name while they run, and lose who goes")
    func names() throws {
      try withDaemon { daemon in
        let one = try daemon.run("one", NetworkPods.server("one"))
        try daemon.run("two", NetworkPods.server("two"))
        try daemon.run("far", NetworkPods.server("far").replacingFirst("network", with: "namespace = \"other\"\nnetwork"), in: "other")
        for (pod, name, answer) in [
          ("two", "one", "one"), ("one", "two", "two"), ("one", "two.default", "two"), ("one", "far.other", "far"),
          ("other/far", "two.default", "two"),
        ] { try daemon.expect(inside: pod, "wget -q -O - http://\(name)", prints: answer) }
        // By IPv6 too.
        let six = try #require(NetworkPods.addresses(one).last)
        try daemon.expect(inside: "two", "wget -q -O - http://[\(six)]", prints: "one")
        #expect(try daemon.inside("two", "grep -c one /etc/hosts") == "2\n")
        let hosts = try daemon.inside("one", "cat /etc/hosts")
        #expect(!hosts.contains("\tfar "), "a bare name is for the pod's own namespace")
        for address in NetworkPods.addresses(one) { #expect(hosts.contains("\(address)\tone one.default")) }
        try daemon.remove("two")
        try daemon.wait("two", for: "deleted")
        try eventually("two is no name any more") { try !daemon.inside("one", "cat /etc/hosts").contains("two") }
        #expect(try daemon.inside("one", "cat /etc/hosts").contains("far.other"))
      }
    }

    @Test("a pod goes out with the node's address, by IPv4 and IPv6; nothing comes in that isn't published, even by a route to it")
    func outbound() throws {
      let outside = try OutsideHost()
      try outside.serve("socat TCP4-LISTEN:7000,fork,reuseaddr SYSTEM:\"echo \\$SOCAT_PEERADDR\"")
      try outside.serve("socat TCP6-LISTEN:7001,fork,reuseaddr,ipv6only=1 SYSTEM:\"echo \\$SOCAT_PEERADDR\"")
      try withDaemon { daemon in
        let web = try daemon.run("web", NetworkPods.server("web"))
        try daemon.expect(inside: "web", "nc -w 5 \(OutsideHost.address) 7000 < /dev/null", prints: OutsideHost.node)
        let node6 = "[fd99:0000:0000:0000:0000:0000:0000:0001]"
        try daemon.expect(inside: "web", "nc -w 5 \(OutsideHost.addressIPv6) 7001 < /dev/null", prints: node6)
        let pod = NetworkPods.addresses(web)
        for (address, node) in zip(pod, [OutsideHost.node, OutsideHost.nodeIPv6]) {
          let url = address.contains(":") ? "http://[\(address)]" : "http://\(address)"
          try NetworkPods.expect(url, answers: "web")
          try outside.run("ip route add \(address) via \(node)")
          #expect(try outside.exitCode("curl -gs -m 2 \(url)") != 0)
        }
      }
    }

    @Test("a pod doesn't reach what the node serves on 127.0.0.1, which route_localnet alone would let it")
    func loopback() throws {
      try withDaemon { daemon in
        let web = try daemon.run("web", NetworkPods.idle())
        let listener = try Listener("127.0.0.1", 7777)
        let attack = """
          ip addr del 127.0.0.1/8 dev lo 2> /dev/null
          ip route replace 127.0.0.1 via $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')
          for i in all eth0; do echo 1 > /proc/sys/net/ipv4/conf/$i/route_localnet; done
          socat -u OPEN:/dev/null TCP:127.0.0.1:7777,connect-timeout=2 && echo in
          """
        #expect(try NetworkPods.beside(web, attack).stdout == "")
        let tables = try NetworkPods.shell("nft list tables").stdout.split(separator: "\n").compactMap { $0.split(separator: " ").last }
        let table = try #require(tables.first { $0.hasPrefix("berth_") })
        #expect(try NetworkPods.shell("nft flush chain inet \(table) raw").exit == 0)
        let result = try NetworkPods.beside(web, attack)
        #expect(result.stdout == "in\n", "the attack must work where the rule is missing: \(result)")
        withExtendedLifetime(listener) {}
      }
    }

    @Test("a fixed address and hardware address, kernel settings and resolv.conf are as the manifest says")
    func settings() throws {
      try withDaemon(config: "[manifests]\nremoval_delay = \"50ms\"\n[network]\nsubnets = [\"10.77.0.0/24\", \"fd77::/64\"]\n") { daemon in
        let web = try daemon.run(
          "web",
          NetworkPods.idle(
            network: """
              network = { ip = ["10.77.0.77", "fd77::77"], mac = "02:00:00:00:00:77" }
              sysctls = { "net.core.somaxconn" = 777, "net.ipv4.ip_unprivileged_port_start" = 0, "kernel.msgmax" = "7777" }
              dns = { servers = ["10.77.0.1"], searches = ["lan"] }
              """))
        #expect(NetworkPods.addresses(web) == ["10.77.0.77", "fd77::77"])
        let files =
          "/sys/class/net/eth0/address /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax /proc/sys/net/ipv6/conf/eth0/accept_ra /etc/resolv.conf"
        #expect(try daemon.inside("web", "cat \(files)") == "02:00:00:00:00:77\n777\n0\n7777\n0\nnameserver 10.77.0.1\nsearch lan\n")
        #expect(try Files.readText("/proc/sys/net/core/somaxconn") != "777\n", "the node's own stays")
        try daemon.drop("twin", NetworkPods.idle(network: "network = { ip = \"10.77.0.77\" }"))
        try daemon.pod("twin", "says why") { $0.message.contains("10.77.0.77") }
        try daemon.drop("lost", NetworkPods.idle(network: "network = { ip = \"10.99.0.1\" }"))
        try daemon.pod("lost", "says why") { $0.message.contains("10.77.0.0/24") }
      }
    }

    @Test("where the node asks systemd-resolved's stub, a pod asks the servers behind it; with the node's network it asks the stub")
    func stub() throws {
      let folder = try TemporaryDirectory("resolved")
      try folder.write("nameserver 127.0.0.53\noptions edns0\n", to: "stub")
      try folder.write("nameserver 192.0.2.53\nsearch lan\n", to: "resolve/resolv.conf")
      // In the tests' own mount namespace, where the daemon runs too.
      let hidden = [("\(folder.path)/stub", "/etc/resolv.conf"), (folder.path, "/run/systemd")]
      let isNew = !Files.exists("/run/systemd")
      if isNew { try Files.makeDirectories("/run/systemd") }
      defer { if isNew { _ = try? Command.run("rmdir", ["/run/systemd"]) } }
      for (source, target) in hidden { #expect(try Command.run("mount", ["--bind", source, target]).exit == 0) }
      defer { for (_, target) in hidden.reversed() { _ = try? Command.run("umount", [target]) } }
      try withDaemon { daemon in
        try daemon.run("web", NetworkPods.idle())
        #expect(try daemon.inside("web", "cat /etc/resolv.conf") == "nameserver 192.0.2.53\nsearch lan\n")
        try daemon.run("host", NetworkPods.idle(network: "network = \"host\""))
        #expect(try daemon.inside("host", "cat /etc/resolv.conf") == "nameserver 127.0.0.53\noptions edns0\n")
      }
    }

    @Test("bandwidth: what a pod sends and what it is sent are each held back at their own limit")
    func bandwidth() throws {
      let outside = try OutsideHost()
      let files = try TemporaryDirectory("served")
      try files.write(String(repeating: "x", count: 3 << 20), to: "big")
      try outside.serve("busybox httpd -f -p 7002 -h \(files.path)")
      try withDaemon { daemon in
        let script = "mkdir /tmp/w; head -c 3145728 /dev/zero > /tmp/w/big; httpd -p 80 -h /tmp/w; \(ManifestText.stay)"
        let pod = try daemon.run(
          "web",
          NetworkPods.idle(
            network: "network = { name = \"bridge\", bandwidth = { ingress = \"4MB\", egress = \"8MB\" } }", script: script,
            container: "ports = [\"8080:80\"]"))
        let link = "bv" + pod.uid.filter { $0 != "-" }.prefix(12)
        func sent() throws -> Limiter { try Limiter(NetworkPods.beside(pod, "tc -s qdisc show dev eth0").stdout) }
        func received() throws -> Limiter { try Limiter(NetworkPods.shell("tc -s qdisc show dev \(link)").stdout) }
        #expect(try sent().rate == "64Mbit" && received().rate == "32Mbit")

        #expect(try outside.run("curl -s -m 60 --retry 5 --retry-connrefused http://\(OutsideHost.node):8080/big | wc -c") == "3145728\n")
        #expect(try sent().heldBack > 0 && received().heldBack == 0, "what a pod sends meets the limit of egress alone")
        let before = try sent().heldBack
        #expect(try daemon.inside("web", "wget -q -O - http://\(OutsideHost.address):7002/big | wc -c") == "3145728\n")
        #expect(try received().heldBack > 0 && sent().heldBack == before, "what it is sent meets that of ingress alone")
      }
    }

    @Test("host: the node's interfaces, names and ports; none: loopback alone")
    func hostAndNone() throws {
      try withDaemon { daemon in
        try daemon.run(
          "host",
          NetworkPods.idle(
            network: "network = \"host\"",
            script: "mkdir /tmp/w; echo host > /tmp/w/index.html; httpd -p 8085 -h /tmp/w; \(ManifestText.stay)"))
        try NetworkPods.expect("http://127.0.0.1:8085", answers: "host")
        #expect(try daemon.inside("host", "cat /etc/hosts") == Files.readText("/etc/hosts"))
        try daemon.run("none", NetworkPods.server("none", network: "network = \"none\""))
        try daemon.expect(inside: "none", "wget -q -O - http://127.0.0.1", prints: "none")
        #expect(try daemon.inside("none", "ls /sys/class/net") == "lo\n")
        #expect(NetworkPods.addresses(try daemon.pod("none")) == [])
      }
    }
  }
}

/// A token bucket as `tc -s qdisc` shows it.
private struct Limiter {
  var rate: String
  /// Packets that had to wait.
  var heldBack: Int

  init(_ text: String) throws {
    let words = text.split { " \n,)(".contains($0) }.map(String.init)
    func after(_ word: String) -> String? { words.firstIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil } }
    guard words.contains("tbf"), let rate = after("rate"), let heldBack = after("overlimits").flatMap({ Int($0) }) else {
      throw TestFailure("no token bucket: \(text)")
    }
    self.rate = rate
    self.heldBack = heldBack
  }
}
