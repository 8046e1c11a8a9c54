import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

@Suite(
  "what a container is given besides its bundle", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct HandOverTests {
  private func ip(_ words: String) throws -> CommandResult { try Command.run("ip", words.split(separator: " ").map(String.init)) }

  @Test(
    "an interface moves into the container with its lasting addresses, under the name it is to have, up",
    .enabled(if: Command.exists("ip"), "needs iproute2"))
  func netDevices() throws {
    let name = "bd\(getpid())"
    let made = try ip("link add \(name) type veth peer name \(name)p")
    guard made.exit == 0 else { throw TestFailure("\(made)") }
    defer { _ = try? ip("link del \(name)p") }
    for words in [
      "addr add 10.91.7.3/24 dev \(name)", "addr add fd00:91::3/64 dev \(name) nodad", "link set \(name) up", "link set \(name)p up",
    ] {
      let result = try ip(words)
      #expect(result.exit == 0, "\(result)")
    }
    let container = try RuntimeBundle("busybox ip -o addr show dev in0; busybox ip link show up dev in0 | grep -c in0; sleep 1000")
    container.spec.linux?.netDevices = [name: "in0"]
    try container.create()
    #expect(try ip("link show \(name)").exit != 0)
    try container.must("start", container.id)
    let seen = try container.must("exec", container.id, "busybox", "ip", "-o", "addr", "show", "dev", "in0").stdout
    #expect(seen.contains("inet 10.91.7.3/24") && seen.contains("inet6 fd00:91::3/64"), "\(seen)")
    #expect(try container.must("exec", container.id, "busybox", "ip", "link", "show", "dev", "in0").stdout.contains(",UP"))
    // A second that isn't there: nothing of the container stays.
    let other = try RuntimeBundle("true")
    other.spec.linux?.netDevices = [name: "in0"]
    let result = try other.run()
    #expect(result.exit == 1 && result.stderr.contains("linux.netDevices.\(name)") && other.isGone, "\(result)")
    container.spec.linux?.namespaces.removeAll { $0.type == .network }
    other.spec.linux?.namespaces.removeAll { $0.type == .network }
    #expect(try other.run().stderr.contains("network namespace of its own"))
  }

  @Test("exec --cgroup puts the process into a group below the container's, and nowhere else")
  func execCgroup() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    try container.must("start", container.id)
    let layout = try CgroupLayout.detect()
    let below = try #require(Cgroup("/\(container.id)/inner", in: layout))
    try below.create(RuntimeSpec.Resources())
    defer { try? below.remove() }
    func lines(_ words: String...) throws -> [Substring] {
      try container.must("exec", "--cgroup", words[0], container.id, "cat", "/proc/self/cgroup").stdout.split(separator: "\n")
    }
    let all = try lines("inner")
    let controllers = Set(layout.hierarchies.flatMap(\.controllers))
    let own = all.filter { line in
      line.split(separator: ":").dropFirst().first.map { $0.split(separator: ",") }?.contains { controllers.contains(String($0)) } ?? false
    }
    #expect((layout.version == .v2 ? all : own).allSatisfy { $0.hasSuffix("/inner") } && !all.isEmpty, "\(all)")
    if layout.version == .v1 {
      let one = try lines("pids:inner")
      #expect(
        one.filter { $0.hasSuffix("/inner") }.count == 1 && one.contains { $0.contains(":pids:") && $0.hasSuffix("/inner") }, "\(one)")
    }
    for word in ["nowhere", "../other", "inner/..", "moon:inner"] {
      let result = try container("exec", "--cgroup", word, container.id, "true")
      #expect(result.exit == 255 && result.stderr.contains("--cgroup"), "\(result)")
    }
  }
}
