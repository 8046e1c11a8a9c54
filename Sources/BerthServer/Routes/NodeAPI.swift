import BerthCore
import BerthImages
import BerthNetwork
import BerthNode
import BerthPods

/// What the API needs from the daemon besides the engine.
public struct DaemonInfo: Sendable {
  public var version: String
  public var nodeName: String
  public var manifests: String
  public var snapshotter: Snapshotter
  /// Ends the daemon.
  public var end: @Sendable () -> Void

  public init(
    version: String, nodeName: String, manifests: String, snapshotter: Snapshotter, end: @escaping @Sendable () -> Void
  ) {
    self.snapshotter = snapshotter
    self.version = version
    self.nodeName = nodeName
    self.manifests = manifests
    self.end = end
  }
}

/// The routes of docs/api.md over one node.
public struct NodeAPI: Sendable {
  let node: Node
  let images: ImageService
  let networks: NetworkService
  let volumes: VolumeStore
  let info: DaemonInfo
  /// For copies of files, which wait for their clients too.
  let copyPool = ThreadPool(name: "copies", threads: 4)
  let longWork = LongWork()
  /// For calls that block, moments only.
  let pool = ThreadPool(name: "api", threads: 2)

  public init(node: Node, images: ImageService, networks: NetworkService, volumes: VolumeStore, info: DaemonInfo) {
    self.node = node
    self.images = images
    self.networks = networks
    self.volumes = volumes
    self.info = info
  }

  public func router() -> Router {
    var router = Router()
    addPodRoutes(&router)
    addSessionRoutes(&router)
    addFileRoutes(&router)
    addPlanRoutes(&router)
    addRolloutRoutes(&router)
    addEventRoutes(&router)
    addImageRoutes(&router)
    addRegistryRoutes(&router)
    addArchiveRoutes(&router)
    addContentRoutes(&router)
    addContainerRoutes(&router)
    addTaskRoutes(&router)
    addNetworkRoutes(&router)
    addVolumeRoutes(&router)
    addNamespaceRoutes(&router)
    addHealthRoutes(&router)
    addMetricsRoutes(&router, isTrusted: true)
    return router
  }

  /// What is served over TCP: nothing but figures, as everybody on the node can ask there.
  public func metricsRouter() -> Router {
    var router = Router()
    addMetricsRoutes(&router, isTrusted: false)
    return router
  }

  /// Store and disk calls block: never on the server's threads.
  func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws(BerthError) -> Value) async throws(BerthError) -> Value {
    try await blocking(on: pool, body)
  }

  func blocking<Value: Sendable>(
    on pool: ThreadPool, _ body: @escaping @Sendable () throws(BerthError) -> Value
  ) async throws(BerthError) -> Value {
    let result = await Task(executorPreference: pool) { () -> Result<Value, BerthError> in
      do throws(BerthError) { return .success(try body()) } catch { return .failure(error) }
    }.value
    return try result.get()
  }

  func key(_ parameters: [String: String]) throws(BerthError) -> PodKey {
    let text = "\(parameters["namespace"] ?? "")/\(parameters["name"] ?? "")"
    guard let key = PodKey(text) else { throw BerthError(.invalidArgument, "find pod", text, cause: "not two DNS-1123 labels") }
    return key
  }
}

extension APIRequest {
  /// `timeout_ms`, nil where absent. Throws for what is no count of milliseconds.
  func timeout() throws(BerthError) -> Duration? {
    guard let text = query["timeout_ms"] else { return nil }
    guard let milliseconds = Int64(text), (0...86_400_000).contains(milliseconds) else {
      throw BerthError(.invalidArgument, "read request", "timeout_ms", cause: "expected milliseconds up to a day")
    }
    return .milliseconds(milliseconds)
  }

  func flag(_ name: String) -> Bool { query[name] == "true" || query[name] == "1" }
}
