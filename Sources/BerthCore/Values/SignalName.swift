/// Signals by name, with Linux's numbers (the same on x86-64 and aarch64). Source: signal(7).
public enum SignalName {
  /// Without `SIG`, at their numbers from 1.
  public static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
    "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
  ]
  private static let aliases: [String: Int32] = ["IOT": 6, "CLD": 17, "POLL": 29]
  /// glibc keeps 32 and 33 for itself.
  private static let realTime: ClosedRange<Int32> = 34...64

  /// `"SIGTERM"`, `"TERM"`, `"15"`, `"SIGRTMIN+3"`, `"RTMAX-1"`; nil for anything that is no signal from 1 to 64.
  public static func number(_ text: String) -> Int32? {
    if let number = digits(Substring(text)) { return (1...64).contains(number) ? number : nil }
    let name = text.hasPrefix("SIG") ? text.dropFirst(3) : Substring(text)
    if let at = names.firstIndex(where: { $0 == name }) { return Int32(at + 1) }
    if let number = aliases[String(name)] { return number }
    return realTimeNumber(name)
  }

  private static func realTimeNumber(_ name: Substring) -> Int32? {
    guard name.hasPrefix("RTMIN") || name.hasPrefix("RTMAX") else { return nil }
    let isMinimum = name.hasPrefix("RTMIN")
    let base = isMinimum ? realTime.lowerBound : realTime.upperBound
    let rest = name.dropFirst(5)
    guard !rest.isEmpty else { return base }
    guard rest.hasPrefix(isMinimum ? "+" : "-"), let distance = digits(rest.dropFirst()) else { return nil }
    let number = isMinimum ? base + distance : base - distance
    return realTime.contains(number) ? number : nil
  }

  private static func digits(_ text: Substring) -> Int32? {
    guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int32(text)
  }
}
