import BerthCore

/// What a runtime does with a network's plugins. Blocks its thread. Source: CNI specification 1.1.0, section 2 "Lifecycle & Ordering",
/// section 3 "Attachment Parameters".
struct CNIClient: Sendable {
  var plugins: CNIPlugins

  /// ADD of each plugin in order, each with the result of the one before. The last result is the attachment's.
  /// `namespace`: a path that leads to the pod's network namespace.
  func add(_ attachment: CNIAttachment, containerID: String, namespace: String) throws(BerthError) -> CNIResult {
    let target = target(attachment, containerID, namespace)
    try status(attachment.network)
    var previous: JSON?
    for (plugin, type) in typed(attachment.network.plugins) {
      let input = attachment.network.configuration(of: plugin, capabilities: attachment.capabilities, previous: previous)
      let answer = try plugins.run(.add, type: type, target, input: input)
      // A plugin that only passes on may leave the answer out.
      if !answer.isNull { previous = answer }
    }
    return CNIResult(previous ?? .object([:]))
  }

  /// DEL of each plugin, the last first, each with the attachment's result. All are called; the first failure is thrown at the end.
  func delete(_ attachment: CNIAttachment, containerID: String, namespace: String?) throws(BerthError) {
    let target = target(attachment, containerID, namespace ?? "")
    var failure: BerthError?
    for (plugin, type) in typed(attachment.network.plugins).reversed() {
      let input = attachment.network.configuration(of: plugin, capabilities: attachment.capabilities, previous: attachment.result?.json)
      do throws(BerthError) { _ = try plugins.run(.delete, type: type, target, input: input) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Throws what is wrong with an attachment. Plugins before version 0.4.0 have no CHECK, and a list may forbid it.
  func check(_ attachment: CNIAttachment, containerID: String, namespace: String) throws(BerthError) {
    let network = attachment.network
    guard !network.disablesCheck, let result = attachment.result, !network.version.hasPrefix("0.") || network.version.hasPrefix("0.4.")
    else { return }
    let target = target(attachment, containerID, namespace)
    for (plugin, type) in typed(network.plugins) {
      let input = network.configuration(of: plugin, capabilities: attachment.capabilities, previous: result.json)
      _ = try plugins.run(.check, type: type, target, input: input)
    }
  }

  /// Throws why a network can't take pods now. Since version 1.1.0.
  func status(_ network: CNINetwork) throws(BerthError) {
    guard network.isAtLeast(minor: 1) else { return }
    for (plugin, type) in typed(network.plugins) {
      _ = try plugins.run(
        .status, type: type, CNIPlugins.Target(), input: network.configuration(of: plugin, capabilities: [:], previous: nil))
    }
  }

  /// Lets plugins free what belongs to none of `valid`. Since version 1.1.0.
  func collect(_ network: CNINetwork, valid: [(containerID: String, interface: String)]) throws(BerthError) {
    guard network.isAtLeast(minor: 1), !network.disablesGC else { return }
    let list = valid.map { JSON.object(["containerID": .string($0.containerID), "ifname": .string($0.interface)]) }
    for (plugin, type) in typed(network.plugins) {
      var input = network.configuration(of: plugin, capabilities: [:], previous: nil).object ?? [:]
      input["cni.dev/valid-attachments"] = .array(list)
      // The name that version 1.1.0's text gave it first.
      input["cni.dev/attachments"] = .array(list)
      _ = try plugins.run(.collect, type: type, CNIPlugins.Target(), input: .object(input))
    }
  }

  private func typed(_ plugins: [JSON]) -> [(JSON, String)] { plugins.compactMap { plugin in plugin["type"]?.string.map { (plugin, $0) } } }

  private func target(_ attachment: CNIAttachment, _ containerID: String, _ namespace: String) -> CNIPlugins.Target {
    CNIPlugins.Target(
      containerID: containerID, namespace: namespace, interface: attachment.interface, arguments: attachment.arguments)
  }
}
