import ArgumentParser
import BerthCore
import BerthLinux
import BerthNode
import Glibc

/// The daemon's log on standard error: what the event log says, and what concerns the daemon itself.
struct Log: Sendable {
  enum Level: String, ExpressibleByArgument, CaseIterable, Comparable {
    case debug, info, warning, error
    static func < (a: Level, b: Level) -> Bool { (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0) }
  }
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  var level: Level
  var format: Format

  func write(_ level: Level, _ message: String, _ metadata: [(String, String)] = []) {
    guard level >= self.level else { return }
    let time = Timestamp(nanoseconds: Clock.wallNanoseconds())
    var line: String
    switch format {
    case .json:
      var object: JSONObject = ["time": .string(time.description), "level": .string(level.rawValue), "message": .string(message)]
      for (key, value) in metadata { object[key] = .string(value) }
      line = String(decoding: JSON.object(object).encoded(), as: UTF8.self)
    case .text:
      line = "\(time) \(level.rawValue) " + message
      for (key, value) in metadata { line += " \(key)=\(value)" }
    }
    fputs(line + "\n", stderr)
  }

  func write(_ event: NodeEvent) {
    var metadata: [(String, String)] = []
    if let pod = event.pod { metadata.append(("pod", pod.description)) }
    if let container = event.container { metadata.append(("container", container)) }
    write(event.severity == .warning ? .warning : .info, "\(event.reason): \(event.message)", metadata)
  }

  static func fail(_ error: BerthError) -> Never {
    fputs("berthd: \(error)\n", stderr)
    Glibc.exit(1)
  }
}
