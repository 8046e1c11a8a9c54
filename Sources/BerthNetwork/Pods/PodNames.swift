import BerthCore
import BerthLinux
import BerthManifest

/// Keeps /etc/hosts of every pod that is on a network: pods on one network find each other by `pod` and `pod.namespace`.
///
/// Files and not a name server: they need nobody to answer, so names hold while the daemon is away. They are written on a thread of their
/// own, so that a pod's start doesn't wait for its neighbours' files; changes that come quickly are written once.
final class PodNames: Sendable {
  struct Member: Sendable, Hashable {
    var key: PodKey
    var hostname: String
    /// By network.
    var addresses: [String: [IPAddress]]
    /// Of its hosts file, and what stands in it before the names.
    var path: String
    var base: String
    /// Whether other pods find it by its name.
    var isServing = true
  }

  private struct State {
    /// By pod's uid.
    var members: [String: Member] = [:]
    /// What each file has.
    var written: [String: String] = [:]
    var isChanged = false
    var isRunning = false
  }

  private let state = Monitor(State())

  /// A pod comes, or has other addresses now.
  func put(_ member: Member, uid: String) {
    start {
      $0.members[uid] = member
      $0.isChanged = true
    }
  }

  /// The pod has other addresses now.
  func update(_ uid: String, _ addresses: [String: [IPAddress]]) {
    start {
      guard $0.members[uid]?.addresses != addresses else { return }
      $0.members[uid]?.addresses = addresses
      $0.isChanged = true
    }
  }

  /// Whether the pod's name leads to this instance of it.
  func setServing(_ uid: String, _ isServing: Bool) {
    start {
      guard $0.members[uid] != nil, $0.members[uid]?.isServing != isServing else { return }
      $0.members[uid]?.isServing = isServing
      $0.isChanged = true
    }
  }

  /// The text of its file now.
  func text(of uid: String) -> String? {
    state.with { state in state.members[uid].map { Self.text(of: $0, among: state.members.values) } }
  }

  func remove(_ uid: String) {
    start {
      guard let member = $0.members.removeValue(forKey: uid) else { return }
      $0.written[member.path] = nil
      $0.isChanged = true
    }
  }

  private func start(_ change: (inout State) -> Void) {
    let isFirst = state.with { state -> Bool in
      change(&state)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { Threads.start("berth-names") { self.run() } }
  }

  private func run() -> Never {
    while true {
      let files = state.wait { state -> [(path: String, text: String)]? in
        guard state.isChanged else { return nil }
        state.isChanged = false
        let all = state.members.values
        return all.map { ($0.path, Self.text(of: $0, among: all)) }.filter { state.written[$0.0] != $0.1 }
      }
      for file in files {
        // A pod that is just being removed has no file any more; one that isn't made yet writes its own.
        guard Files.exists(file.path), (try? Files.rewrite(Array(file.text.utf8), to: file.path, mode: 0o644)) != nil else { continue }
        state.with { state in
          if state.members.values.contains(where: { $0.path == file.path }) { state.written[file.path] = file.text }
        }
      }
    }
  }

  // MARK: the text

  /// The pod itself, then its neighbours by name. A pod's bare name is for its own namespace.
  static func text(of member: Member, among all: some Collection<Member>) -> String {
    var text = member.base
    var own = [member.hostname, member.key.name, "\(member.key.name).\(member.key.namespace)"]
    own = own.enumerated().filter { own.firstIndex(of: $1) == $0 }.map(\.element)
    for address in member.addresses.sorted(by: { $0.key < $1.key }).flatMap(\.value) {
      text += "\(address)\t\(own.joined(separator: " "))\n"
    }
    for other in all.sorted(by: { $0.key < $1.key }) where other.path != member.path && other.isServing {
      let full = "\(other.key.name).\(other.key.namespace)"
      let names = other.key.namespace == member.key.namespace ? "\(other.key.name) \(full)" : full
      for (network, addresses) in other.addresses.sorted(by: { $0.key < $1.key }) where member.addresses[network] != nil {
        for address in addresses { text += "\(address)\t\(names)\n" }
      }
    }
    return text
  }
}
