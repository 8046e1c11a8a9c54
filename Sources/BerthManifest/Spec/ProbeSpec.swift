import BerthCore

/// A question that is put to a container again and again. Meaning and defaults are Kubernetes'.
public struct ProbeSpec: Hashable, Sendable {
  public var action: ProbeAction
  /// From the container's start to the first probe.
  public var initialDelay: Duration = .zero
  public var period: Duration = .seconds(10)
  /// Of one probe.
  public var timeout: Duration = .seconds(1)
  /// Answers in a row that settle it; failures for `failureThreshold`.
  public var successThreshold: Int64 = 1
  public var failureThreshold: Int64 = 3

  public init(_ action: ProbeAction) { self.action = action }
}

public enum ProbeAction: Hashable, Sendable {
  /// A program in the container that ends with 0.
  case exec(command: [String])
  /// Answered with 200 to 399.
  case httpGet(HTTPGet)
  /// Accepts a connection.
  case tcpSocket(port: UInt16)
  /// grpc.health.v1 says SERVING.
  case grpc(port: UInt16, service: String)
}

/// A request to a server of the pod.
public struct HTTPGet: Hashable, Sendable {
  public enum Scheme: String, Sendable, CaseIterable { case http, https }
  public var path = "/"
  public var port: UInt16
  /// The certificate behind https is not checked.
  public var scheme = Scheme.http
  public var headers: [String: String] = [:]
  public init(port: UInt16) { self.port = port }
}

/// What happens once after a container's start or before its stop signal.
public enum HookSpec: Hashable, Sendable {
  case exec(command: [String])
  case httpGet(HTTPGet)
  case sleep(Duration)
}

/// A container's probes and hooks.
public struct LifecycleSpec: Hashable, Sendable {
  /// Restarts the container when it fails.
  public var livenessProbe: ProbeSpec?
  /// Decides whether the container is ready.
  public var readinessProbe: ProbeSpec?
  /// Holds the others back until it succeeded once; restarts the container when it fails.
  public var startupProbe: ProbeSpec?
  public var postStart: HookSpec?
  public var preStop: HookSpec?
  public init() {}

  /// Whether anything must happen before or while it runs for it to count as started, ready and healthy.
  public var isWatched: Bool { livenessProbe != nil || readinessProbe != nil || startupProbe != nil || postStart != nil }
}
