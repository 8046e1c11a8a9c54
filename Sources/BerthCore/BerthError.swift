/// What kind of failure an error is. A small closed set, mapped once to HTTP status and exit codes; retryable or not follows
/// from it, never from text.
public enum ErrorCode: String, Sendable, CaseIterable {
  case notFound = "not_found"
  case alreadyExists = "already_exists"
  case invalidArgument = "invalid_argument"
  case failedPrecondition = "failed_precondition"
  case unavailable
  case permissionDenied = "permission_denied"
  case resourceExhausted = "resource_exhausted"
  case deadlineExceeded = "deadline_exceeded"
  case cancelled
  case unsupported
  case dataLoss = "data_loss"
  case bug

  /// Whether the same call may succeed later without anybody changing its input.
  public var isRetryable: Bool {
    switch self {
    case .unavailable, .resourceExhausted, .deadlineExceeded, .cancelled: true
    case .notFound, .alreadyExists, .invalidArgument, .failedPrecondition, .permissionDenied, .unsupported, .dataLoss, .bug: false
    }
  }

  /// The HTTP status that the API answers with.
  public var httpStatus: Int {
    switch self {
    case .notFound: 404
    case .alreadyExists, .failedPrecondition: 409
    case .invalidArgument: 400
    case .permissionDenied: 403
    case .resourceExhausted: 429
    case .unavailable, .cancelled: 503
    case .deadlineExceeded: 504
    case .unsupported: 501
    case .dataLoss, .bug: 500
    }
  }
}

/// The one error type that crosses a module boundary. Printed as `operation (subject): cause`.
public struct BerthError: Error, Sendable, Equatable, CustomStringConvertible {
  public var code: ErrorCode
  /// What was being done, in words: `pull image`.
  public var operation: String
  /// To what: a reference, a path, a pod. Empty where there is nothing to name.
  public var subject: String
  /// Why it failed, and what to do where that isn't obvious.
  public var cause: String

  public init(_ code: ErrorCode, _ operation: String, _ subject: String = "", cause: String) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.cause = cause
  }

  public var description: String {
    subject.isEmpty ? "\(operation): \(cause)" : "\(operation) (\(subject)): \(cause)"
  }
}
