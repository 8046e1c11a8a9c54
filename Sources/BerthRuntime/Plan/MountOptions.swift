import BerthCore

/// The options of a spec's mount, sorted by what they act on. Source: config.md "Linux mount options", mount(8).
struct MountOptions {
  var isBind = false
  /// The mount begins with what it covers.
  var copiesUp = false
  /// Also what is mounted below the source.
  var isRecursiveBind = false
  var set: MountAttributes = []
  var clear: MountAttributes = []
  /// As above, for all mounts of the tree.
  var recursiveSet: MountAttributes = []
  var recursiveClear: MountAttributes = []
  var propagation: (type: UInt64, recursive: Bool)?
  var idMapping: IDMapping?
  /// For the file system itself; a nil value is a flag.
  var parameters: [(key: String, value: String?)] = []

  /// Whether the mount shows other ids than its files have: itself, or all of its tree.
  enum IDMapping { case top, recursive }

  private static let attributes: [String: (attribute: MountAttributes, clears: Bool)] = [
    "ro": (.readOnly, false), "rw": (.readOnly, true), "nosuid": (.noSetUID, false), "suid": (.noSetUID, true),
    "nodev": (.noDevices, false), "dev": (.noDevices, true), "noexec": (.noExec, false), "exec": (.noExec, true),
    "nodiratime": (.noDirectoryAccessTimes, false), "diratime": (.noDirectoryAccessTimes, true),
    "nosymfollow": (.noSymlinkFollowing, false), "symfollow": (.noSymlinkFollowing, true),
  ]
  private static let accessTimes: [String: MountAttributes] = [
    "noatime": .noAccessTimes, "atime": [], "relatime": [], "norelatime": [], "strictatime": .strictAccessTimes, "nostrictatime": [],
  ]
  /// Words that the specification has and this runtime hasn't yet.
  private static let refused: Set = ["remount", "copy-symlink"]

  /// `path`: where the options stand in config.json, for errors.
  init(_ options: [String], _ path: String) throws(BerthError) {
    for option in options {
      if takeAttribute(option) { continue }
      switch option {
      case "", "defaults", "async", "silent", "loud": continue
      case "tmpcopyup": copiesUp = true
      case "bind": isBind = true
      case "rbind": (isBind, isRecursiveBind) = (true, true)
      case "idmap": idMapping = .top
      case "ridmap": idMapping = .recursive
      default:
        if let type = Propagation.flags(option) {
          propagation = type
        } else if Self.refused.contains(option) {
          throw BerthError(.unsupported, "plan", path, cause: "mount option \"\(option)\" is not supported yet")
        } else {
          try takeParameter(option, path)
        }
      }
    }
  }

  private mutating func takeAttribute(_ option: String) -> Bool {
    if let (attribute, clears) = Self.attributes[option] {
      Self.apply(attribute, clears, &set, &clear)
    } else if let times = Self.accessTimes[option] {
      Self.setTimes(times, &set, &clear)
    } else if option.hasPrefix("r"), let (attribute, clears) = Self.attributes[String(option.dropFirst())] {
      Self.apply(attribute, clears, &recursiveSet, &recursiveClear)
    } else if option.hasPrefix("r"), let times = Self.accessTimes[String(option.dropFirst())] {
      Self.setTimes(times, &recursiveSet, &recursiveClear)
    } else {
      return false
    }
    return true
  }

  /// The later of two that contradict each other wins.
  private static func apply(_ attribute: MountAttributes, _ clears: Bool, _ set: inout MountAttributes, _ clear: inout MountAttributes) {
    if clears {
      set.subtract(attribute)
      clear.formUnion(attribute)
    } else {
      set.formUnion(attribute)
      clear.subtract(attribute)
    }
  }

  private static func setTimes(_ times: MountAttributes, _ set: inout MountAttributes, _ clear: inout MountAttributes) {
    set.subtract(.accessTimes)
    set.formUnion(times)
    clear.formUnion(.accessTimes)
  }

  private mutating func takeParameter(_ option: String, _ path: String) throws(BerthError) {
    let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let value = parts.count == 2 ? String(parts[1]) : nil
    // fsconfig(2) takes no longer strings.
    guard parts[0].utf8.count < 256, (value?.utf8.count ?? 0) < 256 else {
      throw BerthError(.invalidArgument, "plan", path, cause: "mount option longer than 255 bytes")
    }
    parameters.append((String(parts[0]), value))
  }
}
