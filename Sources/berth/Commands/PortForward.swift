import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

struct PortForward: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port-forward", abstract: "Make ports of a pod reachable here.",
    discussion: """
      Connections to LOCAL go to REMOTE on the pod's own loopback interface, whatever its network is. Those that stand outlive a restart of \
      berthd. For root. It goes on until it is ended.
      """)

  @OptionGroup var options: GlobalOptions
  @Option(help: "The address to listen on, numeric.") var bind = "127.0.0.1"
  @Argument(help: "[NAMESPACE/]POD.") var pod: String
  @Argument(help: "[LOCAL:]REMOTE; LOCAL is REMOTE unless given, 0 takes a free one.") var ports: [String]

  /// At a time, of all ports.
  private static let most = 256

  func run() throws {
    let key = try options.key(pod)
    let route = "/v1/pods/\(key.namespace)/\(key.name)"
    // An unknown pod is told now and not with the first connection.
    _ = try options.client.json("GET", route)
    let wanted = try ports.map { (text) throws(BerthError) in try Self.parse(text) }
    let open = ConnectionLimit(Self.most)
    let client = options.client
    for (local, remote) in wanted {
      let (number, port) = try listen(local)
      Terminal.print("Forwarding \(bind.contains(":") ? "[\(bind)]" : bind):\(port) -> \(remote)")
      Terminal.flush()
      Threads.start("port-\(remote)") { Self.serve(TCPListener(owning: number, port: port), client, route, remote, open) }
    }
    while true { Clock.pause(.seconds(86_400)) }
  }

  private func listen(_ port: UInt16) throws(BerthError) -> (number: Int32, port: UInt16) {
    do throws(Errno) { return try TCPListener(bind, port: port).release() } catch {
      throw BerthError(.unavailable, "listen", "\(bind):\(port)", cause: "\(error)")
    }
  }

  static func parse(_ text: String) throws(BerthError) -> (local: UInt16, remote: UInt16) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt16($0) }
    guard numbers.count == parts.count, (1...2).contains(numbers.count), let remote = numbers.last, remote > 0 else {
      throw BerthError(.invalidArgument, "forward port", text, cause: "expected [LOCAL:]REMOTE, two numbers up to 65535")
    }
    return (numbers[0], remote)
  }

  private static func serve(
    _ listener: consuming TCPListener, _ client: APIClient, _ route: String, _ remote: UInt16, _ open: ConnectionLimit
  ) {
    while true {
      let near: FD
      do throws(Errno) { near = try listener.accept() } catch {
        // Too many descriptors, most likely: those that are open end some time.
        Terminal.printError("berth: accept (port \(remote)): \(error)")
        Clock.pause(.seconds(1))
        continue
      }
      open.enter()
      let number = near.release()
      Threads.start("connection") {
        relay(FD(owning: number), client, route, remote)
        open.leave()
      }
    }
  }

  private static func relay(_ near: consuming FD, _ client: APIClient, _ route: String, _ remote: UInt16) {
    do throws(BerthError) {
      let far = try PodConnection.open(client, route: route, port: remote)
      var relay = TwoWayRelay(consume near, consume far)
      // A connection that breaks ends both of its sides: their users see it.
      try? relay.run()
    } catch { Terminal.printError("berth: \(error)") }
  }
}

/// Holds up those that are too many.
private final class ConnectionLimit: Sendable {
  private let open: Monitor<Int>
  private let most: Int
  init(_ most: Int) {
    open = Monitor(0)
    self.most = most
  }
  func enter() {
    _ = open.wait { [most] count -> Bool? in
      guard count < most else { return nil }
      count += 1
      return true
    }
  }
  func leave() { open.with { $0 -= 1 } }
}
