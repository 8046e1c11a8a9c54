import CBerthSys
import Glibc

/// A program that is run to its end, with a text on its standard input and a limit on its time.
public struct HelperProgram: Sendable {
  public var path: String
  public var arguments: [String]
  public var environment: [String]
  public var input: [UInt8]
  /// nil: none.
  public var timeout: Duration?

  public enum Outcome: Sendable, Hashable {
    case exited(Int32)
    case timedOut
  }

  public init(_ path: String, arguments: [String], environment: [String], input: [UInt8], timeout: Duration?) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.input = input
    self.timeout = timeout
  }

  /// Runs it. `member`: a pidfd whose namespaces `kinds` (CLONE_NEW*) it runs in. Its output is dropped but the end of what it said on
  /// standard error (64 KiB are kept).
  public func run(in member: Int32 = -1, kinds: UInt64 = 0) throws(Errno) -> (outcome: Outcome, said: String) {
    let said = try MemoryFile("helper")
    // A file, not a pipe: a program that doesn't read it is not in anybody's way.
    let text = try MemoryFile("state")
    try text.file.writeAll(input)
    let (file, inputFile) = (said.file.raw, text.file.raw)
    try call { lseek(inputFile, 0, SEEK_SET) }
    let null = try Files.openNull()
    let runner = try Children.fork()
    if runner == 0 { Self.runner(self, member, kinds, (inputFile, null.raw, file)) }
    let handle: FD
    do throws(Errno) { handle = try ProcessControl.open(runner) } catch {
      Children.kill(runner)
      _ = try? Children.wait(for: runner)
      throw error
    }
    let ended = try Descriptors.waitReadable([handle.raw], timeout: timeout)
    if ended.isEmpty { _ = Glibc.kill(-runner, SIGKILL) }
    let status = try? Children.wait(for: runner)
    let bytes = (try? said.contents(limit: 64 << 10)) ?? []
    if ended.isEmpty { return (.timedOut, String(decoding: bytes, as: UTF8.self)) }
    return (.exited(status?.code ?? -1), String(decoding: bytes, as: UTF8.self))
  }

  /// In the child: a process group of its own, the namespaces, then the program as its child.
  private static func runner(_ program: HelperProgram, _ member: Int32, _ kinds: UInt64, _ streams: (Int32, Int32, Int32)) -> Never {
    setpgid(0, 0)
    if member >= 0, berth_setns(member, Int32(truncatingIfNeeded: kinds)) != 0 { refuse("join namespaces", streams.2) }
    do throws(Errno) {
      let child = try Spawn.start(
        program.path, arguments: program.arguments.isEmpty ? [program.path] : program.arguments, environment: program.environment,
        descriptors: [(0, streams.0), (1, streams.1), (2, streams.2)])
      Children.leave((try? Children.wait(for: child))?.code ?? 1)
    } catch {
      let text = Array("\(error)".utf8)
      _ = Glibc.write(streams.2, text, text.count)
      Children.leave(127)
    }
  }

  private static func refuse(_ what: String, _ file: Int32) -> Never {
    let text = Array("\(what): \(Errno.current)".utf8)
    _ = Glibc.write(file, text, text.count)
    Children.leave(126)
  }
}
