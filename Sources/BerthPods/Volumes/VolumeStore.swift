import BerthCore
import BerthLinux

/// The persistent volumes of a root: they outlive the pods that made them. Blocks its thread.
public struct VolumeStore: Sendable {
  let paths: NodePaths

  public init(_ paths: NodePaths) { self.paths = paths }

  /// One volume: a pod's own, or one that the pods of a namespace share.
  public struct Volume: Sendable, Hashable, Comparable {
    public var namespace: String
    /// nil: shared.
    public var pod: String?
    public var name: String

    /// From the words of a path; `pod` is `.shared` for a shared one. Throws `invalidArgument`: they become folders' names.
    public init(namespace: String, pod: String, name: String) throws(BerthError) {
      let isShared = pod == Self.shared
      guard let key = PodKey("\(namespace)/\(isShared ? name : pod)"), PodKey("\(namespace)/\(name)") != nil else {
        throw BerthError(.invalidArgument, "find volume", "\(namespace)/\(pod)/\(name)", cause: "expected POD/NAME or \(Self.shared)/NAME")
      }
      self.namespace = key.namespace
      self.pod = isShared ? nil : pod
      self.name = name
    }

    static let shared = ".shared"

    /// `POD/NAME`.
    public var text: String { "\(pod ?? Self.shared)/\(name)" }

    public static func < (a: Volume, b: Volume) -> Bool { (a.namespace, a.text) < (b.namespace, b.text) }
  }

  /// Of all namespaces, sorted. A folder that is no volume's is left out.
  public func list() -> [Volume] {
    var volumes: [Volume] = []
    for namespace in Self.folders("\(paths.root)/volumes") {
      for pod in Self.folders("\(paths.root)/volumes/\(namespace)") {
        for name in Self.folders("\(paths.root)/volumes/\(namespace)/\(pod)") {
          if let volume = try? Volume(namespace: namespace, pod: pod, name: name) { volumes.append(volume) }
        }
      }
    }
    return volumes.sorted()
  }

  private static func folders(_ path: String) -> [String] {
    ((try? Files.list(path)) ?? []).filter { (try? Files.linkStatus("\(path)/\($0)"))?.kind == .directory }
  }

  public func path(_ volume: Volume) -> String {
    guard let pod = volume.pod else { return paths.sharedVolume(namespace: volume.namespace, volume.name) }
    return paths.persistentVolume(PodKey(namespace: volume.namespace, name: pod), volume.name)
  }

  /// What it occupies. Throws `notFound`.
  public func usage(_ volume: Volume) throws(BerthError) -> TreeUsage {
    do throws(Errno) { return try TreeUsage.of(try Files.openDirectoryPath(path(volume))) } catch {
      throw Self.error(error, "measure volume", volume)
    }
  }

  /// The volume with all that is in it. Whether a pod uses it is the caller's to know. Throws `notFound`.
  public func remove(_ volume: Volume) throws(BerthError) {
    let path = path(volume)
    do throws(Errno) {
      _ = try Files.linkStatus(path)
      // Gone in one step: a pod that comes meanwhile gets a new one, not half of this. What a crash left of an earlier one goes too.
      let folder = "\(paths.root)/volumes/\(volume.namespace)"
      try Files.rename(path, to: "\(folder)/\(Self.doomed)\(Clock.bootNanoseconds())")
      for name in try Files.list(folder) where name.hasPrefix(Self.doomed) { try Files.removeTree("\(folder)/\(name)") }
    } catch { throw Self.error(error, "remove volume", volume) }
  }

  /// No pod can be called so.
  private static let doomed = ".removed-"

  private static func error(_ error: Errno, _ operation: String, _ volume: Volume) -> BerthError {
    guard error == .notFound else { return BerthError(.unavailable, operation, volume.text, cause: "\(error)") }
    return BerthError(.notFound, operation, volume.text, cause: "there is no such volume; berth volume ls lists them")
  }
}
