import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Testing

@testable import BerthPods

@Suite("the pod's record")
struct PodRecordTests {
  private static let fixture =
    Files.parent(of: Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))) + "/Tests/Fixtures/pod-record/v1.json"

  @Test("a record of version 1 is read")
  func versionOne() throws {
    let record = try PodRecord.read(Self.fixture)
    #expect(record.uid == "107a808e-101e-44f0-b3c8-e966944e5269")
    #expect(record.generation == 3)
    #expect(record.hash.hasPrefix("fba252ce"))
    #expect(record.source == "/etc/berth/manifests/web.toml")
    #expect(record.createdAt == 1_795_454_571_836_802_824)
    #expect(record.images["oci-archive:/srv/example.tar"]?.hasPrefix("sha256:679ddbf3") == true)
    #expect(record.containers["prepare"] == ContainerRecord(attempt: 0, backoffStep: 0))
    #expect(record.containers["web"]?.attempt == 4)
    #expect(record.containers["web"]?.startFailure == "launch: no such file")
    #expect(record.containers["web"]?.startFailedAt == 6_437_750_715_668)
  }

  @Test("the spec in a record of version 1 is read whole")
  func specOfVersionOne() throws {
    let spec = try PodRecord.read(Self.fixture).spec
    #expect(spec.key == PodKey(namespace: "prod", name: "web"))
    #expect(spec.restartPolicy == .onFailure)
    #expect(spec.restartBackoff.max == .seconds(60))
    #expect(spec.terminationGracePeriod == .milliseconds(1500))
    #expect(spec.dns?.options == ["ndots:2"])
    #expect(spec.resources.memory == ByteSize(bytes: 256 << 20))
    #expect(spec.initContainers.map(\.name) == ["prepare"])
    let web = try #require(spec.containers.first)
    #expect(web.args == ["-c", "sleep 1000"])
    #expect(web.user == "1000:1000")
    #expect(web.mounts.map(\.volume) == ["data", "conf", "keep", "host"])
    #expect(web.mounts.map(\.readOnly) == [false, true, false, true])
    #expect(web.mounts[2].subPath == "a/b")
    #expect(web.resources.cpuMillicores == 500)
    #expect(web.security.addCapabilities == ["NET_ADMIN"])
    #expect(web.rlimits["nofile"]?.hard == 1024)
    #expect(spec.volumes.map(\.name) == ["data", "conf", "keep", "host"])
    #expect(spec.volumes[1].mode == 0o640)
    #expect(spec.volumes[1].source == .config(FileSet(files: ["app.conf": "x = 1\n"])))
  }

  @Test("what is written is what was read")
  func roundTrip() throws {
    let record = try PodRecord.read(Self.fixture)
    #expect(PodRecord(json: try JSON(parsing: record.json.encoded())) == record)
  }

  @Test("a newer version's record is read as far as it is understood, so that a downgrade keeps its pods")
  func newer() throws {
    var newer = try #require(PodRecord.read(Self.fixture).json.object)
    newer["version"] = 2
    newer["what_nobody_knows_yet"] = ["x": 1]
    #expect(PodRecord(json: .object(newer)) == (try PodRecord.read(Self.fixture)))
  }

  @Test("a damaged text and a missing file are told apart from a record")
  func refused() throws {
    let text = try Files.readText(Self.fixture)
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/pod.json"
    for damaged in ["{\"version\":0" + text.dropFirst(12), String(text.prefix(500)), ""] {
      try Files.writeAtomically(damaged.utf8, to: path)
      #expect { try PodRecord.read(path) } throws: { ($0 as? BerthError)?.code == .dataLoss }
    }
    #expect { try PodRecord.read("\(directory.path)/none") } throws: { ($0 as? BerthError)?.code == .notFound }
  }
}
