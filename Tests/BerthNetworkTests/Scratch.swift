import BerthLinux

/// A folder that goes with its last reference.
final class Scratch {
  let path: String
  init() throws {
    path = "/tmp/berth-network-\(UInt64.random(in: 0 ... .max))"
    try Files.makeDirectory(path)
  }
  deinit { try? Files.removeTree(path) }

  /// An executable script; returns its folder.
  func script(_ name: String, _ text: String) throws {
    try Files.writeAtomically(Array("#!/bin/sh\n\(text)\n".utf8), to: "\(path)/\(name)", mode: 0o755)
    try Files.setMode("\(path)/\(name)", 0o755)
  }
}
