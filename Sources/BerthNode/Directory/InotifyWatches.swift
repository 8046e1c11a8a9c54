import BerthCore
import BerthLinux
import CInotifyTools

/// libinotifytools, as this daemon needs it: it keeps the watches and the directories they stand for. Its state is global and unlocked:
/// every call must come from the one thread that made this value. Events are read from its descriptor directly: its own reader keeps
/// what it read ahead to itself, where no poll(2) sees it.
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
    /// A directory in it came, went or changed.
    case subdirectory
    /// A watch ended: only a scan tells what is there now.
    case structure
    case overflow
  }

  static let mask =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB

  /// Readable when events wait in the kernel. Belongs to the library.
  let descriptor: Int32

  init() throws(BerthError) {
    let before = Self.inotifyDescriptors()
    guard inotifytools_initialize() != 0 else {
      throw BerthError(
        .resourceExhausted, "watch manifests", cause: "\(Errno(inotifytools_error())); see fs.inotify.max_user_instances")
    }
    guard let descriptor = Self.inotifyDescriptors().subtracting(before).first else {
      throw BerthError(.bug, "watch manifests", cause: "libinotifytools opened no inotify descriptor")
    }
    self.descriptor = descriptor
    do throws(Errno) {
      // The library opens it without CLOEXEC.
      try Descriptors.setCloseOnExec(descriptor)
      try Descriptors.setNonBlocking(descriptor)
    } catch { throw BerthError(.unavailable, "watch manifests", cause: "\(error)") }
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

  /// Everything that happened so far. Never blocks.
  func drain() -> [Event] {
    var events: [Event] = []
    // Bounded by the kernel's queue, and here against a writer that is faster than this.
    while events.count < Self.batch {
      guard let bytes = try? Descriptors.readAvailable(descriptor, upTo: 1 << 16) else {
        return events + [Event(directory: "", name: "", kind: .overflow)]
      }
      if bytes.isEmpty { return events }
      Self.decode(bytes, into: &events)
    }
    return events
  }

  /// Whether something happened that `drain` hasn't returned yet.
  var hasEvents: Bool { ((try? Descriptors.waitReadable([descriptor], timeout: .zero)) ?? []).isEmpty == false }

  private static let batch = 1 << 15

  /// Source: inotify(7) "Reading events from an inotify file descriptor".
  private static func decode(_ bytes: [UInt8], into events: inout [Event]) {
    let headerSize = MemoryLayout<inotify_event>.size
    bytes.withUnsafeBytes { buffer in
      var at = 0
      while at + headerSize <= buffer.count {
        let header = buffer.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
        let end = min(at + headerSize + Int(header.len), buffer.count)
        let name = String(decoding: buffer[(at + headerSize)..<end].prefix { $0 != 0 }, as: UTF8.self)
        events.append(event(header, name))
        at = end
      }
    }
  }

  private static func event(_ header: inotify_event, _ name: String) -> Event {
    let mask = Int32(bitPattern: header.mask)
    if mask & IN_Q_OVERFLOW != 0 { return Event(directory: "", name: "", kind: .overflow) }
    let directory = inotifytools_filename_from_wd(header.wd).map { String(cString: $0) } ?? ""
    // The watch goes along with a directory that is moved; what then stands at its path is watched anew by the scan.
    if mask & IN_MOVE_SELF != 0 { _ = inotifytools_remove_watch_by_wd(header.wd) }
    var kind: Kind = mask & (IN_DELETE | IN_MOVED_FROM) != 0 ? .removed : .changed
    if mask & IN_ISDIR != 0 { kind = .subdirectory }
    if mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 || directory.isEmpty { kind = .structure }
    return Event(directory: directory.hasSuffix("/") && directory != "/" ? String(directory.dropLast()) : directory, name: name, kind: kind)
  }
}
