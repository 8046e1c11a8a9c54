import BerthCore
import BerthLinux

/// A container's ends of its streams, until it has been launched.
///
/// Without a terminal they are FIFOs in the container's folder, open in both directions so that the shim's death doesn't end the
/// container with EPIPE, nor its standard input with an end. With one, the process makes it itself and sends its other side.
final class ContainerStreams {
  /// nil: /dev/null.
  var stdin: FD?
  var stdout: FD?
  var stderr: FD?
  let output: ContainerOutput
  var theirConsole: FD?
  private var ourConsole: FD?

  init(_ start: ContainerStart, in folder: PodFolder) throws(Errno) {
    try Files.makeDirectory(folder.container(start.name))
    output = try ContainerOutput(log: start.log, name: start.name, in: folder)
    if start.hasTerminal {
      let (ours, theirs) = try DescriptorSocket.Pair().release()
      ourConsole = FD(owning: ours)
      theirConsole = FD(owning: theirs)
    } else {
      stdout = try Self.make(folder.stream(start.name, "stdout"))
      stderr = try Self.make(folder.stream(start.name, "stderr"))
      output.stdout.open(try Fifo.openReader(folder.stream(start.name, "stdout")))
      output.stderr.open(try Fifo.openReader(folder.stream(start.name, "stderr")))
      if start.hasInput { stdin = try Self.make(folder.stream(start.name, "stdin")) }
    }
  }

  private static func make(_ path: String) throws(Errno) -> FD {
    try Fifo.make(path)
    return try Fifo.openBoth(path)
  }

  func takeConsole() -> FD? { ourConsole.take() }
}
