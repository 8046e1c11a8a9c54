import BerthCore
import Testing

@testable import BerthManifest

@Suite("Files that a manifest refers to")
struct ContentTests {
  static let text = """
    network = "none"
    [[container]]
    image = "a:1"
    env_file = ["common.env"]
    env = { PASS = { secret = "keys/pw" }, TOKEN = { file = "token" }, ME = { field = "pod.name" } }
    mounts = ["conf:/etc/app", "keys:/keys"]
    [[volume]]
    name = "conf"
    config = { from = ["./app.conf", "../shared.conf"], on_change = "signal:HUP" }
    [[volume]]
    name = "keys"
    secret = { files = { pw = "hunter2" }, from = ["/srv/key"], mode = 0o400 }
    """
  static let node: [String: FileContent] = [
    "/m/common.env": "# a comment\nA=1\n\n  B=two=2\r\n", "/m/token": "t0k\n", "/m/app.conf": "x = 1\n", "/shared.conf": "s\n",
    "/srv/key": "k3y",
  ]

  private func resolved(_ text: String = text, _ files: [String: FileContent] = node) -> DecodedManifest {
    var manifest = decode(text)
    manifest.resolve { path in files[path].map { .success($0) } ?? .failure(ContentProblem("is not there")) }
    return manifest
  }

  @Test("content is taken from where the manifest says, relative to its folder")
  func contents() throws {
    let spec = try #require(resolved().spec)
    #expect(decode(Self.text).contentPaths == ["/m/app.conf", "/shared.conf", "/srv/key", "/m/common.env", "/m/token"])
    #expect(spec.volumes[0].source.fileSet?.contents == ["app.conf": "x = 1\n", "shared.conf": "s\n"])
    #expect(spec.volumes[0].source.fileSet?.onChange == .signal("HUP"))
    #expect(spec.secret(volume: "keys", file: "pw")?.variable == "hunter2")
    #expect(spec.secret(volume: "keys", file: "key")?.variable == "k3y")
    #expect(EnvFile.variables(spec.containers[0].envFiles[0].content).map { "\($0.name)=\($0.value)" } == ["A=1", "B=two=2"])
    #expect(spec.containers[0].env["ME"] == .field(.podName))
    #expect(spec.missingContents == [])
  }

  @Test("changed content is another hash, and so is another manifest; the same content is the same")
  func hash() throws {
    let hash = try #require(resolved().hash)
    #expect(resolved().hash == hash)
    #expect(resolved(Self.text + "\n# a comment").hash == hash)
    var files = Self.node
    files["/m/app.conf"] = "x = 2\n"
    #expect(resolved(Self.text, files).hash != hash)
    #expect(resolved(Self.text.replacing("hunter2", with: "hunter3")).hash != hash)
  }

  @Test("a file that isn't there, or can't be used, is an error at the place that names it")
  func missing() {
    var files = Self.node
    files["/m/token"] = nil
    files["/m/common.env"] = "A=1\nB"
    let manifest = resolved(Self.text, files)
    #expect(manifest.spec == nil && manifest.hash == nil)
    #expect(
      manifest.diagnostics.map { "\($0.position): \($0.message)" } == [
        "4:13: /m/common.env:2: must be NAME=value", "5:57: /m/token is not there",
      ])
    files = Self.node
    files["/m/token"] = FileContent([0xFF, 0])
    #expect(resolved(Self.text, files).diagnostics.map(\.position.line) == [5])
    files["/srv/key"] = FileContent([0xFF, 0])
    #expect(resolved(Self.text, files).diagnostics.map(\.position.line) == [5], "a secret in a volume may be anything")
    let variable = Self.text.replacing("\"keys/pw\"", with: "\"keys/key\"")
    #expect(
      resolved(variable, files).diagnostics.map { "\($0.position): \($0.message)" } == [
        "5:27: /srv/key can't be a variable's value: it isn't UTF-8, or has a NUL",
        "5:58: /m/token can't be a variable's value: it isn't UTF-8, or has a NUL",
      ])
  }

  @Test("a file that isn't there is told of together with everything else that is wrong")
  func missingBesidesErrors() {
    var files = Self.node
    files["/srv/key"] = nil
    let manifest = resolved(Self.text.replacing("\"none\"", with: "\"none\"\nsuspend = 1"), files)
    #expect(
      manifest.diagnostics.map { "\($0.position): \($0.message)" } == [
        "2:11: 'suspend' must be true or false, not an integer", "13:48: /srv/key is not there",
      ])
  }

  @Test("a seccomp profile is content: held to be one, part of the hash, kept in the record, told as changed")
  func profile() throws {
    let text = "network = \"none\"\n[[container]]\nimage = \"a:1\"\nsecurity = { seccomp = \"own.json\" }\n"
    func manifest(_ profile: FileContent?) -> DecodedManifest { resolved(text, profile.map { ["/m/own.json": $0] } ?? [:]) }
    let first = manifest("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}")
    let spec = try #require(first.spec)
    #expect(try PodSpec(json: JSON(parsing: spec.json(for: .record).encoded())) == spec)
    let disk = try PodSpec(json: spec.json(for: .disk))
    #expect(disk.missingContents == ["/m/own.json"] && disk != spec)
    #expect(disk.completed { _ in "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}" } == spec)
    let second = manifest("{\"defaultAction\":\"SCMP_ACT_LOG\"}")
    #expect(second.hash != first.hash)
    let changes = SpecDiff.changes(from: spec, to: try #require(second.spec))
    #expect(changes.map(\.path) == ["container.web.security.seccomp_profile"] && changes.first?.inPlace == false)
    #expect(changes.first?.new.hasPrefix("sha256:") == true && changes.first?.new.count == 19)
    // A record of an earlier version has the path alone.
    #expect(SpecDiff.changes(from: disk, to: spec).map(\.inPlace) == [true])
    for (content, words) in [
      (nil, "/m/own.json is not there"), ("[]", "it is no JSON object"), ("{\"a\":", "is no seccomp profile: ends too early"),
    ] as [(FileContent?, String)] {
      let bad = manifest(content)
      #expect(bad.spec == nil && bad.diagnostics.first?.message.contains(words) == true, "\(bad.diagnostics)")
      #expect(bad.diagnostics.first?.position.line == 4)
    }
  }

  @Test("a time zone has to be there, and another version of its rules is no other manifest")
  func timeZone() throws {
    let text = "network = \"none\"\nschedule = \"@daily\"\ntime_zone = \"Some/Where\"\n[[container]]\nimage = \"a:1\"\n"
    let path = "/usr/share/zoneinfo/Some/Where"
    func zone(standard: UInt8) -> FileContent {
      FileContent(Array("TZif".utf8) + [UInt8](repeating: 0, count: 32) + [0, 0, 0, 1, 0, 0, 0, 0] + [0, 0, 0, standard, 0, 0])
    }
    let first = resolved(text, [path: zone(standard: 0)])
    #expect(first.spec != nil && first.diagnostics.isEmpty, "\(first.diagnostics)")
    #expect(first.hash == resolved(text, [path: zone(standard: 1)]).hash)
    #expect(first.spec?.missingContents == [])
    #expect(
      resolved(text, [:]).diagnostics.map { "\($0.position): \($0.message)" } == [
        "3:13: no such time zone on this node: \(path) is not there"
      ])
    #expect(resolved(text, [path: "x"]).diagnostics.map(\.message) == ["\(path) is no time zone file"])
    #expect(resolved(text.replacing("Some/Where", with: "UTC"), [:]).spec != nil)
  }

  @Test("what can't be is said where it stands")
  func errors() {
    #expect(containerProblems("env = { A = { secret = \"x/y\" } }") == ["4:24: there is no secret volume 'x'"])
    #expect(containerProblems("env = { A = { secret = \"x\" } }").first?.contains("must be \"VOLUME/FILE\"") == true)
    #expect(containerProblems("env = { A = {} }") == ["4:13: a variable's table has exactly one of 'secret', 'file' and 'field'"])
    #expect(containerProblems("env = { A = { field = \"pod.uuid\" } }").count == 1)
    let volume = "[[volume]]\nname = \"v\"\n"
    #expect(containerProblems(volume + "config = {}") == ["6:1: 'config' needs 'files' or 'from'"])
    #expect(
      containerProblems(volume + "config = { files = { a = \"\" }, from = [\"x/a\"] }") == ["6:40: there are two files 'a' in this volume"])
    #expect(containerProblems(volume + "secret = { files = {}, on_change = \"signal:FOO\" }").count == 1)
  }

  @Test("a secret is in the pod's record and nowhere else: not in what is shown, not in what changed")
  func redaction() throws {
    let spec = try #require(resolved().spec)
    #expect(try PodSpec(json: spec.json(for: .record)) == spec)
    let shown = String(decoding: spec.json.encoded(), as: UTF8.self)
    #expect(!shown.contains("hunter2") && !shown.contains("k3y") && !shown.contains("t0k"))
    let disk = spec.json(for: .disk)
    let kept = String(decoding: disk.encoded(), as: UTF8.self)
    #expect(kept.contains("hunter2") && !kept.contains("k3y") && !kept.contains("t0k"))
    #expect(try PodSpec(json: disk).completed { Self.node[$0] } == spec)
    #expect(try PodSpec(json: disk).completed { _ in nil } == nil)
    let other = try #require(resolved(Self.text.replacing("hunter2", with: "letmein")).spec)
    let changes = SpecDiff.changes(from: spec, to: other)
    #expect(changes.map(\.description) == ["volume.keys.secret.files.pw: (secret) → (secret)"])
    #expect(changes.allSatisfy { !$0.inPlace })
  }

  @Test("changed content is taken over in place where the volume says so")
  func inPlace() throws {
    var files = Self.node
    files["/m/app.conf"] = "x = 2\n"
    let from = try #require(resolved().spec)
    let to = try #require(resolved(Self.text, files).spec)
    #expect(SpecDiff.changes(from: from, to: to).map { "\($0.path) \($0.inPlace)" } == ["volume.conf.config.from.app.conf.content true"])
  }

  @Test("bytes that are no text survive the record")
  func binary() throws {
    var files = Self.node
    files["/srv/key"] = FileContent([0, 255, 10])
    let spec = try #require(resolved(Self.text, files).spec)
    #expect(try PodSpec(json: JSON(parsing: spec.json(for: .record).encoded())) == spec)
  }
}

@Suite("Devices, groups and sharing in a manifest")
struct PodSharingTests {
  @Test("they are read as they are written")
  func read() throws {
    let spec = try #require(
      decode(
        """
        network = "none"
        host_pid = true
        host_ipc = true
        fs_group = 2000
        supplemental_groups = [3000, 3001]
        node_selector = { zone = "a" }
        [[container]]
        image = "a:1"
        devices = ["/dev/fuse", "vendor.com/gpu=0", { host = "/dev/sda", container = "/dev/disk", permissions = "r" }]
        resources = { hugepages = { "2MiB" = "64MiB", "1GiB" = 0 } }
        security = { apparmor = "mine" }
        """
      ).spec)
    #expect(spec.hostPID && spec.hostIPC && spec.fsGroup == 2000 && spec.supplementalGroups == [3000, 3001])
    #expect(spec.nodeSelector == ["zone": "a"])
    #expect(
      spec.containers[0].devices == [
        .node(host: "/dev/fuse", container: "/dev/fuse", permissions: "rwm"), .cdi("vendor.com/gpu=0"),
        .node(host: "/dev/sda", container: "/dev/disk", permissions: "r"),
      ])
    #expect(spec.containers[0].resources.hugepages == [2 << 20: ByteSize(bytes: 64 << 20), 1 << 30: ByteSize(bytes: 0)])
    #expect(spec.containers[0].security.apparmor == "mine")
    #expect(try PodSpec(json: spec.json(for: .record)) == spec)
  }

  @Test(
    "what can't be is refused",
    arguments: [
      "devices = [\"/etc/passwd\"]", "devices = [\"/dev/../etc\"]", "devices = [\"gpu=0\"]", "devices = [\"/dev/a\", \"/dev/a\"]",
      "devices = [{ container = \"/dev/a\" }]", "devices = [{ host = \"/dev/a\", permissions = \"x\" }]",
      "resources = { hugepages = { \"3MiB\" = 1 } }", "resources = { hugepages = { \"big\" = 1 } }", "security = { apparmor = \"\" }",
    ])
  func refused(line: String) { #expect(containerProblems(line).count == 1) }
}
