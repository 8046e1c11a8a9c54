import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

@Suite("bad input", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct RefusalTests {
  @Test(
    "a config.json that can't be run is refused in one line that names the field",
    arguments: [
      ("{", "read config.json"), ("[]", "expected an object"), ("{}", "ociVersion"), ("{\"ociVersion\": \"2.0.0\"}", "ociVersion"),
      ("{\"ociVersion\": \"1.0.0\"}", "root"),
      ("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"rootfs\"}}", "process"),
      ("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"rootfs\"}, \"process\": {\"args\": [], \"cwd\": \"/\"}}", "process.args"),
      (
        "{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"nowhere\"}, \"process\": {\"args\": [\"a\"], \"cwd\": \"/\"}}", "nowhere"
      ),
      (
        "{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"rootfs\"}, \"process\": {\"args\": [\"a\"], \"cwd\": \"/\"}}",
        "linux.namespaces"
      ),
    ])
  func config(text: String, names: String) throws {
    let container = try RuntimeBundle("")
    try container.directory.write(text, to: "bundle/config.json")
    let result = try container("run", "-b", container.bundle, container.id)
    #expect(result.exit == 1)
    #expect(result.stderr.contains(names), "\(result)")
    #expect(result.stderr.split(separator: "\n").count == 1)
    #expect(container.isGone)
  }

  @Test("a huge host name and a root that is a symlink are refused")
  func values() throws {
    let container = try RuntimeBundle("true")
    container.spec.hostname = String(repeating: "h", count: 70 << 10)
    #expect(try container.run().stderr.contains("hostname"))
    container.spec.hostname = "box"
    symlink("/", "\(container.bundle)/link")
    container.spec.root?.path = "link"
    #expect(try container.run().stderr.contains("Not a directory"))
    #expect(container.isGone)
  }

  @Test(
    "ids that lead elsewhere are refused",
    arguments: ["", "../x", "a/b", ".", "..", "a b", "ä", "x\ny", String(repeating: "a", count: 2000)])
  func ids(id: String) throws {
    let container = try RuntimeBundle("true")
    try container.write()
    for command in [["run", "-b", container.bundle, id], ["delete", "--force", id], ["state", id]] {
      let result = try container(command)
      #expect(result.exit == 1 && result.stderr.contains("invalid container ID"), "\(result)")
      #expect(result.stderr.split(separator: "\n").count == 1)
    }
  }

  @Test("what isn't supported is refused clearly")
  func unsupported() throws {
    let container = try RuntimeBundle("true")
    try container.write()
    #expect(try container("checkpoint", container.id).stderr.contains("not supported"))
    #expect(try container("restore", container.id).stderr.contains("not supported"))
    #expect(try container("run", "--no-pivot", "-b", container.bundle, container.id).stderr.contains("--no-pivot"))
    #expect(try container("--systemd-cgroup", "list").stderr.contains("cgroupfs"))
    #expect(try container("--criu", "x", "nothing").exit == 1)
    container.spec.process?.terminal = true
    try container.write()
    #expect(try container("create", "-b", container.bundle, container.id).stderr.contains("--console-socket"))
    #expect(container.isGone)
  }

  @Test("the log has runc's two formats")
  func log() throws {
    let container = try RuntimeBundle("true")
    let file = "\(container.directory.path)/log"
    let result = try container("--log", file, "--log-format", "json", "state", "nothing")
    let line = try JSON(parsing: try Files.readText(file))
    #expect(line["level"]?.string == "error")
    #expect(line["msg"]?.string.map { result.stderr == "\($0)\n" } == true)
    #expect(line["time"]?.string.flatMap { Timestamp($0) } != nil)
    try Files.unlink(file)
    _ = try container("--log", file, "state", "nothing")
    #expect(try Files.readText(file).contains(" level=error msg=\"berth-runtime state failed: "))
  }

  @Test("spec writes a bundle that runs, and never over another")
  func spec() throws {
    let container = try RuntimeBundle("true")
    try container.must("spec", "-b", container.bundle)
    #expect(try container("spec", "-b", container.bundle).exit == 1)
    var spec = try RuntimeSpec(parsing: try Files.read("\(container.bundle)/config.json"))
    spec.process?.args = ["/bin/true"]
    spec.process?.terminal = false
    for directory in ["dev", "proc", "sys"] { try Files.makeDirectory("\(container.bundle)/rootfs/\(directory)", mode: 0o755) }
    container.spec = spec
    #expect(try container.run().exit == 0)
    #expect(try container.must("features").json()["ociVersionMax"]?.string == "1.3.0")
  }
}
