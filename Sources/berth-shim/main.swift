import BerthLinux
import BerthRuntime
import Glibc

// berth-shim POD_DIR [keep HANDLES], with the first client's connection as descriptor 3. The second form, for a pod whose shim is dead,
// has HANDLES descriptors from 4 on. Exit codes: 0 done, 1 failed, 64 called wrongly.
let words = CommandLine.arguments.dropFirst()
let handles = words.count == 3 && words[2] == "keep" ? Int32(words[3]) : words.count == 1 ? 0 : nil
guard let podDirectory = words.first, podDirectory.hasPrefix("/"), let handles, (0...1024).contains(handles), fcntl(3, F_GETFD) >= 0
else { exit(64) }
let role: ShimRole = words.count == 3 ? .keeper : .shim

do {
  try ProcessControl.closeDescriptors(from: 4 + handles)
  for number in 3..<4 + handles { try Descriptors.setCloseOnExec(number) }
  try ProcessControl.detachStandardStreams()
  ProcessControl.setName(role == .shim ? "berth-shim" : "berth-keeper")
  _ = setsid()
  _ = chdir("/")
  umask(0o022)
  try ProcessControl.becomeSubreaper()
  let server = try ShimServer(podDirectory: podDirectory, role: role, handles: PassedHandles(from: 4, count: handles), first: FD(owning: 3))
  try server.run()
} catch {
  exit(1)
}
