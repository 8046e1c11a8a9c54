import BerthLinux

/// Programs that tests put into root file systems.
///
/// They are written by a process of their own. A descriptor for writing in this one could be inherited, for the moment between fork and exec, by
/// a program that another test is just starting, and the kernel executes no file that somebody may write to (ETXTBSY).
public enum ProgramFile {
  /// Copies a program of the machine, found on PATH where it is a bare name.
  public static func copy(_ program: String, to path: String) throws {
    let source = program.contains("/") ? program : try Command.locate(program)
    let result = try Command.run("install", ["-m", "755", source, path])
    guard result.exit == 0 else { throw TestFailure("\(result)") }
  }

  /// Makes a program of its bytes.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let draft = "\(path).draft"
    try Files.writeAtomically(bytes, to: draft, mode: 0o600)
    try copy(draft, to: path)
    try Files.unlink(draft)
  }
}
