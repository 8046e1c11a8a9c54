import BerthLinux
import BerthRuntime
import Glibc

// berth-shim POD_DIR, with the first client's connection as descriptor 3. Exit codes: 0 done, 1 failed, 64 called wrongly.
guard CommandLine.arguments.count == 2, let podDirectory = CommandLine.arguments.last, podDirectory.hasPrefix("/"),
  fcntl(3, F_GETFD) >= 0
else { exit(64) }

do {
  try ProcessControl.closeDescriptors(from: 4)
  try Descriptors.setCloseOnExec(3)
  try ProcessControl.detachStandardStreams()
  ProcessControl.setName("berth-shim")
  _ = setsid()
  _ = chdir("/")
  umask(0o022)
  try ProcessControl.becomeSubreaper()
  let server = try ShimServer(podDirectory: podDirectory, first: FD(owning: 3))
  try server.run()
} catch {
  exit(1)
}
