import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

/// A config.json that runs, with one thing wrong. What is wrong is named in one line, the exit code is 1 and nothing is left.
@Suite("hostile config.json", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct HostileSpecTests {
  private static func long(_ count: Int) -> String { String(repeating: "9", count: count) }

  /// A name, what is replaced in the text, by what, and what the error must name.
  static let cases: [(name: String, from: String, to: String, names: String)] = [
    ("a version without its last number", "\"1.0.2\"", "\"1.0\"", "ociVersion"),
    ("a version with letters", "\"1.0.2\"", "\"1.x.0\"", "ociVersion"),
    ("a later major version", "\"1.0.2\"", "\"2.0.0\"", "ociVersion"),
    ("a version that is a number", "\"1.0.2\"", "1", "ociVersion"),
    ("a key twice", "\"hostname\":", "\"hostname\":\"x\",\"hostname\":", "duplicate key"),
    ("a lone surrogate", "\"box\"", "\"\\ud800\"", "surrogate"),
    ("a NUL in a text", "\"box\"", "\"a\\u0000b\"", "hostname"),
    ("70 KiB of host name", "\"box\"", "\"\(long(70 << 10))\"", "hostname"),
    ("a host name of two lines", "\"box\"", "\"a\\nb\"", "hostname"),
    ("a negative user", "\"uid\":0", "\"uid\":-1", "process.user.uid"),
    ("the user that means none", "\"uid\":0", "\"uid\":4294967295", "process.user.uid"),
    ("the group that means none", "\"gid\":0", "\"gid\":4294967295", "process.user.gid"),
    ("a number beyond all bounds", "\"uid\":0", "\"uid\":1e400", "read config.json"),
    ("a directory that isn't absolute", "\"cwd\":\"/\"", "\"cwd\":\"tmp\"", "process.cwd"),
    ("a root with a NUL", "\"rootfs\"", "\"root\\u0000fs\"", "root.path"),
    ("a root that isn't there", "\"rootfs\"", "\"nowhere\"", "nowhere"),
    ("a root that is a file", "\"rootfs\"", "\"config.json\"", "config.json"),
    ("a root of 70 KiB", "\"rootfs\"", "\"\(long(70 << 10))\"", "root file system"),
    ("a mount that isn't absolute", "\"destination\":\"/proc\"", "\"destination\":\"../proc\"", "mounts[0].destination"),
    ("a mount over the root", "\"destination\":\"/proc\"", "\"destination\":\"/\"", "mounts[0].destination"),
    ("a cgroup that leads out", "\"cgroupsPath\":\"/", "\"cgroupsPath\":\"/../", "linux.cgroupsPath"),
    ("a namespace twice", "{\"type\":\"pid\"}", "{\"type\":\"pid\"},{\"type\":\"pid\"}", "linux.namespaces[1]"),
    ("an unknown namespace", "{\"type\":\"pid\"}", "{\"type\":\"nope\"}", "linux.namespaces[0].type"),
    ("a masked path that isn't absolute", "\"maskedPaths\":[", "\"maskedPaths\":[\"a\",", "linux.maskedPaths[0]"),
    ("a read-only path that isn't absolute", "\"readonlyPaths\":[", "\"readonlyPaths\":[\"a\",", "linux.readonlyPaths[0]"),
  ]

  private func refusal(of text: String, in container: RuntimeBundle, names: String) throws {
    try container.directory.write(text, to: "bundle/config.json")
    let result = try container("run", "-b", container.bundle, container.id)
    #expect(result.exit == 1 && result.stdout.isEmpty, "\(result.exit)")
    #expect(result.stderr.contains(names), "\(result.stderr.prefix(300))")
    #expect(result.stderr.split(separator: "\n").count == 1)
    #expect(container.isGone)
  }

  @Test("one wrong thing is named", arguments: cases.indices)
  func oneThing(_ index: Int) throws {
    let wrong = Self.cases[index]
    let container = try RuntimeBundle("true")
    try container.write()
    let good = try Files.readText("\(container.bundle)/config.json")
    let text = good.replacing(wrong.from, with: wrong.to, maxReplacements: 1)
    #expect(text != good, "\(wrong.name): this case changes nothing")
    try refusal(of: text, in: container, names: wrong.names)
  }

  @Test("no JSON, half of it, too deep and too much of it are refused")
  func noDocument() throws {
    let container = try RuntimeBundle("true")
    try container.write()
    let good = try Files.readText("\(container.bundle)/config.json")
    for (text, names) in [
      ("", "read config.json"), ("\0\0", "read config.json"), ("\u{feff}\(good)", "read config.json"),
      (String(good.dropLast()), "read config.json"),
      ("\(good)x", "something after the value"), (String(repeating: "[", count: 1 << 20), "nested deeper"),
      (String(repeating: " ", count: 17 << 20) + good, "File too large"),
    ] { try refusal(of: text, in: container, names: names) }
  }

  @Test("every version 1 is accepted", arguments: ["1.0.0", "1.0.0-rc5", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"])
  func versions(_ version: String) throws {
    let container = try RuntimeBundle("true")
    container.spec.ociVersion = version
    #expect(try container.run().exit == 0)
  }
}
