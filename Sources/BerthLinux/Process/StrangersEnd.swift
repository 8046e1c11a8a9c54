import CBerthSys

extension ProcessIdentity {
  /// A descriptor for this very process, a zombie included; nil once it is gone. Readable when it has ended.
  public func open() throws(Errno) -> FD? {
    do throws(Errno) {
      let handle = try ProcessControl.open(pid)
      // The number was still its own after it was opened.
      if try ProcessIdentity(of: pid) != self { return nil }
      return handle
    } catch {
      if error == .noSuchProcess { return nil }
      throw error
    }
  }

  /// SIGKILL, and waits for the end; one that is gone already is fine.
  public func end(within limit: Duration) throws(Errno) {
    guard let handle = try open() else { return }
    do throws(Errno) { try ProcessControl.signal(handle, 9) } catch { if error != .noSuchProcess { throw error } }
    _ = try Descriptors.waitReadable([handle.raw], timeout: limit)
  }

  /// The status in a zombie's /proc/PID/stat, which its parent hasn't taken yet.
  fileprivate var zombieStatus: Int32? {
    guard let text = try? Files.read("/proc/\(pid)/stat", limit: 8192), let bracket = text.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = text[(bracket + 1)...].split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") })
    // Counted from the third: state is field 3, the start 22, the exit code 52.
    guard fields.count > 49, fields[0].first == UInt8(ascii: "Z"), UInt64(String(decoding: fields[19], as: UTF8.self)) == startTicks
    else { return nil }
    return Int32(String(decoding: fields[49], as: UTF8.self))
  }
}

extension ExitStatus {
  /// How a process that has ended did so, although it is another's child: from its zombie, or from what the kernel keeps behind the
  /// pidfd once it is reaped (Linux 6.15). nil where neither tells.
  public static func ofStranger(_ pidfd: borrowing FD, _ process: ProcessIdentity) -> ExitStatus? {
    let number = pidfd.raw
    // Its parent may reap it in between: then the kernel is asked once more.
    if let status = known(number) ?? process.zombieStatus ?? known(number) { return ExitStatus(waitStatus: status) }
    return nil
  }

  private static func known(_ pidfd: Int32) -> Int32? {
    var status: Int32 = 0
    return berth_pidfd_ending(pidfd, &status) == 1 ? status : nil
  }
}
