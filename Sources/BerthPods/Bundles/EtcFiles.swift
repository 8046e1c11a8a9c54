import BerthCore
import BerthLinux
import BerthManifest

/// The generated /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod.
struct EtcFiles {
  var spec: PodSpec
  /// What the pod's networks are on this node.
  var network: PodNetwork
  /// The node's own resolv.conf and hosts; empty where it has none.
  var nodeResolv: String
  var nodeHosts: String

  init(spec: PodSpec, network: PodNetwork) {
    self.spec = spec
    self.network = network
    nodeResolv = Self.resolv(isHost: network == .host)
    nodeHosts = network == .host ? (try? Files.readText("/etc/hosts", limit: 1 << 20)) ?? "" : ""
  }

  /// `hosts`: the text of the hosts file, with the names of the pod's networks. Into `directory`, which is made.
  func write(hosts: String, to directory: String) throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectories(directory)
      try Files.writeAtomically(hosts.utf8, to: "\(directory)/hosts", mode: 0o644)
      try Files.writeAtomically((spec.hostname + "\n").utf8, to: "\(directory)/hostname", mode: 0o644)
      try Files.writeAtomically(resolv().utf8, to: "\(directory)/resolv.conf", mode: 0o644)
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write pod files", directory, cause: "\(error)") }
  }

  /// Before a container has it mounted.
  func write(resolv: String, to directory: String) throws(BerthError) {
    do throws(Errno) { try Files.writeAtomically(resolv.utf8, to: "\(directory)/resolv.conf", mode: 0o644) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write pod files", directory, cause: "\(error)")
    }
  }

  /// Without the names of the pod's networks.
  var hosts: String {
    var text = nodeHosts.isEmpty ? "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" : nodeHosts
    if !text.hasSuffix("\n") { text += "\n" }
    if network == .none { text += "127.0.0.1\t\(spec.hostname)\n" }
    for address in spec.hosts.keys.sorted() { text += "\(address)\t\((spec.hosts[address] ?? []).joined(separator: " "))\n" }
    return text
  }

  // MARK: resolv.conf

  /// The manifest's word, then the networks', then the node's. A manifest that names no servers keeps the others'.
  func resolv(nameservers: [String] = [], searches: [String] = []) -> String {
    let node = nameservers.isEmpty ? nodeResolv : Self.text(servers: nameservers, searches: searches, options: [])
    guard let dns = spec.dns else { return node }
    let servers = dns.servers.isEmpty ? Self.words("nameserver", in: node) : dns.servers
    return Self.text(servers: servers, searches: dns.searches, options: dns.options)
  }

  private static func text(servers: [String], searches: [String], options: [String]) -> String {
    var text = servers.map { "nameserver \($0)\n" }.joined()
    if !searches.isEmpty { text += "search \(searches.joined(separator: " "))\n" }
    if !options.isEmpty { text += "options \(options.joined(separator: " "))\n" }
    return text
  }

  private static let path = "/etc/resolv.conf"
  /// Where systemd-resolved writes the servers behind its stub.
  private static let behindStub = "/run/systemd/resolve/resolv.conf"

  private static func resolv(isHost: Bool) -> String {
    let own = (try? Files.readText(path, limit: 1 << 16)) ?? ""
    if isHost { return own }
    return reachable(own, behindStub: (try? Files.readText(behindStub, limit: 1 << 16)) ?? "")
  }

  /// What a pod with a loopback of its own can use: a server on the node's loopback (systemd-resolved's stub, dnsmasq) isn't there for it.
  static func reachable(_ resolv: String, behindStub: String) -> String {
    func isUsable(_ server: String) -> Bool { !server.hasPrefix("127.") && server != "::1" }
    let servers = words("nameserver", in: resolv)
    if !servers.isEmpty, !servers.contains(where: isUsable), words("nameserver", in: behindStub).contains(where: isUsable) {
      return reachable(behindStub, behindStub: "")
    }
    return resolv.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
      words("nameserver", in: String(line)).allSatisfy(isUsable)
    }.joined(separator: "\n")
  }

  /// The first word after `key` in each of its lines.
  private static func words(_ key: String, in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      return words.count > 1 && words[0] == key ? String(words[1]) : nil
    }
  }
}
