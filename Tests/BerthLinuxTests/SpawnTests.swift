import Glibc
import Testing

@testable import BerthLinux

@Suite("programs started with descriptors")
struct SpawnTests {
  /// More than fit below the numbers that copies used to begin at.
  private static let numbers = Array(Int32(3)..<160)
  private static let script = "for n in $(seq 3 159); do read -r line <&$n && echo \"$line\"; done"

  @Test("each gets the number it is to have, however many there are", arguments: [false, true])
  func descriptors(atHome: Bool) throws {
    let files = try Self.numbers.map { number throws(Errno) in
      let file = try MemoryFile("descriptor")
      try file.file.writeAll(Array("\(number)\n".utf8))
      lseek(file.file.raw, 0, SEEK_SET)
      return try Descriptors.duplicate(file.file.raw).release()
    }
    defer { for number in files { close(number) } }
    let output = try ChildChannel.pipe()
    // The other way round, so that a number is somebody else's before it is taken.
    var handed: Spawn.Descriptors = [(1, output.child.raw)]
    for (child, parent) in zip(Self.numbers, files).reversed() { handed.append((child, parent)) }
    let arguments = ["bash", "-c", Self.script]
    let pid =
      atHome
      ? try Spawn.start("/bin/bash", arguments: arguments, descriptors: handed, group: nil, tasks: []).pid
      : try Spawn.start("/bin/bash", arguments: arguments, environment: BoundedProgram.environment, descriptors: handed)
    let ours = output.keepOurs()
    let lines = String(decoding: try ours.readAll(limit: 1 << 16), as: UTF8.self).split(separator: "\n")
    #expect(try Children.wait(for: pid) == .exited(0))
    #expect(lines.compactMap { Int32($0) } == Self.numbers)
  }
}
