import BerthTestSupport

extension TemporaryDirectory {
  /// Writes an executable shell script of that name.
  func script(_ name: String, _ text: String) throws { try write("#!/bin/sh\n\(text)\n", to: name, mode: 0o755) }
}
