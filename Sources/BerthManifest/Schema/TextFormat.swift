import BerthCore

/// What a string must look like. Every format refuses NUL: no path, argument or environment could carry it.
public enum TextFormat: Sendable {
  case any
  /// Not empty, and one line.
  case line
  case label
  /// A label or `namespace/name`.
  case podName
  case environmentName
  /// A hostname or an alias in /etc/hosts.
  case hostname
  /// One word of resolv.conf.
  case resolverOption
  case address
  /// An IPv4 or IPv6 network with the length of its prefix.
  case subnet
  /// A hardware address of one interface.
  case mac
  /// Absolute, without `..`: a path in the container.
  case containerPath
  /// Relative, without `..`: a path below a volume.
  case volumePath
  /// A path on the node, relative ones from the manifest's folder.
  case nodePath
  /// One component of a path.
  case fileName
  case image
  /// `host[:port]` of a registry.
  case registry
  /// The same, or `*` for any.
  case mirrored
  /// `host[:port]`, a repository there or the beginning of one, or `*` for any.
  case imageScope
  case user
  /// `uid:gid`, numbers.
  case owner
  case signal
  case capability
  /// `default`, `unconfined` or a path on the node.
  case seccomp
  case cpuset
  case rlimit
  case port
  case mount
  /// A path below /dev, or a CDI name.
  case device
  /// A path below /dev.
  case devicePath
  /// Of `r`, `w` and `m`.
  case devicePermissions
  /// `volume/file`.
  case secretFile
  /// `restart`, `none` or `signal:NAME`.
  case onChange
  case cron
  /// A name of the time zone database.
  case timeZone
  /// Of huge pages: `2MiB`.
  case pageSize
  /// Of an HTTP request: a token. Source: RFC 9110, 5.6.2.
  case headerName
  /// Of an HTTP request: one line, maybe empty.
  case headerValue

  /// Why `text` isn't of this format, as the end of a sentence that begins with the key; nil if it is.
  func problem(in text: String) -> String? {
    if text.utf8.contains(0) { return "must not contain NUL" }
    return switch self {
    case .any: nil
    case .line: text.isEmpty || Self.hasControl(text) ? "must be one line of text, and not empty" : nil
    case .label: DNSLabel.isValid(text) ? nil : "must be 1 to 63 of a-z, 0-9 and '-', with neither end a '-'"
    case .podName: PodKey(text) == nil ? "must be a pod's name or namespace/name" : nil
    case .environmentName: Self.environmentNameProblem(text)
    case .hostname: Self.isHostname(text) ? nil : "must be a host name: up to 253 of a-z, A-Z, 0-9, '-', '_' and '.'"
    case .resolverOption: Self.isWord(text) ? nil : "must be one word"
    case .address: IPAddressText.isValid(text) ? nil : "must be an IPv4 or IPv6 address"
    case .subnet: Self.isSubnet(text) ? nil : "must be a network such as \"10.88.0.0/16\" with nothing set behind its prefix, /30 or larger"
    case .mac: Self.isMAC(text) ? nil : "must be a hardware address such as \"02:00:00:aa:bb:cc\", and not a group's"
    case .containerPath: Self.containerPathProblem(text)
    case .volumePath: Self.volumePathProblem(text)
    case .nodePath: text.isEmpty ? "must not be empty" : nil
    case .fileName: Self.isFileName(text) ? nil : "must be a file name: 1 to 255 bytes, without '/', and not '.' or '..'"
    case .image: ImageText(text).problem
    case .registry: ImageText.isHost(Substring(text)) ? nil : "must be a registry: \"host\" or \"host:port\""
    case .mirrored: text == "*" ? nil : TextFormat.registry.problem(in: text)
    case .imageScope:
      text == "*" || ImageText.isScope(text) ? nil : "must be \"host\", \"host/repository\" as in \"docker.io/library/nginx\", or \"*\""
    case .user: UserText.problem(in: text)
    case .owner: UserText.owner(text) == nil ? "must be \"uid:gid\", two numbers up to \(UInt32.max - 1)" : nil
    case .signal: SignalName.number(text) == nil ? "must be a signal's name (\"SIGTERM\") or number (\"15\")" : nil
    case .capability: CapabilityName.normalized(text) == nil ? "must be a capability's name (\"NET_ADMIN\") or \"ALL\"" : nil
    case .seccomp: text.isEmpty || Self.hasControl(text) ? "must be \"default\", \"unconfined\" or a path" : nil
    case .cpuset: Self.isCpuset(text) ? nil : "must be a list of CPUs such as \"0-3,6\""
    case .rlimit: RlimitName.known.contains(text) ? nil : "must be a limit's name: \(RlimitName.known.joined(separator: ", "))"
    case .port: PortText.parse(text).problem
    case .mount: MountText.problem(in: text)
    case .device: DeviceSpec.parse(text) == nil ? "must be a path below /dev, or a CDI name (\"vendor.com/class=name\")" : nil
    case .devicePath: DeviceSpec.isDevicePath(text) ? nil : "must be a path below /dev, without '..'"
    case .devicePermissions: Self.isPermissions(text) ? nil : "must be of 'r', 'w' and 'm', each once"
    case .secretFile: EnvValue(secret: text) == nil ? "must be \"VOLUME/FILE\", a secret volume of this pod and a file of it" : nil
    case .onChange: FileSet.OnChange(text: text) == nil ? "must be \"restart\", \"none\" or \"signal:NAME\" (\"signal:HUP\")" : nil
    case .cron: CronExpression.problem(in: text)
    case .timeZone: Self.isTimeZone(text) ? nil : "must be a name of the time zone database such as \"Europe/Berlin\""
    case .pageSize: Self.isPageSize(text) ? nil : "must be a size of huge pages such as \"2MiB\" or \"1GiB\""
    case .headerName: Self.isToken(text) ? nil : "must be the name of an HTTP header"
    case .headerValue: Self.hasControl(text) ? "must be one line of text" : nil
    }
  }

  /// The words that a typo may have meant.
  func suggestion(for text: String) -> String? {
    switch self {
    case .capability: Suggestion.help(for: text.hasPrefix("CAP_") ? String(text.dropFirst(4)) : text, among: CapabilityName.known)
    case .rlimit: Suggestion.help(for: text, among: RlimitName.known)
    case .signal: Suggestion.help(for: text, among: SignalName.names.map { "SIG\($0)" })
    default: nil
    }
  }

  private static func isPermissions(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { "rwm".utf8.contains($0) } && Set(text.utf8).count == text.utf8.count
  }

  /// A power of two, as every architecture's are.
  private static func isPageSize(_ text: String) -> Bool {
    guard let size = ByteSize(text)?.bytes, size >= 4096 else { return false }
    return size & (size - 1) == 0
  }

  private static func isTimeZone(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count) && !text.hasPrefix("/") && !hasParentComponent(text)
      && text.utf8.allSatisfy { TOMLScanner.isBareKey($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+") }
  }

  private static func isWord(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) }
  }

  private static func isSubnet(_ text: String) -> Bool {
    guard let prefix = IPPrefix(text) else { return false }
    return prefix.network == prefix.address && prefix.count >= 4
  }

  private static func isMAC(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && UInt8($0, radix: 16) != nil && $0.first != "+" }) else { return false }
    // The lowest bit of the first byte marks a group.
    return UInt8(parts[0], radix: 16).map { $0 & 1 == 0 } == true && parts.contains { $0 != "00" }
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { TOMLScanner.isBareKey($0) || "!#$%&'*+.^`|~".utf8.contains($0) }
  }

  static func hasControl(_ text: String) -> Bool { text.utf8.contains { $0 < 32 || $0 == 127 } }

  private static func environmentNameProblem(_ text: String) -> String? {
    text.isEmpty || text.utf8.contains(10) || text.utf8.contains(UInt8(ascii: "="))
      ? "must be a variable's name: not empty, without '=' and line breaks" : nil
  }

  /// Nothing that would end the line or the field in a generated /etc/hosts or resolv.conf.
  static func isHostname(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count)
      && text.utf8.allSatisfy { TOMLScanner.isBareKey($0) || $0 == UInt8(ascii: ".") }
      && !text.hasPrefix("-") && !text.hasPrefix(".")
  }

  static func hasParentComponent(_ text: String) -> Bool {
    text.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
  }

  static func containerPathProblem(_ text: String) -> String? {
    guard text.hasPrefix("/") else { return "must be an absolute path" }
    guard !hasParentComponent(text) else { return "must not contain '..'" }
    return text.utf8.count < 4096 && !hasControl(text) ? nil : "must be one line of less than 4096 bytes"
  }

  private static func volumePathProblem(_ text: String) -> String? {
    guard !text.isEmpty, !text.hasPrefix("/") else { return "must be a relative path" }
    guard !hasParentComponent(text) else { return "must not contain '..'" }
    return text.utf8.count < 4096 ? nil : "must be less than 4096 bytes"
  }

  private static func isFileName(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count) && !text.utf8.contains(UInt8(ascii: "/")) && text != "." && text != ".."
  }

  /// `0-3,6`: numbers and rising ranges.
  private static func isCpuset(_ text: String) -> Bool {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    return parts.count <= 1024
      && parts.allSatisfy { part in
        let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(decimal)
        guard let first = ends.first ?? nil, let last = ends.last ?? nil else { return false }
        return first <= last && last < 65536
      }
  }

  /// A number of nothing but ASCII digits (`Int` would take a sign).
  static func decimal(_ text: some StringProtocol) -> UInt64? {
    text.utf8.allSatisfy(TOMLScanner.isDigit) ? UInt64(text) : nil
  }
}
