import BerthCore
import BerthLinux
import CInotifyTools

/// libinotifytools, as this daemon needs it. The library's state is global and unlocked: every call must come from the one thread
/// that made this value.
struct InotifyWatches {
  struct Event {
    /// The watched directory, without a slash at the end; empty for an overflow.
    var directory: String
    var name: String
    var kind: Kind
  }
  enum Kind {
    /// The file's content or existence changed.
    case changed
    case removed
    /// A directory or symlink came or went, or a watch ended: only a scan tells what is there now.
    case structure
    case overflow
  }

  static let mask =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB

  /// Readable when events wait in the kernel. Belongs to the library.
  let descriptor: Int32
  /// A file of our own whose change marks the end of a batch: the library buffers events, and asking it for one more than it has
  /// would block.
  private let fence: String

  /// `fence`: a path of a file that this makes, in a directory that is not watched.
  init(fence: String) throws(BerthError) {
    let before = Self.inotifyDescriptors()
    guard inotifytools_initialize() != 0 else {
      throw BerthError(
        .resourceExhausted, "watch manifests", cause: "\(Errno(inotifytools_error())); see fs.inotify.max_user_instances")
    }
    guard let descriptor = Self.inotifyDescriptors().subtracting(before).first else {
      throw BerthError(.bug, "watch manifests", cause: "libinotifytools opened no inotify descriptor")
    }
    self.descriptor = descriptor
    self.fence = fence
    do throws(Errno) {
      // The library opens it without CLOEXEC.
      try Descriptors.setCloseOnExec(descriptor)
      try Files.writeAtomically([], to: fence)
    } catch { throw BerthError(.unavailable, "watch manifests", fence, cause: "\(error)") }
    guard inotifytools_watch_file(fence, IN_ATTRIB) != 0 else {
      throw BerthError(.resourceExhausted, "watch manifests", fence, cause: "\(Errno(inotifytools_error()))")
    }
  }

  private static func inotifyDescriptors() -> Set<Int32> {
    let names = (try? Files.list("/proc/self/fd")) ?? []
    return Set(names.filter { (try? Files.readLink("/proc/self/fd/\($0)")) == "anon_inode:inotify" }.compactMap { Int32($0) })
  }

  /// Watches `directory`; one that is watched already is fine.
  func watch(_ directory: String) throws(Errno) {
    guard inotifytools_watch_file(directory, Self.mask) != 0 else { throw Errno(inotifytools_error()) }
  }

  func unwatch(_ directory: String) {
    // The library names directories with a slash at the end.
    if inotifytools_remove_watch_by_filename(directory + "/") == 0 { _ = inotifytools_remove_watch_by_filename(directory) }
  }

  /// Everything that happened so far. Blocks only if the fence can't be touched.
  func drain() -> [Event] {
    guard (try? Files.touch(fence)) != nil else { return [Event(directory: "", name: "", kind: .overflow)] }
    var events: [Event] = []
    while let raw = inotifytools_next_event(1) {
      if raw.pointee.mask & UInt32(IN_Q_OVERFLOW) != 0 {
        // The fence's own event may be among those lost: the batch ends here, the rest is found by the scan.
        events.append(Event(directory: "", name: "", kind: .overflow))
        break
      }
      let directory = inotifytools_filename_from_wd(raw.pointee.wd).map { String(cString: $0) } ?? ""
      if directory == fence { break }
      events.append(Self.event(raw, directory))
    }
    return events
  }

  private static func event(_ raw: UnsafeMutablePointer<inotify_event>, _ directory: String) -> Event {
    let mask = Int32(bitPattern: raw.pointee.mask)
    let name =
      raw.pointee.len > 0
      ? String(cString: UnsafeRawPointer(raw).advanced(by: MemoryLayout<inotify_event>.size).assumingMemoryBound(to: CChar.self)) : ""
    var kind: Kind = mask & (IN_DELETE | IN_MOVED_FROM) != 0 ? .removed : .changed
    if mask & (IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 || directory.isEmpty { kind = .structure }
    return Event(directory: directory.hasSuffix("/") && directory != "/" ? String(directory.dropLast()) : directory, name: name, kind: kind)
  }
}
