import CBerthSys

/// What the process holds of the machine's memory.
public enum ProcessMemory {
  /// The heaps that all threads share. The C library would give each thread its own, up to eight times the number of cores, and what one
  /// thread frees is of no use to another then.
  public static func limitHeaps(_ count: Int32) { berth_limit_arenas(count) }

  /// Gives back what the work so far took and a process at rest doesn't need: free pages of the heaps, and the code that was run (the
  /// kernel has it still, and maps it again where it is run again).
  public static func giveBack() {
    berth_trim_heaps()
    guard let maps = try? Files.readText("/proc/self/maps") else { return }
    for line in maps.split(separator: "\n") {
      guard let range = codeRange(line) else { continue }
      _ = berth_forget_pages(range.lowerBound, range.upperBound - range.lowerBound)
    }
  }

  /// Of a mapping of code that is a file's and that nobody can have written to. Source: proc_pid_maps(5).
  static func codeRange(_ line: Substring) -> Range<UInt>? {
    let fields = line.split(separator: " ", omittingEmptySubsequences: true)
    guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
    let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
    guard ends.count == 2, ends[0] < ends[1] else { return nil }
    return ends[0]..<ends[1]
  }
}
