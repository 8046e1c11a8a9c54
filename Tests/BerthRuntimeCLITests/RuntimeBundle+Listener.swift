import BerthLinux
import BerthTestSupport
import Glibc

extension RuntimeBundle {
  /// Whoever is asked by a filter whose listener is `listener` in the bundle's directory: `script`, in Python, finds `server`, a socket that
  /// listens there, and prints a line for each of so many questions. Returns what `body` does and those lines.
  func asked<Result>(_ script: String, times: Int, _ body: () throws -> Result) throws -> (Result, lines: [Substring]) {
    let socket = "\(directory.path)/listener"
    _ = try? Files.unlink(socket)
    let program = try directory.write(Self.listening + script, to: "listener.py")
    let log = "\(directory.path)/answers"
    let output = try Files.open(log, O_RDWR | O_CREAT | O_TRUNC)
    let null = try Files.openNull()
    let child = try Spawn.start(
      try Command.locate("python3"), arguments: ["python3", program, socket, String(times)],
      descriptors: [(0, null.raw), (1, output.raw), (2, output.raw)])
    defer {
      Children.kill(child)
      _ = try? Children.wait(for: child)
    }
    try eventually("the listener is there") { try Files.readText(log).hasPrefix("ready") }
    let result = try body()
    try eventually("\(times) questions came") { try Files.readText(log).split(separator: "\n").count >= times + 1 }
    return (result, Array(try Files.readText(log).split(separator: "\n").dropFirst()))
  }

  private static let listening = """
    import socket, sys
    server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(1); server.settimeout(30)
    print("ready", flush=True)

    """
}
