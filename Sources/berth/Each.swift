import BerthCore

/// What is asked for several things is done to each, whatever becomes of the others.
enum Each {
  /// Throws the last failure; those before it are printed.
  static func of(_ names: [String], _ body: (String) throws -> Void) throws {
    var last: (any Error)?
    for name in names {
      do { try body(name) } catch {
        if let last { Terminal.printError("berth: \(last)") }
        last = error
      }
    }
    if let last { throw last }
  }
}
