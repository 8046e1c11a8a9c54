import BerthCore

/// What a shim answers.
public enum ShimReply: Sendable, Equatable {
  case ok
  case error(BerthError)
  case hello(ShimIdentity)
  /// Warnings say what the machine lacked a right for and was left out.
  case started(InitRecord, warnings: [String])
  case state(ShimState)
  /// The name of a session's one-time socket, in the pod's state folder. Since version 2.
  case session(socket: String)

  enum Kind: UInt8 {
    case ok = 0x80
    case error = 0x81
    case hello = 0x82
    case started = 0x83
    case state = 0x84
    case session = 0x90

    /// The first version of the protocol that has it.
    var version: UInt8 { self == .session ? 2 : 1 }
  }

  /// The packet that answers request `id`.
  public func encoded(id: UInt32) -> [UInt8] {
    ShimHeader(version: kind.version, type: kind.rawValue, id: id).packet { body in
      switch self {
      case .ok: break
      case .error(let error): error.encode(to: &body)
      case .hello(let identity):
        body.integer(identity.version)
        body.integer(identity.pid)
        body.text(identity.podUID)
      case .started(let record, let warnings):
        record.encode(to: &body)
        body.list(warnings.prefix(ShimProtocol.Limit.warnings)) { $1.text(BerthError.bounded($0)) }
      case .state(let state):
        body.bool(state.isSandboxReady)
        body.list(state.containers) { $0.encode(to: &$1) }
      case .session(let socket): body.text(socket)
      }
    }
  }

  var kind: Kind {
    switch self {
    case .ok: .ok
    case .error: .error
    case .hello: .hello
    case .started: .started
    case .state: .state
    case .session: .session
    }
  }

  /// nil for a type that this version doesn't know.
  public init?(_ header: ShimHeader, packet: [UInt8]) throws(ByteReaderError) {
    guard let kind = Kind(rawValue: header.type) else { return nil }
    self = try ShimHeader.body(of: packet) { (body: inout ByteReader) throws(ByteReaderError) in try Self.read(kind, &body) }
  }

  private static func read(_ kind: Kind, _ body: inout ByteReader) throws(ByteReaderError) -> ShimReply {
    switch kind {
    case .ok: return .ok
    case .error: return .error(try BerthError(from: &body))
    case .hello:
      return .hello(
        ShimIdentity(version: try body.integer(), pid: try body.integer(), podUID: try body.text(limit: ShimProtocol.Limit.name)))
    case .started:
      let record = try InitRecord(from: &body)
      let warnings = try body.list(limit: ShimProtocol.Limit.warnings) { (item: inout ByteReader) throws(ByteReaderError) in
        try item.text(limit: ShimProtocol.Limit.errorText)
      }
      return .started(record, warnings: warnings)
    case .state:
      let isReady = try body.bool()
      let containers = try body.list(limit: ShimProtocol.Limit.containers) { (item: inout ByteReader) throws(ByteReaderError) in
        try ShimContainer(from: &item)
      }
      return .state(ShimState(isSandboxReady: isReady, containers: containers))
    case .session: return .session(socket: try body.text(limit: ShimProtocol.Limit.socketName))
    }
  }
}

/// What a shim tells every client unasked.
public enum ShimEvent: Sendable, Hashable {
  case exited(container: String, ExitRecord)

  static let exitedType: UInt8 = 0xC0
  /// Types from here on are events: those that this version doesn't know are passed over.
  static let firstType: UInt8 = 0xC0

  /// Whether a packet is an event, known or not.
  public static func isEvent(_ header: ShimHeader) -> Bool { header.type >= firstType }

  public func encoded() -> [UInt8] {
    switch self {
    case .exited(let container, let record):
      ShimHeader(type: Self.exitedType, id: 0).packet { body in
        body.text(container)
        record.encode(to: &body)
      }
    }
  }

  /// nil for a type that this version doesn't know.
  public init?(_ header: ShimHeader, packet: [UInt8]) throws(ByteReaderError) {
    guard header.type == Self.exitedType else { return nil }
    self = try ShimHeader.body(of: packet) { (body: inout ByteReader) throws(ByteReaderError) in
      .exited(container: try body.text(limit: ShimProtocol.Limit.name), try ExitRecord(from: &body))
    }
  }
}

extension BerthError {
  /// Codes as the wire knows them: positions are for ever, new ones go to the end.
  private static let wireCodes: [ErrorCode] = [
    .bug, .notFound, .alreadyExists, .invalidArgument, .failedPrecondition, .unavailable, .permissionDenied, .resourceExhausted,
    .deadlineExceeded, .cancelled, .unsupported, .dataLoss,
  ]

  func encode(to writer: inout ByteWriter) {
    writer.integer(UInt8(clamping: Self.wireCodes.firstIndex(of: code) ?? 0))
    for text in [operation, subject, cause] { writer.text(Self.bounded(text)) }
  }

  /// Cut between characters, so that what arrives is valid UTF-8.
  static func bounded(_ text: String) -> String {
    guard text.utf8.count > ShimProtocol.Limit.errorText else { return text }
    return String(decoding: text.utf8.prefix(ShimProtocol.Limit.errorText - 3), as: UTF8.self)
  }

  /// A code that this version doesn't know is a `bug` of whoever sent it.
  init(from reader: inout ByteReader) throws(ByteReaderError) {
    let number = Int(try reader.integer(UInt8.self))
    let code = Self.wireCodes.indices.contains(number) ? Self.wireCodes[number] : .bug
    self.init(
      code, try reader.text(limit: ShimProtocol.Limit.errorText), try reader.text(limit: ShimProtocol.Limit.errorText),
      cause: try reader.text(limit: ShimProtocol.Limit.errorText))
  }
}
