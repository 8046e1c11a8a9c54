import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("published ports", .enabled(if: Command.exists("nft"), "nft(8) is not installed"))
  struct PublishedPorts {
    @Test("the smallest manifest with a port is reached from the node, from outside and from pods, itself too, by IPv4 and IPv6")
    func everywhere() throws {
      let outside = try OutsideHost()
      let node = OutsideHost.node
      let node6 = "[\(OutsideHost.nodeIPv6)]"
      try withDaemon { daemon in
        let ports = "ports = [\"8080:80\", \"127.0.0.1:8081:80\", \"[\(OutsideHost.nodeIPv6)]:8082:80\", \"0.0.0.0:8083:80\"]"
        let web = try daemon.run("web", NetworkPods.server("web", network: "", container: ports))
        #expect(NetworkPods.addresses(web).count == 2)
        for url in ["127.0.0.1:8080", "\(node):8080", "\(node6):8080", "127.0.0.1:8081", "\(node6):8082", "127.0.0.1:8083"] {
          try NetworkPods.expect("http://\(url)", answers: "web")
        }
        for url in ["\(node):8080", "\(node6):8080", "\(node6):8082", "\(node):8083"] {
          #expect(try outside.run("curl -gsS -m 10 http://\(url)") == "web\n", "\(url)")
        }
        for url in ["\(node):8081", "\(node):8082", "\(node6):8081", "\(node6):8083"] {
          #expect(try outside.exitCode("curl -gs -m 2 http://\(url)") != 0, "\(url) isn't what was published")
        }
        // Hairpin: the pod itself, and a neighbour, by the node's port.
        try daemon.run("peer", NetworkPods.idle())
        for pod in ["web", "peer"] { try daemon.expect(inside: pod, "wget -q -O - http://\(node):8080", prints: "web") }
      }
    }

    @Test("a thousand connections, eight at a time")
    func thousand() throws {
      let outside = try OutsideHost()
      try withDaemon { daemon in
        try daemon.run("web", NetworkPods.server("web", container: "ports = [\"8080:80\"]"))
        try NetworkPods.expect("http://127.0.0.1:8080", answers: "web")
        let config = (1...1000).map { _ in "url = http://\(OutsideHost.node):8080\noutput = /dev/null\n" }.joined()
        try daemon.directory.write(
          "parallel\nparallel-max = 8\nmax-time = 60\nsilent\nwrite-out = \"%{http_code} %{num_connects}\\n\"\nno-keepalive\nheader = \"Connection: close\"\n\(config)",
          to: "curl")
        let codes = try outside.run("curl -K \(daemon.directory.path)/curl").split(separator: "\n")
        #expect(codes.count == 1000 && codes.allSatisfy { $0 == "200 1" }, "\(Set(codes)) × \(codes.count)")
      }
    }

    @Test("UDP: a pod that is made anew gets the next packet of a sender that goes on from its old port")
    func udp() throws {
      let outside = try OutsideHost()
      try withDaemon { daemon in
        func manifest(_ version: String) throws -> String {
          try NetworkPods.idle(container: "ports = [\"5353:53/udp\"]\nenv = { VERSION = \"\(version)\" }")
        }
        func ask() throws -> String {
          try outside.run("echo x | socat -t 2 -T 2 - UDP:\(OutsideHost.node):5353,sourceport=4444,reuseaddr || true")
        }
        let one = try daemon.run("dns", manifest("one"))
        // Asked before anybody serves: what the kernel remembers of it must not outlast the pod.
        _ = try ask()
        let first = try Answerer(in: one, answer: "one")
        try eventually("an answer") { try ask() == "one\n" }
        try daemon.drop("dns", manifest("two"))
        let two = try daemon.pod("dns", "is made anew") { $0.uid != one.uid && $0.phase == "Running" && $0.container.isRunning }
        #expect(NetworkPods.addresses(two) != NetworkPods.addresses(one))
        let second = try Answerer(in: two, answer: "two")
        try eventually("an answer of the new pod, to the same sender's port") { try ask() == "two\n" }
        withExtendedLifetime((first, second)) {}
      }
    }

    @Test("a range of ports, one for one, and a port of IPv6 alone")
    func ranges() throws {
      try withDaemon { daemon in
        let script = "for n in 0 1 2; do mkdir /tmp/$n; echo $n > /tmp/$n/index.html; httpd -p 900$n -h /tmp/$n; done; \(ManifestText.stay)"
        try daemon.run("web", NetworkPods.idle(script: script, container: "ports = [\"8000-8002:9000-9002\", \"[::]:8100:9000\"]"))
        for n in 0...2 { try NetworkPods.expect("http://127.0.0.1:800\(n)", answers: "\(n)") }
        #expect(try NetworkPods.curl("http://127.0.0.1:8100") != "0\n")
        #expect(
          try NetworkPods.curl("http://127.0.0.1:8003").contains("refused") || NetworkPods.curl("http://127.0.0.1:8003").contains("connect")
        )
      }
    }

    @Test("a port that something listens on is told of, with the port, and taken once it is free; nobody else takes it then")
    func clash() throws {
      try withDaemon { daemon in
        let listener = try Listener("0.0.0.0", 8080)
        try daemon.drop("web", NetworkPods.server("web", container: "ports = [\"8080:80\"]"))
        let pod = try daemon.pod("web", "says why") { $0.message.contains("8080/tcp") }
        #expect(pod.message.contains("(pid \(ProcessControl.pid)) listens"))
        #expect(pod.complaints.contains("web.toml:8:10: port 8080/tcp of the node is taken"), "\(pod.complaints)")
        #expect(pod.json["next_retry_at"]?.string != nil)
        _ = try daemon.run(job: "other", "true")
        _ = consume listener
        try daemon.pod("web", "runs", within: .seconds(60)) { $0.phase == "Running" }
        try NetworkPods.expect("http://127.0.0.1:8080", answers: "web")
        #expect((try? Listener("0.0.0.0", 8080)) == nil, "it is the pod's as long as it is published")
        try daemon.drop("twin", NetworkPods.server("twin", container: "ports = [\"8080:80\"]"))
        try daemon.pod("twin", "says why") { $0.message.contains("pod default/web has it") }
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        try daemon.pod("twin", "runs", within: .seconds(60)) { $0.phase == "Running" }
        try NetworkPods.expect("http://127.0.0.1:8080", answers: "twin")
      }
    }

    @Test("an edit that asks for a port which a program has stops no pod; it is taken up once the port is free")
    func clashingEdit() throws {
      try withDaemon { daemon in
        let before = try daemon.run("web", NetworkPods.server("web", container: "ports = [\"8080:80\"]"))
        let listener = try Listener("127.0.0.1", 8090)
        try daemon.drop("web", NetworkPods.server("web", container: "ports = [\n  \"8080:80\",\n  \"8090:80\"\n]"))
        let pod = try daemon.pod("web", "says why") { $0.complaints.contains("8090/tcp") }
        #expect(pod.uid == before.uid && pod.phase == "Running")
        #expect(pod.complaints.contains("web.toml:10:3: port 8090/tcp of the node is taken"), "\(pod.complaints)")
        #expect(try daemon.berth("sync", "--wait").exit == 1)
        // Another address of the same port is nobody's.
        try daemon.drop("other", NetworkPods.server("other", container: "ports = [\"127.0.0.2:8090:80\"]"))
        #expect(try daemon.pod("other", "runs") { $0.phase == "Running" }.complaints.isEmpty)
        _ = consume listener
        try daemon.remove("other")
        try daemon.wait("other", for: "deleted")
        try daemon.sync()
        try daemon.pod("web", "is made anew") { $0.uid != before.uid && $0.phase == "Running" && $0.complaints.isEmpty }
        try NetworkPods.expect("http://127.0.0.1:8090", answers: "web")
      }
    }

    @Test("berth validate warns of a port that a program of the node has, and of none that a pod has")
    func validation() throws {
      try withDaemon { daemon in
        try daemon.run(
          "web", NetworkPods.server("web", network: "network = \"host\"", container: "ports = [\"80\"]"))
        try daemon.run("dns", NetworkPods.server("dns", container: "ports = [\"5353:53/udp\", \"8080:80\"]"))
        try NetworkPods.expect("http://127.0.0.1:80", answers: "web")
        let own = try daemon.berth("validate", daemon.manifests)
        #expect(own.exit == 0 && own.stdout == "2 manifests: ok\n", "\(own)")
        let listener = try Listener("127.0.0.1", 8081)
        let file = try daemon.directory.write(NetworkPods.server("new", container: "ports = [\"8081:80\"]"), to: "new.toml")
        let taken = try daemon.berth("validate", file)
        #expect(taken.exit == 0, "a program may go: no error")
        #expect(taken.stdout.contains("new.toml:8:10: warning: port 8081/tcp of the node is taken: "), "\(taken)")
        #expect(taken.stdout.contains("(pid \(ProcessControl.pid)) listens on it"), "\(taken)")
        // On a machine without a daemon it is a question of another machine.
        let elsewhere = try Command.run(Binaries.berth, ["--address", "\(daemon.directory.path)/none", "validate", file])
        #expect(elsewhere.exit == 0 && elsewhere.stdout == "1 manifest: ok\n", "\(elsewhere)")
        _ = consume listener
        #expect(try daemon.berth("validate", file).stdout == "1 manifest: ok\n")
      }
    }
  }
}

/// A UDP server on port 53 in a pod's network namespace: answers each packet with a line.
private final class Answerer {
  private let pid: Int32

  init(in pod: PodView, answer: String) throws {
    pid = try Spawn.start(
      Command.locate("nsenter"),
      arguments: [
        "nsenter", "--net=/proc/\(pod.container.pid ?? 0)/ns/net", "socat", "UDP-LISTEN:53,fork,reuseaddr", "SYSTEM:echo \(answer)",
      ], environment: Command.environment, newSession: true)
  }

  deinit {
    _ = try? Command.run("sh", ["-c", "kill -9 -- -\(pid)"])
    Children.wait(for: pid, deadline: .zero)
  }
}
