import BerthCore
import BerthLinux

/// Ranges of the node's ids that pods have to themselves: a file for each, named by its first id, that holds the pod's uid. Making the
/// file is the claim, so that two pods never get one range, and what a crash leaves has an owner to go with.
struct IDRangeClaims: Sendable {
  /// `STATE/id-ranges`.
  let folder: String

  static let size: UInt32 = 65_536
  private static let first: UInt64 = 524_288
  private static let end: UInt64 = 0xFFFF_0000

  /// A range that nobody has: no pod, no line of /etc/subuid and subgid, no user namespace that a process of the node lives in.
  func claim(for uid: String) throws(BerthError) -> UInt32 {
    let taken = Self.foreign()
    do throws(Errno) {
      try Files.makeDirectories(folder, mode: 0o700)
      for start in stride(from: Self.first, to: Self.end, by: Int(Self.size)) where Self.isFree(start, taken) {
        do throws(Errno) {
          try Files.writeNew(Array(uid.utf8), to: "\(folder)/\(start)")
          return UInt32(truncatingIfNeeded: start)
        } catch { if error != .exists { throw error } }
      }
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "claim ids", folder, cause: "\(error)") }
    throw BerthError(.resourceExhausted, "claim ids", uid, cause: "every range of 65,536 ids is taken")
  }

  func release(_ uid: String) {
    for name in claims() where owner(name) == uid { try? Files.unlink("\(folder)/\(name)") }
  }

  var owners: Set<String> { Set(claims().compactMap(owner)) }

  private func claims() -> [String] { (try? Files.list(folder)) ?? [] }
  private func owner(_ name: String) -> String? { try? Files.readText("\(folder)/\(name)", limit: 64) }

  static func isFree(_ start: UInt64, _ taken: [Range<UInt64>]) -> Bool {
    !taken.contains { $0.overlaps(start..<start + UInt64(size)) }
  }

  private static func foreign() -> [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    for file in ["/etc/subuid", "/etc/subgid"] { ranges += subordinate((try? Files.readText(file, limit: 1 << 20)) ?? "") }
    for name in (try? Files.list("/proc")) ?? [] where name.utf8.allSatisfy({ (48...57).contains($0) }) {
      for map in ["uid_map", "gid_map"] { ranges += mapped((try? Files.readText("/proc/\(name)/\(map)", limit: 1 << 16)) ?? "") }
    }
    return ranges
  }

  /// `name:first:count` a line. Source: subuid(5).
  static func subordinate(_ text: String) -> [Range<UInt64>] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      return fields.count == 3 ? range(fields[1], fields[2]) : nil
    }
  }

  /// The outside of a user namespace's map; the node's own, of all ids, says nothing.
  static func mapped(_ text: String) -> [Range<UInt64>] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count == 3, fields[2] != "4294967295" else { return nil }
      return range(fields[1], fields[2])
    }
  }

  private static func range(_ first: Substring, _ count: Substring) -> Range<UInt64>? {
    guard let first = UInt32(first), let count = UInt32(count), count > 0 else { return nil }
    return UInt64(first)..<UInt64(first) + UInt64(count)
  }
}

extension PodContext {
  var idRanges: IDRangeClaims { IDRangeClaims(folder: "\(paths.state)/id-ranges") }
}
