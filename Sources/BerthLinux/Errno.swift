import CBerthSys
import Glibc

/// A failed system call's error number. Leaves throw it; a module boundary wraps it once into a `BerthError`.
public struct Errno: Error, Sendable, Hashable, CustomStringConvertible {
  public let code: Int32
  public init(_ code: Int32) { self.code = code }

  /// The calling thread's current `errno`.
  public static var current: Errno { Errno(Glibc.errno) }

  /// The C library's words for it, and the name: `No such file or directory (ENOENT)`.
  public var description: String {
    guard let name = berth_errno_name(code), let text = berth_errno_text(code) else { return "error \(code)" }
    return "\(String(cString: text)) (\(String(cString: name)))"
  }

  public static let notFound = Errno(ENOENT)
  public static let exists = Errno(EEXIST)
  public static let again = Errno(EAGAIN)
  public static let interrupted = Errno(EINTR)
  public static let invalid = Errno(EINVAL)
  public static let notPermitted = Errno(EPERM)
  public static let accessDenied = Errno(EACCES)
  public static let notDirectory = Errno(ENOTDIR)
  public static let noSuchProcess = Errno(ESRCH)
  public static let noSpace = Errno(ENOSPC)
  public static let busy = Errno(EBUSY)
  public static let crossDevice = Errno(EXDEV)
  public static let notEmpty = Errno(ENOTEMPTY)
  public static let nameTooLong = Errno(ENAMETOOLONG)
  public static let tooManyLinks = Errno(EMLINK)
  public static let loop = Errno(ELOOP)
  public static let notSupported = Errno(EOPNOTSUPP)
  public static let noSystemCall = Errno(ENOSYS)
  public static let outOfMemory = Errno(ENOMEM)
  public static let tooManyFiles = Errno(EMFILE)
  public static let tooBig = Errno(EFBIG)
  public static let connectionRefused = Errno(ECONNREFUSED)
  public static let timedOut = Errno(ETIMEDOUT)
  public static let connectionReset = Errno(ECONNRESET)
  public static let addressInUse = Errno(EADDRINUSE)
  public static let protocolNotSupported = Errno(EPROTONOSUPPORT)
  public static let noDevice = Errno(ENODEV)
  public static let quotaExceeded = Errno(EDQUOT)
}

/// Calls `body` until it isn't interrupted by a signal; throws the errno of a negative result.
@discardableResult
@inlinable
public func call<Result: FixedWidthInteger & SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let error = Errno.current
    if error != .interrupted { throw error }
  }
}
