import BerthCore
import BerthLinux

/// This program's standard streams, for a process of a container.
enum Streams {
  /// Copies above 2, so that no stream is overwritten before it is copied into place. They live as long as this process.
  static func duplicate() throws(BerthError) -> (Int32, Int32, Int32) {
    do throws(Errno) { return (try copy(0), try copy(1), try copy(2)) } catch {
      throw BerthError(.unavailable, "set up streams", cause: error.description)
    }
  }

  /// One that the caller has closed is /dev/null, and so is what the caller has open as that: containerd opens it for reading alone, and
  /// gives it as standard output.
  private static func copy(_ stream: Int32) throws(Errno) -> Int32 {
    guard let copy = try? Descriptors.duplicate(stream), (try? Files.isNull(copy)) != true else { return try Files.openNull().release() }
    return copy.release()
  }

  /// How many descriptors from 3 on are passed on. All of them must be the caller's: one that is missing could become one of this
  /// program's own. Below 0 is none, as for runc.
  static func preserved(_ words: Words) throws(BerthError) -> Int32 {
    guard let count = try words.number("preserve-fds", as: Int32.self), count > 0 else { return 0 }
    for number in 3..<(3 + min(count, 1 << 16)) where !Descriptors.isInherited(number) {
      let cause = "descriptor \(number) of 3 to \(2 + Int(count)) isn't open"
      throw BerthError(.invalidArgument, "set up streams", "--preserve-fds", cause: cause)
    }
    return min(count, 1 << 16)
  }

  static func writePid(_ pid: Int32, to path: String) throws(BerthError) {
    do throws(Errno) { try Files.writeAtomically(Array(String(pid).utf8), to: path, mode: 0o644) } catch {
      throw BerthError(.unavailable, "write pid file", path, cause: error.description)
    }
  }

  /// Until the child's end, with its terminal relayed, where one comes over `socket`; its exit code.
  static func wait(for pid: Int32, terminalFrom socket: borrowing FD?, id: String) throws(BerthError) -> Int32 {
    do throws(Errno) {
      let terminal: FD? =
        switch socket {
        case .some(let open): try DescriptorSocket.receive(limit: 256, from: open).descriptor.map { FD(owning: $0) }
        case .none: nil
        }
      return try ForegroundProcess.wait(for: pid, terminal: terminal).code
    } catch { throw BerthError(.unavailable, "wait", id, cause: error.description) }
  }
}

/// A pid namespace that children are to be born into, as long as the value lives.
struct PidNamespace: ~Copyable {
  private static let kind: UInt64 = 0x2000_0000
  private let own: FD

  /// That open as `target`, or that of the process behind it (a pidfd); nil: nothing changes.
  init?(_ target: Int32?) throws(BerthError) {
    guard let target else { return nil }
    do throws(Errno) {
      let own = try Files.openReadOnly("/proc/self/ns/pid")
      try Namespaces.join(try Descriptors.duplicate(target), kind: Self.kind)
      self.own = own
    } catch { throw BerthError(.failedPrecondition, "join pid namespace", cause: error.description) }
  }

  deinit { try? Namespaces.join(own, kind: Self.kind) }
}
