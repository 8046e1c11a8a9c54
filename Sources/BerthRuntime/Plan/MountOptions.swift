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
  /// For the file system itself.
  var parameters: [Parameter] = []

  struct Parameter {
    var key: String
    /// nil: a flag.
    var value: String?
  }

  /// Whether the mount shows other ids than its files have: itself, or all of its tree.
  enum IDMapping { case top, recursive }

  /// Words are told apart by comparing, here and in all that a launch plans: a table of texts costs more to be made, by each call of a
  /// runtime anew, than a call looks up.
  private static func attribute(_ word: Substring) -> (attribute: MountAttributes, clears: Bool)? {
    switch word {
    case "ro": (.readOnly, false)
    case "rw": (.readOnly, true)
    case "nosuid": (.noSetUID, false)
    case "suid": (.noSetUID, true)
    case "nodev": (.noDevices, false)
    case "dev": (.noDevices, true)
    case "noexec": (.noExec, false)
    case "exec": (.noExec, true)
    case "nodiratime": (.noDirectoryAccessTimes, false)
    case "diratime": (.noDirectoryAccessTimes, true)
    case "nosymfollow": (.noSymlinkFollowing, false)
    case "symfollow": (.noSymlinkFollowing, true)
    default: nil
    }
  }

  private static func accessTimes(_ word: Substring) -> MountAttributes? {
    switch word {
    case "noatime": .noAccessTimes
    case "atime", "relatime", "norelatime", "nostrictatime": []
    case "strictatime": .strictAccessTimes
    default: nil
    }
  }

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
        } else if option == "remount" || option == "copy-symlink" {
          // Words that the specification has and this runtime hasn't yet.
          throw BerthError(.unsupported, "plan", path, cause: "mount option \"\(option)\" is not supported yet")
        } else {
          try takeParameter(option, path)
        }
      }
    }
  }

  private mutating func takeAttribute(_ option: String) -> Bool {
    if Self.take(option[...], &set, &clear) { return true }
    return option.utf8.first == UInt8(ascii: "r") && Self.take(option.dropFirst(), &recursiveSet, &recursiveClear)
  }

  private static func take(_ word: Substring, _ set: inout MountAttributes, _ clear: inout MountAttributes) -> Bool {
    if let (attribute, clears) = attribute(word) {
      apply(attribute, clears, &set, &clear)
    } else if let times = accessTimes(word) {
      setTimes(times, &set, &clear)
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
    let equals = option.utf8.firstIndex(of: UInt8(ascii: "="))
    let key = String(option[..<(equals ?? option.endIndex)])
    let value = equals.map { String(option[option.utf8.index(after: $0)...]) }
    // fsconfig(2) takes no longer strings.
    guard key.utf8.count < 256, (value?.utf8.count ?? 0) < 256 else {
      throw BerthError(.invalidArgument, "plan", path, cause: "mount option longer than 255 bytes")
    }
    parameters.append(Parameter(key: key, value: value))
  }
}
