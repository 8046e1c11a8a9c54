import BerthCore
import Glibc

extension Terminal {
  /// One line from standard input.
  static func standardInputLine() throws(BerthError) -> String {
    guard let line = readLine(), !line.isEmpty else {
      throw BerthError(.invalidArgument, "read answer", "standard input", cause: "it is empty")
    }
    return line
  }

  /// Asks on the terminal; without `echo` what is typed isn't shown.
  static func ask(_ question: String, echo: Bool) throws(BerthError) -> String {
    guard isatty(0) == 1 else {
      throw BerthError(
        .invalidArgument, "ask", String(question.dropLast(2)), cause: "there is no terminal: use --username and --password-stdin")
    }
    write(Array(question.utf8))
    flush()
    var before = termios()
    tcgetattr(0, &before)
    if !echo {
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(0, TCSAFLUSH, &silent)
    }
    defer {
      if !echo {
        tcsetattr(0, TCSAFLUSH, &before)
        write([10])
      }
    }
    return try standardInputLine()
  }
}
