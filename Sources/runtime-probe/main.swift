// Starts containers as a shim does, for tests and benchmarks: a process with one thread, static.
//   runtime-probe --overlay-by-options LOWER UPPER WORK AT     prints what the mount holds, as older kernels have it
//   runtime-probe --kill-launcher REQUEST.json                 the launcher dies while the container waits for it
//   runtime-probe REQUEST.json [times]     launches, waits, prints one line of JSON a launch and a last one with what was leaked
import BerthCore
import BerthLinux
import BerthRuntime
import Glibc

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  print("usage: runtime-probe REQUEST.json [TIMES]")
  exit(64)
}
let times = arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1

/// A line that begins with a mark, past the stdio buffer: the containers write to the same descriptor.
func tell(_ value: JSON) { try? FD(owning: dup(1)).writeAll([1] + value.encoded() + [10]) }

func openDescriptors() -> Int { (try? Files.list("/proc/self/fd").count) ?? -1 }
/// That name `path`: others may mount things beside this program.
func mounts(naming path: String) -> Int {
  (try? Files.readText("/proc/self/mountinfo").split(separator: "\n").count { $0.contains(path) }) ?? -1
}

/// One launch to its end.
func launchOnce(_ request: LaunchRequest) -> JSON {
  let begin = Clock.bootNanoseconds()
  do throws(BerthError) {
    let process = try ContainerLauncher.begin(request, stdin: 0, stdout: 1, stderr: 2).finish()
    let started = Clock.bootNanoseconds()
    let status = try? Children.wait(for: process.pid)
    return [
      "pid": .integer(Int64(process.pid)), "uid": .integer(Int64(process.uid)), "gid": .integer(Int64(process.gid)),
      "start_time_ticks": .integer(Int64(process.startTimeTicks)), "exit": status.map { .integer(Int64($0.code)) } ?? .null,
      "warnings": .strings(process.warnings), "start_us": .integer((started - begin) / 1000),
    ]
  } catch {
    return [
      "error": .string(error.description), "code": .string(error.code.rawValue),
      "exit": ContainerLauncher.exitCode(for: error).map { .integer(Int64($0)) } ?? .null,
    ]
  }
}

/// The path that kernels before 6.13 take, in a child: it gives up its mount namespace.
func overlayByOptions(_ paths: [String]) -> Never {
  do throws(Errno) {
    let mount = try DetachedMount.overlayByOptions(lower: [paths[0]], writable: .init(upper: paths[1], work: paths[2]), at: paths[3])
    tell(.strings(try Files.list(try Rooted.open(mount, ".", O_RDONLY | O_DIRECTORY))))
    Children.leave(0)
  } catch {
    tell(.string(error.description))
    Children.leave(1)
  }
}

if arguments[1] == "--overlay-by-options", arguments.count == 6 {
  let before = mounts(naming: arguments[2])
  let child = try Children.fork()
  if child == 0 { overlayByOptions(Array(arguments[2...])) }
  _ = try? Children.wait(for: child)
  tell(.bool(mounts(naming: arguments[2]) == before))
  exit(0)
}

if arguments[1] == "--kill-launcher", arguments.count == 3 {
  let request = try LaunchRequest(decoding: try JSON(parsing: try Files.read(arguments[2])))
  do throws(BerthError) {
    let pending = try ContainerLauncher.begin(request, stdin: -1, stdout: 1, stderr: 2)
    Children.kill(pending.launcher)
    _ = try pending.finish()
    tell("launched")
  } catch { tell(.string(error.description)) }
  tell(.bool(waitpid(-1, nil, WNOHANG) >= 0))
  exit(0)
}

do {
  let request = try LaunchRequest(decoding: try JSON(parsing: try Files.read(arguments[1])))
  let folder = Files.parent(of: arguments[1])
  let before = (openDescriptors(), mounts(naming: folder))
  for _ in 0..<times {
    tell(launchOnce(request))
  }
  // Children that are left: none, or waitpid would know one.
  let left = waitpid(-1, nil, WNOHANG)
  let leaks: JSON = [
    "descriptors": .integer(openDescriptors() - before.0), "mounts": .integer(mounts(naming: folder) - before.1),
    "children": .bool(left >= 0),
  ]
  tell(leaks)
} catch {
  print("runtime-probe: \(error)")
  exit(1)
}
