import BerthCore
import Testing

@testable import BerthManifest

@Suite("PodSpec as JSON")
struct PodSpecJSONTests {
  @Test("a spec comes back from its JSON as it was, through text too", arguments: [DecodeTests.full, CanonicalContentTests.base])
  func roundTrip(text: String) throws {
    let spec = try #require(decode(text).spec)
    #expect(try PodSpec(json: spec.json(for: .record)) == spec)
    #expect(try PodSpec(json: JSON(parsing: spec.json(for: .record).encoded())) == spec)
  }

  @Test("every field survives, also where it is the other than usual")
  func fields() throws {
    var spec = try #require(decode(DecodeTests.full).spec)
    spec.restartPolicy = .never
    spec.network = .none
    spec.resources.pids = 7
    spec.containers[0].resources.pids = nil
    spec.containers[0].security.seccomp = .unconfined
    spec.containers[0].rlimits["cpu"] = Rlimit(soft: UInt64(Int64.max) + 5, hard: .max)
    spec.containers[0].env["A"] = "line\n\"quoted\" \u{1F600}"
    spec.terminationGracePeriod = .nanoseconds(1)
    spec.shmSize = ByteSize(bytes: 12_345_678)
    #expect(try PodSpec(json: JSON(parsing: spec.json(for: .record).encoded())) == spec)
  }

  @Test("what a disk is spared reads the same: an empty list that means something stays")
  func recorded() throws {
    var spec = try #require(decode(CanonicalContentTests.base).spec)
    spec.containers[0].resources.pids = nil
    spec.containers[0].command = []
    spec.containers[0].security.maskedPaths = []
    spec.containers[0].env["labels"] = ""
    spec.volumes.append(VolumeSpec(name: "kept", source: .persistent(shared: nil)))
    #expect(try PodSpec(json: JSON(parsing: spec.record())) == spec)
  }

  @Test("a disk gets what differs from its default, and nothing else")
  func brief() throws {
    let spec = try #require(decode("labels = { tier = \"web\" }\n[[container]]\nimage = \"x:1\"\nimage_pull_policy = \"always\"").spec)
    #expect(
      String(decoding: spec.record(), as: UTF8.self)
        == #"{"namespace":"default","name":"web","labels":{"tier":"web"},"#
        + #""container":[{"name":"web","image":"x:1","image_pull_policy":"always"}]}"#)
    #expect(try PodSpec(json: JSON(parsing: spec.record())) == spec)
  }

  @Test("every field that isn't its default is on the disk")
  func recordedInFull() throws {
    var spec = try #require(decode(DecodeTests.full).spec)
    spec.restartPolicy = .never
    spec.containers[0].resources.pids = nil
    spec.containers[0].security.seccomp = .unconfined
    spec.containers[0].rlimits["cpu"] = Rlimit(soft: UInt64(Int64.max) + 5, hard: .max)
    spec.shmSize = ByteSize(bytes: 12_345_678)
    spec.hostname = "other"
    #expect(try PodSpec(json: JSON(parsing: spec.record())) == spec)
  }

  @Test("what an older version didn't write gets its default, what a newer one added is ignored")
  func versions() throws {
    let json = try JSON(
      parsing: #"{"name":"a","colour":"red","container":[{"name":"c","image":"x:1","resources":{"memory":"1MiB","new":[1]}}]}"#)
    let spec = try PodSpec(json: json)
    var expected = PodSpec(key: PodKey(namespace: "default", name: "a"))
    var container = ContainerSpec(name: "c", image: "x:1", imagePullPolicy: .ifNotPresent)
    container.resources.memory = ByteSize(bytes: 1 << 20)
    container.resources.pids = 4096
    expected.containers = [container]
    #expect(spec == expected)
  }

  @Test(
    "a malformed record is data loss, and says which member",
    arguments: [
      ("{}", "name"), ("[]", ""), (#"{"name":"a","suspend":1}"#, "suspend"), (#"{"name":"a","restart_policy":"x"}"#, "restart_policy"),
      (#"{"name":"a","container":[{"name":"c"}]}"#, "container.image"), (#"{"name":"a","container":{}}"#, "container"),
      (#"{"name":"a","volume":[{"name":"v"}]}"#, "volume"), (#"{"name":"a","resources":{"cpu":"x"}}"#, "resources.cpu"),
      (#"{"name":"a","labels":{"a":1}}"#, "labels"), (#"{"name":"a","network":"bridge"}"#, "network"),
      (#"{"name":"a","container":[{"name":"c","image":"x","ports":[{"container":70000}]}]}"#, "container.ports.container"),
    ])
  func malformed(text: String, member: String) throws {
    let json = try JSON(parsing: text)
    let error = #expect(throws: BerthError.self) { try PodSpec(json: json) }
    #expect(error?.code == .dataLoss)
    #expect(error?.cause == "'\(member)' is missing or malformed")
  }
}
