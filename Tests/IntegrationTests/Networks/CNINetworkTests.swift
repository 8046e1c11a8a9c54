import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("CNI networks")
  struct CNINetworks {
    @Test(
      "Debian's plugins: bridge, host-local, portmap, firewall and tuning beside Berth's own network, with fixed addresses; nothing of it stays",
      .enabled(if: Files.exists("/usr/lib/cni/bridge"), "containernetworking-plugins is not installed"))
    func real() throws {
      let folder = try CNIFolder()
      try folder.network(
        "lan",
        """
        {"type":"bridge","bridge":"cni-test","isGateway":true,"ipMasq":true,"capabilities":{"ips":true,"mac":true},
         "ipam":{"type":"host-local","dataDir":"\(folder.path)/ipam","ranges":[[{"subnet":"10.55.0.0/24"}],[{"subnet":"fd55::/64"}]]}},
        {"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall","backend":"iptables"},
        {"type":"tuning","sysctl":{"net.core.somaxconn":"555"}}
        """)
      // The plugins keep chains of their own for the next pod.
      defer { _ = try? NetworkPods.shell("ip link delete cni-test; nft flush ruleset") }
      try withDaemon(config: folder.config) { daemon in
        let one = try daemon.run(
          "one",
          NetworkPods.server(
            "one", network: "network = [{ name = \"lan\", ip = \"10.55.0.55\", mac = \"02:00:00:00:00:55\" }, \"bridge\"]",
            container: "ports = [\"8090:80\"]"))
        let addresses = NetworkPods.addresses(one)
        #expect(addresses.first == "10.55.0.55" && addresses.count == 4, "\(addresses)")
        #expect(try daemon.inside("one", "cat /sys/class/net/eth0/address /proc/sys/net/core/somaxconn") == "02:00:00:00:00:55\n555\n")
        for address in addresses {
          try NetworkPods.expect(address.contains(":") ? "http://[\(address)]" : "http://\(address)", answers: "one")
        }
        // By name from another pod of either network.
        for (pod, network) in [("two", "lan"), ("three", "bridge")] {
          try daemon.run(pod, NetworkPods.idle(network: "network = \"\(network)\""))
          try daemon.expect(inside: pod, "wget -q -O - http://one", prints: "one")
        }
        try expectInspected(daemon)
        // DEL also with the daemon killed meanwhile.
        daemon.crash()
        for pod in ["two", "three"] { try daemon.remove(pod) }
        try daemon.start()
        for pod in ["two", "three"] { try daemon.wait(pod, for: "deleted") }
        try daemon.remove("one")
        try daemon.wait("one", for: "deleted")
        #expect(try Files.list("\(folder.path)/ipam/lan").filter { $0.hasPrefix("10.") || $0.hasPrefix("fd") } == [])
        // What its plugins keep for the next pod isn't Berth's to remove, and no leak of Berth's.
        _ = try NetworkPods.shell("ip link delete cni-test; for t in filter nat; do for p in ip ip6; do nft delete table $p $t; done; done")
      }
    }

    private func expectInspected(_ daemon: DaemonUnderTest) throws {
      let network = try daemon.berth("network", "inspect", "lan", "-o", "json").json()
      let pods = network["pods"]?.array ?? []
      #expect(pods.compactMap { $0["name"]?.string } == ["one", "two"])
      #expect(pods.first?["cni_result"]?["ips"]?.array?.count == 2)
    }

    @Test(
      "a port published by CNI's portmap is reached from outside",
      .enabled(if: Files.exists("/usr/lib/cni/portmap"), "containernetworking-plugins is not installed"))
    func portmap() throws {
      let outside = try OutsideHost()
      let folder = try CNIFolder()
      try folder.network(
        "lan",
        """
        {"type":"ptp","ipMasq":true,"ipam":{"type":"host-local","dataDir":"\(folder.path)/ipam","subnet":"10.56.0.0/24","routes":[{"dst":"0.0.0.0/0"}]}},
        {"type":"portmap","capabilities":{"portMappings":true}},{"type":"bandwidth","capabilities":{"bandwidth":true}}
        """)
      defer { _ = try? NetworkPods.shell("nft flush ruleset") }
      try withDaemon(config: folder.config) { daemon in
        try Files.write("1", to: "/proc/sys/net/ipv4/ip_forward")
        let network = "network = { name = \"lan\", bandwidth = { ingress = \"4MB\", egress = \"8MB\" } }"
        let pod = try daemon.run("web", NetworkPods.server("web", network: network, container: "ports = [\"8091:80\"]"))
        try NetworkPods.expect("http://\(OutsideHost.node):8091", answers: "web")
        #expect(try outside.run("curl -s -m 10 http://\(OutsideHost.node):8091") == "web\n")
        let limits = try NetworkPods.shell("tc qdisc show").stdout
        #expect(limits.contains("rate 32Mbit") && limits.contains("rate 64Mbit"), "\(limits)")
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        #expect(try !NetworkPods.shell("nft list ruleset").stdout.contains(pod.uid))
        _ = try NetworkPods.shell("for t in filter nat; do for p in ip ip6; do nft delete table $p $t; done; done")
      }
    }

    @Test(
      "macvlan: the pod is a host of the node's own network",
      .enabled(if: Files.exists("/usr/lib/cni/macvlan"), "containernetworking-plugins is not installed"))
    func macvlan() throws {
      let outside = try OutsideHost()
      let folder = try CNIFolder()
      try folder.network(
        "lan",
        """
        {"type":"macvlan","master":"\(outside.link)","mode":"bridge","capabilities":{"ips":true},
         "ipam":{"type":"host-local","dataDir":"\(folder.path)/ipam","subnet":"192.168.99.0/24"}}
        """)
      try withDaemon(config: folder.config) { daemon in
        let network = "network = { name = \"lan\", ip = \"192.168.99.77\" }"
        let pod = try daemon.run("web", NetworkPods.server("web", network: network))
        #expect(NetworkPods.addresses(pod) == ["192.168.99.77"])
        try eventually("it is reached") { try outside.result("curl -s -m 5 http://192.168.99.77").stdout == "web\n" }
      }
    }

    @Test(
      "a plugin that fails keeps its own pod waiting, with its words in the status, and nobody else; the pod runs once it works",
      arguments: [
        ("echo '{\"code\":11,\"msg\":\"the moon is full\"}'; exit 1", "the moon is full"), ("echo garbage", "no JSON"),
        ("exit 1", "exit code 1"), ("", "no such program"), ("sleep 1000", "no end after 1s"),
      ])
    func bad(script: String, words: String) throws {
      let folder = try CNIFolder()
      try folder.network("bad", #"{"type":"moody"}"#)
      if !script.isEmpty { try folder.plugin("moody", "[ $CNI_COMMAND = DEL ] || { \(script); }") }
      try withDaemon(config: folder.config) { daemon in
        try daemon.drop("sad", NetworkPods.idle(network: "network = \"bad\""))
        _ = try daemon.run(job: "other", "true")
        let sad = try daemon.pod("sad", "says why") { $0.message.contains(words) }
        #expect(sad.message.contains("moody") && sad.json["next_retry_at"]?.string != nil, "\(sad.json)")
        try folder.plugin("moody", "[ $CNI_COMMAND = DEL ] || echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.1.1/24\"}]}'")
        let happy = try daemon.pod("sad", "runs", within: .seconds(60)) { $0.phase == "Running" }
        #expect(NetworkPods.addresses(happy) == ["10.1.1.1"])
        try daemon.remove("sad")
        try daemon.wait("sad", for: "deleted")
      }
    }

    @Test("DEL is repeated until it succeeds, with the configuration that ADD had, across a daemon's death and the namespace's end")
    func persistentDelete() throws {
      let folder = try CNIFolder()
      let log = "\(folder.path)/log"
      try folder.plugin(
        "p",
        """
        input=$(cat); echo "$CNI_COMMAND [$CNI_NETNS] $input" >> \(log)
        if [ $CNI_COMMAND = DEL ]; then [ -e \(folder.path)/allowed ] || { echo '{"code":7,"msg":"not yet"}'; exit 1; }
        else echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.1.1/24"}],"mark":"of-add"}'; fi
        """)
      try folder.network("n", #"{"type":"p","version":"as-added"}"#)
      try withDaemon(config: folder.config) { daemon in
        let pod = try daemon.run("web", NetworkPods.idle(network: "network = \"n\""))
        // The parent of the container's first process.
        let shim = try #require(Int32(Files.readText("/proc/\(pod.container.pid ?? 0)/stat").split(separator: " ")[3]))
        try folder.network("n", #"{"type":"p","version":"edited"}"#)
        try daemon.remove("web")
        try daemon.pod("web", "says why") { $0.message.contains("not yet") }
        daemon.crash()
        // Nobody is left in the namespace.
        _ = try NetworkPods.shell("kill -9 \(shim)")
        try daemon.start()
        try eventually("DEL without a namespace", seen: { daemon.log }) { try Files.readText(log).contains("DEL [] ") }
        try folder.directory.write("", to: "allowed")
        try daemon.wait("web", for: "deleted", timeout: "60s")
        try eventually("the record is gone", within: .seconds(60)) { try Files.list("\(daemon.root)/networks/pods").isEmpty }
        let deletions = try Files.readText(log).split(separator: "\n").filter { $0.hasPrefix("DEL") }
        #expect(deletions.count > 2 && deletions.allSatisfy { $0.contains("as-added") && $0.contains("of-add") })
      }
    }

    @Test("a daemon that starts has its pods' networks checked, and tells what isn't as it was made")
    func check() throws {
      let folder = try CNIFolder()
      try folder.plugin(
        "p",
        """
        input=$(cat); echo "$CNI_COMMAND $input" >> \(folder.path)/log
        case $CNI_COMMAND in
          ADD) echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.1.1/24"}],"mark":"of-add"}' ;;
          CHECK) ! [ -e \(folder.path)/broken ] || { echo '{"code":100,"msg":"the cable is cut"}'; exit 1; } ;;
        esac
        """)
      try folder.network("n", #"{"type":"p"}"#)
      try withDaemon(config: folder.config) { daemon in
        let web = try daemon.run("web", NetworkPods.idle(network: "network = \"n\""))
        for isBroken in [false, true] {
          if isBroken { try folder.directory.write("", to: "broken") }
          let before = try checks(folder)
          daemon.crash()
          try daemon.start()
          try eventually("CHECK is run", seen: { daemon.log }) { try checks(folder) == before + 1 }
          func problem() throws -> String? {
            try daemon.berth("network", "inspect", "n", "-o", "json").json()["pods"]?.array?.first?["problem"]?.string
          }
          if isBroken { try eventually("the problem is told of") { try problem()?.contains("the cable is cut") == true } }
          #expect(try isBroken || problem() == nil)
          #expect(daemon.log.contains("the cable is cut") == isBroken)
          #expect(try daemon.pod("web")?.container.pid == web.container.pid)
        }
      }
    }

    private func checks(_ folder: CNIFolder) throws -> Int {
      try Files.readText("\(folder.path)/log").split(separator: "\n").filter { $0.hasPrefix("CHECK") && $0.contains("of-add") }.count
    }

    @Test("a network that isn't defined, and a port that no network publishes, are told of")
    func undefined() throws {
      let folder = try CNIFolder()
      try folder.plugin("p", "[ $CNI_COMMAND = DEL ] || echo '{\"cniVersion\":\"1.0.0\"}'")
      try folder.network("n", #"{"type":"p"}"#)
      try folder.directory.write("{", to: "net.d/broken.conf")
      try withDaemon(config: folder.config) { daemon in
        try daemon.drop("a", NetworkPods.idle(network: "network = \"absent\""))
        let missing = try daemon.pod("a", "says why") { $0.message.contains("absent") }
        #expect(missing.message.contains("broken.conf"))
        try daemon.drop("b", NetworkPods.idle(network: "network = \"n\"", container: "ports = [\"8091:80\"]"))
        try daemon.pod("b", "says why") { $0.message.contains("8091/tcp") && $0.message.contains("portMappings") }
        // An address that the plugin passes over.
        try daemon.drop("c", NetworkPods.idle(network: "network = { name = \"n\", ip = \"10.1.1.9\" }"))
        try daemon.pod("c", "says why") { $0.message.contains("10.1.1.9") }
      }
    }

    @Test("a pod whose network lacks a plugin can be removed, and a broken file of another network keeps nobody from the default one")
    func unusable() throws {
      let folder = try CNIFolder()
      try folder.network("n", #"{"type":"nosuch"}"#)
      try folder.directory.write(#"{"name":"other","plugins":[{"type":"bridge""#, to: "net.d/broken.conflist")
      try withDaemon(config: folder.config) { daemon in
        try daemon.drop("lacks", NetworkPods.idle(network: "network = \"n\""))
        try daemon.drop("fine", NetworkPods.idle(network: "network = \"bridge\""))
        try daemon.pod("fine", "runs") { $0.phase == "Running" }
        try daemon.pod("lacks", "says why") { $0.message.contains("nosuch") && $0.reason == "CreatePodSandboxError" }
        // Not to be waited for: what failed is tried again at once.
        #expect(try daemon.berth("restart", "--timeout", "0s", "lacks").exit == 0)
        try daemon.remove("lacks")
        try daemon.wait("lacks", for: "deleted")
      }
    }
  }
}

/// A folder with networks, scripts that stand for plugins, and the text of a config.toml that names it.
private struct CNIFolder {
  let directory: TemporaryDirectory
  var path: String { directory.path }
  var config: String {
    """
    [manifests]
    removal_delay = "50ms"
    [network]
    config_dir = "\(path)/net.d"
    plugin_dirs = ["\(path)/bin", "/usr/lib/cni"]
    plugin_timeout = "1s"
    """
  }

  init() throws { directory = try TemporaryDirectory("cni") }

  func network(_ name: String, _ plugins: String) throws {
    try directory.write("{\"cniVersion\":\"1.0.0\",\"name\":\"\(name)\",\"plugins\":[\(plugins)]}", to: "net.d/\(name).conflist")
  }

  /// In one rename: it may be running.
  func plugin(_ name: String, _ script: String) throws { try directory.write("#!/bin/sh\n\(script)\n", to: "bin/\(name)", mode: 0o755) }
}
