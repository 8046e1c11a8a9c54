import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("pod networks over many lives", .enabled(if: Command.exists("nft"), "nft(8) is not installed"))
  struct NetworkCycles {
    /// `BERTH_NETWORK_CYCLES` sets how many; CI's run is short.
    @Test("pods that come and go while the daemon is killed leave no address, interface, port or record")
    func cycles() throws {
      let cycles = getenv("BERTH_NETWORK_CYCLES").flatMap { Int(String(cString: $0)) } ?? 24
      try withDaemon { daemon in
        var delay: UInt32 = 1
        var present: Set<String> = []
        for number in 0..<cycles {
          let name = "pod-\(number % 3)"
          let port = 9000 + number % 3
          try daemon.drop(
            name, NetworkPods.idle(container: "ports = [\"\(port):80\", \"\(port):53/udp\"]\nenv = { CYCLE = \"\(number)\" }"))
          present.insert(name)
          // Moments from before the pod is made to after it runs, spread so that each cycle hits another.
          delay = (delay &* 2_654_435_761 &+ 12345) % 60_000
          usleep(delay)
          if number % 2 == 0 {
            daemon.crash()
            try daemon.start()
          }
          if number % 3 == 2 {
            for name in present { try daemon.remove(name) }
            present = []
          }
        }
        for name in present { try daemon.remove(name) }
        // Files that went before the new daemon looked are a removal of all pods that no event explains.
        #expect(try daemon.berth("sync", "--prune", "--wait", "--timeout", "30s").exit == 0)
        try expectNothingLeft(daemon)
        // What is there still works.
        try daemon.run("last", NetworkPods.server("last", container: "ports = [\"9000:80\"]"))
        try NetworkPods.expect("http://127.0.0.1:9000", answers: "last")
        // Where nothing was left is where something stands while a pod runs.
        #expect(try !names("\(daemon.state)/networks/bridge").isEmpty && !names("\(daemon.root)/networks/pods").isEmpty)
      }
    }

    /// A folder that nobody needed yet isn't there.
    private func names(_ folder: String) throws -> [String] { Files.exists(folder) ? try Files.list(folder) : [] }

    private func expectNothingLeft(_ daemon: DaemonUnderTest) throws {
      for name in 0..<3 { try daemon.wait("pod-\(name)", for: "deleted") }
      let addresses = try names("\(daemon.state)/networks/bridge").filter { !$0.hasPrefix("last_reserved_ip") }
      #expect(addresses.isEmpty, "\(addresses)")
      #expect(try names("\(daemon.root)/networks/pods").isEmpty)
      #expect(try Files.list("/sys/class/net").filter { $0.hasPrefix("bv") }.isEmpty)
      #expect(try !NetworkPods.shell("nft list ruleset").stdout.contains("elements"))
      for port in 9000...9002 { _ = try Listener("0.0.0.0", UInt16(port)) }
    }
  }
}
