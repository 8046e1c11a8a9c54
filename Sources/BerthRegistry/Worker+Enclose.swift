import BerthCore
import BerthImages
import BerthLinux

/// What a worker sees of the node: the store that it works on, the file that it reads, or what name resolution and TLS need.
extension Worker {
  static func enclose(_ job: WorkerJob) throws(BerthError) {
    var places = [Enclosure.Place(job.content, isWritable: true), Enclosure.Place(job.layers, isWritable: true)]
    let reference = try ImageReference(job.reference)
    if let path = reference.path { places.append(Enclosure.Place(path)) }
    try enclose(places, hasNetwork: reference.isRemote)
  }

  static func enclose(_ errand: WorkerErrand) throws(BerthError) {
    // Opening a store makes what is missing of it.
    if case .push(_, _, let content, _, _) = errand { return try enclose([Enclosure.Place(content, isWritable: true)], hasNetwork: true) }
    try enclose([], hasNetwork: true)
  }

  private static func enclose(_ places: [Enclosure.Place], hasNetwork: Bool) throws(BerthError) {
    let outside = hasNetwork ? network + libraries : libraries
    do throws(Errno) { try Enclosure.enter(places + outside.map { Enclosure.Place($0) }, hasNetwork: hasNetwork) } catch {
      throw BerthError(.unavailable, "confine berth-worker", cause: "\(error); it needs namespaces and mounts of its own")
    }
  }

  /// Name resolution loads modules of libc at its first use.
  private static let libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"]

  private static let network = [
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/ssl", "/etc/pki",
    "/etc/ca-certificates", "/etc/crypto-policies", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
  ]
}
