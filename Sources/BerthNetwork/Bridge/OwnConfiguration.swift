import BerthCore
import BerthLinux
import BerthManifest

/// The configuration of Berth's own network on this node: chosen once, then kept in `ROOT/networks/bridge.conflist`, so that it is the
/// same after a restart and a reboot.
struct OwnConfiguration {
  let options: NetworkOptions
  init(_ options: NetworkOptions) { self.options = options }

  private var path: String { "\(options.root)/networks/\(NetworkAttachment.bridge).conflist" }

  /// nil before the network was first used.
  var kept: BridgeConfiguration? {
    (try? Files.read(path, limit: 1 << 16)).flatMap { try? JSON(parsing: $0) }.flatMap { BridgeConfiguration(conflist: $0) }
  }

  func read() throws(BerthError) -> BridgeConfiguration {
    if let kept, options.subnets.isEmpty || options.subnets == kept.subnets { return kept }
    var configuration = BridgeConfiguration(
      name: NetworkAttachment.bridge, link: "berth-\(options.instance)", subnets: options.subnets.sorted { !$0.isIPv6 && $1.isIPv6 })
    do throws(Errno) {
      if configuration.subnets.isEmpty {
        configuration.subnets = BridgeConfiguration.choose(instance: options.instance, taken: try taken(), withIPv6: hasIPv6)
      }
    } catch { throw BerthError(.unavailable, "choose subnet", configuration.name, cause: "\(error)") }
    guard BridgeConfiguration.areUsable(configuration.subnets) else {
      throw BerthError(
        .failedPrecondition, "choose subnet", configuration.name,
        cause: "every subnet overlaps with the node's routes; set [network] subnets")
    }
    do throws(Errno) {
      try Files.makeDirectories("\(options.root)/networks")
      let text = configuration.conflist(dataDirectory: "\(options.state)/networks").encoded()
      try Files.writeAtomically(text, to: path, mode: 0o644)
    } catch { throw BerthError(.unavailable, "keep network's configuration", path, cause: "\(error)") }
    return configuration
  }

  private func taken() throws(Errno) -> [IPPrefix] {
    let socket = try NetlinkSocket(.route)
    return try socket.routes() + socket.addresses().map(\.prefix)
  }

  private var hasIPv6: Bool { (try? Files.readText("/proc/sys/net/ipv6/conf/default/disable_ipv6", limit: 16)) == "0\n" }
}
