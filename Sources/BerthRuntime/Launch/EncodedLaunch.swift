import BerthCore

/// A launch request as it travels: JSON with a version of its own, read where it is performed.
public struct EncodedLaunch: Sendable, Hashable {
  public let json: [UInt8]

  /// Unread: `decode` tells whether it is one.
  public init(json: [UInt8]) { self.json = json }

  public init(_ request: LaunchRequest) { json = request.json().encoded() }

  public func decode() throws(BerthError) -> LaunchRequest {
    let value: JSON
    do throws(JSONError) { value = try JSON(parsing: json) } catch {
      throw BerthError(.invalidArgument, "read launch request", cause: error.description)
    }
    return try LaunchRequest(decoding: value)
  }
}
