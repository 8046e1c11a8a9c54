import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("ports of pods made reachable")
  struct PortForwards {
    /// Starts it for `body`, which gets the port here.
    private func forward(_ daemon: DaemonUnderTest, _ remote: Int, _ body: (String) throws -> Void) throws {
      let out = "\(daemon.directory.path)/forward-\(remote)"
      let begun = try Command.run(
        "sh", ["-c", "\(Binaries.berth) -a \(daemon.socket) port-forward web 0:\(remote) > \(out) 2> \(out).errors & echo $!"])
      let pid = begun.stdout.filter(\.isNumber)
      defer { _ = try? Command.run("sh", ["-c", "kill \(pid)"]) }
      let line = try eventually("it listens", seen: { (try? Files.readText("\(out).errors")) ?? "" }) {
        (try? Files.readText(out)).flatMap { $0.hasSuffix("\n") ? $0 : nil }
      }
      #expect(line.hasPrefix("Forwarding 127.0.0.1:") && line.hasSuffix(" -> \(remote)\n"), "\(line)")
      try body(String(line.dropFirst("Forwarding 127.0.0.1:".count).prefix { $0.isNumber }))
    }

    @Test("connections reach the pod's loopback interface, many at once and in megabytes; nobody listening is told")
    func reach() throws {
      try withDaemon { daemon in
        let script =
          "mkdir /tmp/www; head -c 5000000 /dev/zero > /tmp/www/big; echo hello > /tmp/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /tmp/www"
        try daemon.run("web", ManifestText.of(script).replacingFirst("\"3s\"", with: "\"100ms\""))
        try forward(daemon, 8080) { port in
          let get = "busybox wget -Y off -qO- http://127.0.0.1:\(port)"
          try eventually("it answers") { try Command.run("sh", ["-c", "\(get)/index.html"]).stdout == "hello\n" }
          let many = try Command.run(
            "sh", ["-c", "for n in $(seq 20); do (\(get)/big | wc -c) & done; wait"], deadline: .seconds(60))
          #expect(many.stdout.split(separator: "\n") == Array(repeating: "5000000", count: 20))
        }
        try forward(daemon, 81) { port in
          _ = try Command.run("sh", ["-c", "busybox wget -Y off -qO- http://127.0.0.1:\(port)/"])
          let errors = try eventually("it is told") {
            (try? Files.readText("\(daemon.directory.path)/forward-81.errors")).flatMap { $0.hasSuffix("\n") ? $0 : nil }
          }
          #expect(errors.contains("port 81") && errors.contains("nobody listens"), "\(errors)")
        }
        for arguments in [["nobody", "80"], ["web", "0"], ["web", "x:80"], ["web", "1:2:3"]] {
          let failed = try daemon.berth(["port-forward"] + arguments)
          #expect(failed.exit == 1 && failed.stderr.hasPrefix("berth: "), "\(failed)")
        }
      }
    }

    @Test("a connection goes on while the daemon is killed and started again")
    func daemonRestart() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of("exec nc -ll -p 9000 -e cat").replacingFirst("\"3s\"", with: "\"100ms\""))
        try forward(daemon, 9000) { port in
          let (said, go) = ("\(daemon.directory.path)/said", "\(daemon.directory.path)/go")
          let client = """
            exec 3<> /dev/tcp/127.0.0.1/\(port)
            echo before >&3; read -t 30 line <&3; echo "$line" > \(said)
            while [ ! -e \(go) ]; do sleep 0.1; done
            echo after >&3; read -t 30 line <&3; echo "$line" >> \(said)
            """
          // The listener in the pod may come a moment later.
          try eventually("it listens in the pod") {
            let echo = "exec 3<> /dev/tcp/127.0.0.1/\(port) && echo hi >&3 && read -t 2 line <&3 && echo $line"
            return try Command.run("bash", ["-c", echo]).stdout == "hi\n"
          }
          #expect(try Command.run("bash", ["-c", "(\(client)) > /dev/null 2>&1 < /dev/null &"]).exit == 0)
          try eventually("the pod answers") { (try? Files.readText(said)) == "before\n" }
          daemon.crash()
          try daemon.start()
          try Files.writeAtomically([], to: go)
          try eventually("the pod still answers") { (try? Files.readText(said)) == "before\nafter\n" }
        }
      }
    }
  }
}
