import BerthCore
import BerthLinux
import Synchronization

/// The addresses of Berth's own network that are in use, each a file in a folder: named after the address, with the pod's uid and the
/// interface in it (the layout of CNI's host-local). A file is made before its address is used and removed after that has ended, so what
/// a crash leaves is seen by whoever reads the folder.
final class AddressPool: Sendable {
  private struct State {
    /// Address → pod's uid.
    var owners: [IPAddress: String] = [:]
    /// Of each family, the last one given out: the next one is the one after, so that an address rests before it is used again.
    var last: [Bool: IPAddress] = [:]
  }

  let directory: String
  private let state: Mutex<State>

  /// Reads what an earlier daemon left. The folder is made.
  init(directory: String) throws(BerthError) {
    self.directory = directory
    var state = State()
    do throws(Errno) {
      try Files.makeDirectories(directory)
      for name in try Files.list(directory) {
        guard let address = IPAddress(name) else { continue }
        let text = try Files.readText("\(directory)/\(name)", limit: 4096)
        state.owners[address] = String(text.prefix { $0 != "\r\n" && $0 != "\n" && $0 != "\r" })
      }
      for (name, isIPv6) in [("last_reserved_ip.0", false), ("last_reserved_ip.1", true)] {
        state.last[isIPv6] = (try? Files.readText("\(directory)/\(name)", limit: 64)).flatMap { IPAddress($0) }
      }
    } catch { throw BerthError(.unavailable, "read addresses in use", directory, cause: "\(error)") }
    self.state = Mutex(state)
  }

  /// An address of `subnet` for the pod, `wanted` if given.
  func claim(_ wanted: IPAddress?, in subnet: IPPrefix, for uid: String, interface: String) throws(BerthError) -> IPAddress {
    try state.withLock { (state) throws(BerthError) in
      let address: IPAddress
      if let wanted {
        try Self.check(wanted, in: subnet, state, uid)
        address = wanted
      } else {
        address = try Self.next(in: subnet, state)
      }
      do throws(Errno) {
        try Files.rewrite(Array("\(uid)\r\n\(interface)".utf8), to: "\(directory)/\(address)")
        if wanted == nil {
          try Files.rewrite(Array("\(address)".utf8), to: "\(directory)/last_reserved_ip.\(subnet.isIPv6 ? 1 : 0)")
          state.last[subnet.isIPv6] = address
        }
      } catch {
        throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "reserve address", "\(address)", cause: "\(error)")
      }
      state.owners[address] = uid
      return address
    }
  }

  /// All that the pod has; none is fine.
  func release(_ uid: String) throws(BerthError) {
    try state.withLock { (state) throws(BerthError) in
      for address in state.owners.filter({ $0.value == uid }).keys {
        do throws(Errno) { try Files.unlink("\(directory)/\(address)") } catch {
          throw BerthError(.unavailable, "release address", "\(address)", cause: "\(error)")
        }
        state.owners[address] = nil
      }
    }
  }

  /// In order.
  func addresses(of uid: String) -> [IPAddress] { state.withLock { $0.owners.filter { $0.value == uid }.keys.sorted() } }
  var owners: [IPAddress: String] { state.withLock { $0.owners } }

  // MARK: choosing

  private static func check(_ address: IPAddress, in subnet: IPPrefix, _ state: State, _ uid: String) throws(BerthError) {
    var reason: String?
    if let owner = state.owners[address], owner != uid { reason = "pod \(owner) has it" }
    if !isUsable(address, in: subnet) { reason = "it is the network's own" }
    if !subnet.contains(address) { reason = "it is not in the network's subnet \(subnet)" }
    if let reason { throw BerthError(.failedPrecondition, "reserve address", "\(address)", cause: reason) }
  }

  private static func next(in subnet: IPPrefix, _ state: State) throws(BerthError) -> IPAddress {
    var address = state.last[subnet.isIPv6] ?? BridgeConfiguration.gateway(of: subnet)
    // One step more than addresses are in use finds a free one, if there is any; three are the network's own.
    for _ in 0..<(state.owners.count + 4) {
      address = address.advanced(by: 1)
      if !subnet.contains(address) || !isUsable(address, in: subnet) { address = subnet.network.advanced(by: 2) }
      if state.owners[address] == nil { return address }
    }
    throw BerthError(.resourceExhausted, "reserve address", "\(subnet)", cause: "all of its addresses are in use")
  }

  /// Neither the network's own address, nor the gateway, nor IPv4's broadcast address.
  private static func isUsable(_ address: IPAddress, in subnet: IPPrefix) -> Bool {
    if address == subnet.network || address == BridgeConfiguration.gateway(of: subnet) { return false }
    return subnet.isIPv6 || subnet.contains(address.advanced(by: 1))
  }
}
