import BerthCore

/// A container whose shim is dead, for a keeper to look after: its first process is nobody's child that anybody here could wait for.
public struct KeptContainer: Sendable, Hashable {
  /// A DNS-1123 label; also the name of the container's folder in the pod's state folder.
  public var name: String
  public var process: InitRecord
  /// Below every hierarchy's root.
  public var cgroup: String
  /// Where its output went until now.
  public var log: LogTarget
  /// The number of an inherited pidfd of the process, so that its end is known even if it has come already.
  public var handle: Int32?
  public var hasInput = false
  /// The number of an inherited descriptor: the other side of its terminal, where it has one and somebody held on to that.
  public var terminal: Int32?

  public init(name: String, process: InitRecord, cgroup: String, log: LogTarget) {
    self.name = name
    self.process = process
    self.cgroup = cgroup
    self.log = log
  }

  func encode(to writer: inout ByteWriter) {
    writer.text(name)
    process.encode(to: &writer)
    writer.text(cgroup)
    log.encode(to: &writer)
    writer.optional(handle) { $1.integer($0) }
    writer.bool(hasInput)
    if let terminal { writer.integer(terminal) }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    name = try reader.text(limit: ShimProtocol.Limit.name)
    guard DNSLabel.isValid(name), name != "shm" else { throw reader.failure("not a container's name") }
    process = try InitRecord(from: &reader)
    cgroup = try reader.text(limit: ShimProtocol.Limit.path)
    log = try LogTarget(from: &reader)
    handle = try reader.optional { (field: inout ByteReader) throws(ByteReaderError) in try field.integer(Int32.self) }
    hasInput = try reader.bool()
    if !reader.isAtEnd { terminal = try reader.integer(Int32.self) }
  }
}
