import BerthCore

/// A port of the node that a manifest asks for and somebody has who is no pod.
public struct TakenPort: Sendable, Hashable {
  public var port: UInt16
  public var transport: PortSpec.TransportProtocol
  /// A warning: who has it may go.
  public var diagnostic: Diagnostic
}

extension DecodedManifest {
  /// `holder` says in words who listens on a port of the node, as far as it is in the way of an address (nil: every one), and nil where
  /// nobody does.
  public func takenPorts(_ holder: (PortSpec.TransportProtocol, UInt16, IPAddress?) -> String?) -> [TakenPort] {
    claims.compactMap { claim in
      guard let words = holder(claim.transport, claim.port, claim.address.flatMap { IPAddress($0) }) else { return nil }
      var sink = DiagnosticSink(file: file, source: source)
      sink.warning(
        "port \(claim.text) of the node is taken: \(words) listens on it", at: claim.range, help: "the pod can't have it until it is free")
      return sink.diagnostics.first.map { TakenPort(port: claim.port, transport: claim.transport, diagnostic: $0) }
    }
  }
}

extension PodSpec {
  /// Whether it has that port of the node while it runs.
  public func takes(_ port: TakenPort) -> Bool {
    (initContainers + containers).contains { container in
      container.ports.contains { $0.transport == port.transport && (network == .host ? $0.container : $0.host) == port.port }
    }
  }
}
