import BerthCore
import BerthLinux
import BerthOCI
import BerthSeccomp

/// Compiled seccomp filters in ROOT/.seccomp: compiling one takes longer than all the rest of a start.
enum FilterCache {
  static func filter(_ profile: LinuxSeccomp?, root: String) throws(BerthError) -> [UInt8]? {
    guard let profile else { return nil }
    let directory = "\(root)/.seccomp"
    let path = "\(directory)/\(SeccompCompiler.cacheKey(profile))"
    if let known = try? Files.read(path, limit: 4096 * 8), !known.isEmpty, known.count % 8 == 0 { return known }
    let program = try SeccompCompiler.compile(profile)
    // Without it, the next start compiles again.
    try? Files.makeDirectories(directory)
    try? Files.writeAtomically(program, to: path)
    return program
  }
}
