import ArgumentParser
import BerthCore
import BerthLinux
import BerthNode
import BerthServer
import Glibc
import Logging

/// The daemon's log on standard error: what the event log says, and what concerns the daemon itself.
struct Log: Sendable {
  enum Level: String, ExpressibleByArgument, CaseIterable { case debug, info, warning, error }
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  let logger: Logger

  init(level: Level, format: Format) {
    logger = Logger(label: "berthd") { _ in
      StandardErrorHandler(format: format, logLevel: Logger.Level(rawValue: level.rawValue) ?? .info)
    }
  }

  func write(_ event: NodeEvent) {
    var metadata: Logger.Metadata = [:]
    if let pod = event.pod { metadata["pod"] = "\(pod)" }
    if let container = event.container { metadata["container"] = "\(container)" }
    let level: Logger.Level = event.severity == .warning ? .warning : .info
    // The first one stands in the message; each has a line of its own.
    let rest = event.diagnostics.filter { $0.severity == .error }.dropFirst()
    logger.log(level: level, "\(event.reason): \(event.message)", metadata: metadata)
    for diagnostic in rest { logger.log(level: level, "\(event.reason): \(diagnostic.summary)", metadata: metadata) }
  }

  /// Who asked for something that may change the node. Bodies and queries stay out: they may hold secrets.
  func audit(_ peer: APIServer.Peer, _ request: APIRequest) {
    logger.info(
      "asked for over the API",
      metadata: [
        "operation": "\(request.method) /\(request.path.joined(separator: "/"))", "peer_pid": "\(peer.pid)", "peer_uid": "\(peer.uid)",
      ])
  }

  static func fail(_ error: BerthError) -> Never {
    StandardError.write("berthd: \(error)\n")
    Glibc.exit(1)
  }
}

/// One line an entry: text for people, or JSON.
private struct StandardErrorHandler: LogHandler {
  var format: Log.Format
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let time = Timestamp(nanoseconds: Clock.wallNanoseconds())
    let values = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    switch format {
    case .json:
      var object: JSONObject = [
        "time": .string(time.description), "level": .string(event.level.rawValue), "message": .string(event.message.description),
      ]
      for (key, value) in values { object[key] = .string(value.description) }
      StandardError.write(String(decoding: JSON.object(object).encoded() + [10], as: UTF8.self))
    case .text:
      let suffix = values.map { " \($0.key)=\($0.value)" }.joined()
      StandardError.write("\(time) \(event.level.rawValue) \(event.message)\(suffix)\n")
    }
  }
}
