import BerthLinux
import CCurl

/// libcurl's multi handles that no transfer uses now, with the connections that they keep open: the next request of the same place
/// needs no new handshake.
enum TransferPool {
  /// Passed from thread to thread, used by one at a time.
  struct Handle: @unchecked Sendable { var raw: UnsafeMutableRawPointer }

  private static let idle = Monitor<[Handle]>([])
  private static let limit = 16

  /// nil: libcurl has no memory.
  static func take() -> Handle? {
    if let handle = idle.with({ $0.popLast() }) { return handle }
    return curl_multi_init().map { Handle(raw: $0) }
  }

  static func put(_ handle: Handle) {
    let isKept = idle.with { idle -> Bool in
      guard idle.count < limit else { return false }
      idle.append(handle)
      return true
    }
    if !isKept { curl_multi_cleanup(handle.raw) }
  }
}
