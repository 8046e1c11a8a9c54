import BerthCore
import BerthLinux
import BerthRuntime

/// What a pod's state folder and the kernel tell of it when its shim cannot be asked.
public struct PodFacts: Sendable, Equatable {
  /// Of one container.
  public struct Container: Sendable, Equatable {
    /// Of the latest attempt that ran.
    public var initRecord: InitRecord?
    /// Whether that very process still runs.
    public var isInitAlive: Bool
    /// Of the latest attempt, nil while it runs, or where the shim died before it could write it: then the code is unknown.
    public var exit: ExitRecord?

    public init(initRecord: InitRecord? = nil, isInitAlive: Bool = false, exit: ExitRecord? = nil) {
      self.initRecord = initRecord
      self.isInitAlive = isInitAlive
      self.exit = exit
    }
  }

  /// Who the shim was; nil if none ever got so far.
  public var shim: ProcessIdentity?
  /// A shim that is alive can be connected to.
  public var isShimAlive = false
  /// Who looks after what a dead shim left.
  public var keeper: ProcessIdentity?
  public var isKeeperAlive = false
  /// By name.
  public var containers: [String: Container] = [:]
  /// Records that are there but cannot be read, `.dataLoss`.
  public var problems: [BerthError] = []

  /// Reads the folder `podDirectory`. One that isn't there, or is empty, gives empty facts.
  public static func read(_ podDirectory: String) throws(BerthError) -> PodFacts {
    let folder = PodFolder(podDirectory)
    var facts = PodFacts()
    facts.shim = facts.record(folder.identity) { ProcessIdentity($0) }
    facts.isShimAlive = facts.shim?.isAlive ?? false
    facts.keeper = facts.record(folder.keeperIdentity) { ProcessIdentity($0) }
    facts.isKeeperAlive = facts.keeper?.isAlive ?? false
    let names: [String]
    do throws(Errno) { names = try Files.list(podDirectory) } catch {
      if error == .notFound { return facts }
      throw BerthError(.unavailable, "read pod's records", podDirectory, cause: error.description)
    }
    for name in names where DNSLabel.isValid(name) {
      var container = Container()
      container.initRecord = facts.record(folder.initRecord(name)) { InitRecord($0) }
      container.exit = facts.record(folder.exitRecord(name)) { ExitRecord($0) }
      if let record = container.initRecord {
        container.isInitAlive = record.process.isAlive
        if let exit = container.exit, exit.attempt < record.attempt { container.exit = nil }
      }
      if container.initRecord != nil || container.exit != nil { facts.containers[name] = container }
    }
    return facts
  }

  /// nil if the file isn't there; one that cannot be read becomes a problem.
  private mutating func record<Record>(_ path: String, _ decode: (JSON) -> Record?) -> Record? {
    let cause: String
    do throws(Errno) {
      let bytes = try Files.read(path, limit: 64 << 10)
      if let json = try? JSON(parsing: bytes), let record = decode(json) { return record }
      cause = "not a record that this version knows"
    } catch {
      if error == .notFound || error == .notDirectory { return nil }
      cause = error.description
    }
    problems.append(BerthError(.dataLoss, "read pod's records", path, cause: cause))
    return nil
  }
}
