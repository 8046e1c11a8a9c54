import BerthCore
import BerthLinux

/// A container's standard streams on their way into its log.
final class ContainerOutput {
  let log: LogFile
  let stdout: OutputStream
  let stderr: OutputStream

  /// Of container `name`, which is about to be started.
  init(log target: LogTarget, name: String, in folder: PodFolder) throws(Errno) {
    log = try LogFile(target)
    stdout = OutputStream(.stdout, journal: folder.journal(name, "stdout"))
    stderr = OutputStream(.stderr, journal: folder.journal(name, "stderr"))
    // Of the attempt before.
    for stream in ["stdout", "stderr"] { try Files.unlink(folder.journal(name, stream)) }
  }

  /// Of a container that has run for a while, without its shim at last: what that had on its way comes first, then what the FIFOs hold. One
  /// that writes to a terminal has none.
  init(continuing target: LogTarget, name: String, in folder: PodFolder, batch: inout LogBatch) throws(Errno) {
    log = try LogFile(target)
    stdout = OutputStream(.stdout, journal: folder.journal(name, "stdout"))
    stderr = OutputStream(.stderr, journal: folder.journal(name, "stderr"))
    for stream in [stdout, stderr] { stream.recover(&batch, to: log) }
    // Torn by one that kept no journal. On a full disk the torn record stays: what comes is worth more.
    do throws(Errno) { try log.endLastRecord() } catch {}
    try Self.open(stdout, folder.stream(name, "stdout"))
    try Self.open(stderr, folder.stream(name, "stderr"))
  }

  private static func open(_ stream: OutputStream, _ path: String) throws(Errno) {
    do throws(Errno) { stream.open(try Fifo.openReader(path)) } catch { if error != .notFound { throw error } }
  }

  subscript(stream: LogBatch.Stream) -> OutputStream { stream == .stdout ? stdout : stderr }

  /// What is still in the pipes once the container's processes are dead, and lines without an end. `each` is told of what is read.
  func drain(_ batch: inout LogBatch, _ each: (LogBatch.Stream, UnsafeRawBufferPointer) -> Void) {
    // A pipe holds 64 KiB, or as much as its writer asked for up to the system's limit: enough rounds for any.
    for stream in [LogBatch.Stream.stdout, .stderr] {
      for _ in 0..<4096 {
        guard case .read(let bytes) = self[stream].copyOnce(&batch, to: log) else { break }
        each(stream, bytes)
      }
    }
    for stream in [stdout, stderr] { stream.finish(&batch, to: log) }
  }

  /// Memory that nothing is in is given back.
  func rest() {
    stdout.rest()
    stderr.rest()
  }
}
