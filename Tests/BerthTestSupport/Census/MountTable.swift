import BerthLinux

/// This process's mounts. Other tests of the run mount things beside the one that looks, so the whole table tells nothing.
public enum MountTable {
  /// The lines that name `path`, or what is below it.
  public static func lines(naming path: String) throws -> [String] {
    try Files.readText("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(path) }.map(String.init)
  }
}
