import Glibc

/// Standard error, unbuffered: one write(2) a text, so that lines of several threads don't mix.
public enum StandardError {
  public static func write(_ text: String) {
    let bytes = Array(text.utf8)
    // Nobody is left to tell if this fails.
    _ = Glibc.write(2, bytes, bytes.count)
  }
}
