import BerthCore
import BerthLinux
import BerthManifest

/// The generated /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod.
struct EtcFiles {
  var spec: PodSpec
  /// The node's own resolv.conf and hosts; empty where it has none.
  var nodeResolv: String
  var nodeHosts: String

  init(spec: PodSpec) {
    self.spec = spec
    nodeResolv = (try? Files.readText("/etc/resolv.conf", limit: 1 << 16)) ?? ""
    nodeHosts = spec.network == .host ? (try? Files.readText("/etc/hosts", limit: 1 << 20)) ?? "" : ""
  }

  /// Into `directory`, which is made.
  func write(to directory: String) throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectories(directory)
      try Files.writeAtomically(hosts.utf8, to: "\(directory)/hosts", mode: 0o644)
      try Files.writeAtomically((spec.hostname + "\n").utf8, to: "\(directory)/hostname", mode: 0o644)
      try Files.writeAtomically(resolv.utf8, to: "\(directory)/resolv.conf", mode: 0o644)
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write pod files", directory, cause: "\(error)") }
  }

  var hosts: String {
    var text = nodeHosts.isEmpty ? "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" : nodeHosts
    if !text.hasSuffix("\n") { text += "\n" }
    if spec.network == .none { text += "127.0.0.1\t\(spec.hostname)\n" }
    for address in spec.hosts.keys.sorted() { text += "\(address)\t\((spec.hosts[address] ?? []).joined(separator: " "))\n" }
    return text
  }

  var resolv: String {
    guard let dns = spec.dns else { return nodeResolv }
    var text = ""
    for server in dns.servers { text += "nameserver \(server)\n" }
    if !dns.searches.isEmpty { text += "search \(dns.searches.joined(separator: " "))\n" }
    if !dns.options.isEmpty { text += "options \(dns.options.joined(separator: " "))\n" }
    return text
  }
}
