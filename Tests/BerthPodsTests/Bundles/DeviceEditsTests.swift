import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Testing

@testable import BerthPods

@Suite("devices of a container")
struct DeviceEditsTests {
  private let scratch: TemporaryDirectory
  init() throws { scratch = try TemporaryDirectory() }

  private func failure(_ specs: [DeviceSpec], _ cdi: CDIRegistry = CDIRegistry()) -> String {
    do throws(BerthError) {
      _ = try DeviceEdits(specs, cdi: cdi)
      return ""
    } catch { return "\(error)" }
  }

  @Test("a device is made under its name in the container, and let through with its permissions alone")
  func node() throws {
    let edits = try DeviceEdits([.node(host: "/dev/null", container: "/dev/void", permissions: "r")])
    #expect(edits.devices.map(\.path) == ["/dev/void"])
    #expect(edits.devices.first?.major == 1 && edits.devices.first?.minor == 3)
    #expect(edits.rules.map(\.access) == ["r"])
  }

  @Test("what isn't there, or is no device, is an error that names it")
  func missing() {
    #expect(failure([.node(host: "/dev/nothing-here", container: "/dev/x", permissions: "r")]).contains("/dev/nothing-here"))
    #expect(failure([.node(host: "/dev/../etc/passwd", container: "/dev/x", permissions: "r")]).contains("no device"))
  }

  @Test("numbers beyond the old bounds are taken apart as the C library does")
  func numbers() {
    #expect(DeviceNumber.split(0x0000_0103) == (1, 3))
    #expect(DeviceNumber.split((0x12345 & 0xFFF) << 8 | (0x1234_5678 & 0xFF) | (0x1234_5678 & ~0xFF) << 12) == (0x345, 0x1234_5678))
  }

  @Test("a CDI name adds what its spec and its device say; what Berth can't do is an error, not left out")
  func cdi() throws {
    try Files.makeDirectories("\(scratch.path)/cdi")
    try Files.writeAtomically(
      """
      {"cdiVersion": "0.6.0", "kind": "vendor.com/dev", "containerEdits": {"env": ["ALL=1"]},
       "devices": [{"name": "a", "containerEdits": {"deviceNodes": [{"path": "/dev/a", "hostPath": "/dev/null", "permissions": "rw"}],
         "mounts": [{"hostPath": "/usr", "containerPath": "/vendor", "options": ["ro", "bind"]}], "additionalGids": [44]}},
        {"name": "b", "containerEdits": {"hooks": [{"hookName": "createContainer", "path": "/bin/x"}]}}]}
      """.utf8, to: "\(scratch.path)/cdi/vendor.json")
    try Files.writeAtomically("kind: other.com/x".utf8, to: "\(scratch.path)/cdi/other.yaml")
    let registry = CDIRegistry(folders: ["\(scratch.path)/none", "\(scratch.path)/cdi"])
    let edits = try DeviceEdits([.cdi("vendor.com/dev=a")], cdi: registry)
    #expect(edits.env == ["ALL=1"] && edits.groups == [44])
    #expect(edits.devices.map(\.path) == ["/dev/a"] && edits.rules.map(\.access) == ["rw"])
    #expect(edits.mounts.map(\.destination) == ["/vendor"])
    #expect(failure([.cdi("vendor.com/dev=b")], registry).contains("'hooks' is not supported"))
    #expect(failure([.cdi("other.com/x=1")], registry).contains("other.yaml"))
  }
}
