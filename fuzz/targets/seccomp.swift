import BerthCore
import BerthOCI
import BerthSeccomp

/// libFuzzer's entry: any bytes as a seccomp profile in Docker's format. What must hold: no trap while it is read, resolved and compiled,
/// and a program of whole instructions that the kernel would take the length of.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSeccomp(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  guard let profile = try? SeccompProfile(parsing: bytes) else { return 0 }
  for (capabilities, minor) in [([], 1), (["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"], 18)] {
    let resolved = profile.resolved(capabilities: capabilities, kernel: KernelVersion(major: 6, minor: minor))
    for architecture in SeccompCompiler.Architecture.allCases {
      guard let program = try? SeccompCompiler.compile(resolved, for: architecture) else { continue }
      precondition(!program.isEmpty && program.count % 8 == 0 && program.count <= 4096 * 8, "no program for the kernel")
      precondition(SeccompCompiler.cacheKey(resolved, for: architecture) == SeccompCompiler.cacheKey(resolved, for: architecture))
    }
  }
  return 0
}
