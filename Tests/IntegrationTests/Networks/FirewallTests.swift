import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("firewall rules", .enabled(if: Command.exists("nft"), "nft(8) is not installed"))
  struct Firewall {
    @Test("ports and addresses hold while the daemon is away, and come back after somebody has flushed the firewall")
    func restart() throws {
      try withDaemon { daemon in
        let web = try daemon.run("web", NetworkPods.server("web", container: "ports = [\"8080:80\"]"))
        try NetworkPods.expect("http://127.0.0.1:8080", answers: "web")
        daemon.crash()
        #expect(try NetworkPods.curl("http://127.0.0.1:8080") == "web\n")
        _ = try NetworkPods.shell("nft flush ruleset")
        #expect(try NetworkPods.curl("http://127.0.0.1:8080") != "web\n")
        try daemon.start()
        #expect(try NetworkPods.curl("http://127.0.0.1:8080") == "web\n")
        #expect(try NetworkPods.addresses(daemon.pod("web")) == NetworkPods.addresses(web))
        let peer = try daemon.run("peer", NetworkPods.server("peer"))
        #expect(Set(NetworkPods.addresses(peer)).isDisjoint(with: NetworkPods.addresses(web)))
        try daemon.expect(inside: "web", "wget -q -O - http://peer", prints: "peer")
        // The next pod finds the table gone, and the bridge.
        for damage in ["nft flush ruleset", "ip link delete \(try bridge())"] {
          _ = try NetworkPods.shell(damage)
          try daemon.run("more", NetworkPods.server("more", container: "ports = [\"8082:80\"]"))
          try NetworkPods.expect("http://127.0.0.1:8082", answers: "more")
          try daemon.remove("more")
          try daemon.wait("more", for: "deleted")
        }
        #expect(try NetworkPods.shell("nft list ruleset").stdout.contains(": \(NetworkPods.addresses(web)[0]) . 80"))
      }
    }

    private func bridge() throws -> String {
      let links = try Files.list("/sys/class/net").filter { $0.hasPrefix("berth-") }
      return try #require(links.first)
    }

    @Test("rules of others, of nft and of iptables, stay as they are")
    func others() throws {
      defer { _ = try? NetworkPods.shell("nft flush ruleset") }
      for line in [
        "nft 'add table inet mine; add chain inet mine in { type filter hook input priority 0; }; add rule inet mine in tcp dport 9 drop'",
        "iptables-nft -t nat -A POSTROUTING -s 10.1.2.0/24 -j MASQUERADE", "iptables-nft -A FORWARD -s 10.1.2.0/24 -j ACCEPT",
        "ip6tables-nft -A FORWARD -s fd12::/64 -j ACCEPT",
      ] {
        let result = try NetworkPods.shell(line)
        #expect(result.exit == 0, "\(result)")
      }
      func rules() throws -> String { try NetworkPods.shell("nft -s list ruleset").stdout }
      let before = try rules()
      #expect(before.contains("10.1.2.0/24") && before.contains("fd12::/64") && before.contains("dport 9"))
      try withDaemon { daemon in
        try daemon.run("web", NetworkPods.server("web", container: "ports = [\"8080:80\"]"))
        try NetworkPods.expect("http://127.0.0.1:8080", answers: "web")
        #expect(try rules().hasPrefix(before))
        // iptables(8) goes on working beside Berth's table.
        #expect(
          try NetworkPods.shell("iptables-nft -A FORWARD -s 10.1.3.0/24 -j ACCEPT && iptables-nft -D FORWARD -s 10.1.3.0/24 -j ACCEPT").exit
            == 0)
      }
      #expect(try rules() == before)
    }
  }
}
