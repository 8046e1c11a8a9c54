import BerthCore
import BerthLinux
import BerthManifest
import BerthTestSupport
import Testing

@testable import BerthNetwork

@Suite("CNI networks and plugins")
struct CNITests {
  private func network(_ text: String) throws -> CNINetwork { try CNINetwork(Array(text.utf8), isList: true) }

  private func attachment(_ network: CNINetwork, _ wanted: NetworkAttachment? = nil) -> CNIAttachment {
    CNIAttachment(
      network, wanted ?? NetworkAttachment(name: network.name), interface: "eth0", pod: PodKey(namespace: "ns", name: "web"), uid: "uid",
      ports: [], dns: nil, names: ["web"])
  }

  private func client(_ scratch: TemporaryDirectory, timeout: Duration = .seconds(20)) -> CNIClient {
    CNIClient(plugins: CNIPlugins(directories: ["/nowhere", scratch.path], timeout: timeout))
  }

  @Test(
    "a configuration that makes no sense is refused",
    arguments: [
      ("nonsense", "no JSON"), (#"{"name":"a","plugins":[]}"#, "names no plugin"), (#"{"plugins":[{"type":"a"}]}"#, "'name'"),
      (#"{"name":"../a","plugins":[{"type":"a"}]}"#, "'name'"), (#"{"name":"a","plugins":[{"type":"../../bin/sh"}]}"#, "'type'"),
      (#"{"name":"a","plugins":[{"type":".."}]}"#, "'type'"), (#"{"name":"a","plugins":[{}]}"#, "'type'"),
    ])
  func malformed(text: String, problem: String) throws {
    do throws(CNIProblem) {
      _ = try CNINetwork(Array(text.utf8), isList: true)
      Issue.record("accepted: \(text)")
    } catch { #expect(error.description.contains(problem), "\(error)") }
  }

  @Test("the type of a plugin is a path from the file to the program: without the check it leads out of the plugin folder")
  func traversal() throws {
    let scratch = try TemporaryDirectory()
    // What the check keeps away: the kernel would follow it.
    let toTheTop = String(repeating: "/..", count: scratch.path.split(separator: "/").count)
    let program = BoundedProgram(
      "\(scratch.path)\(toTheTop)/bin/echo", arguments: ["out"], timeout: .seconds(20), outputLimit: 100)
    #expect(try program.run().output == Array("out\n".utf8))
    do throws(BerthError) {
      _ = try client(scratch).plugins.run(.add, type: "../../bin/echo", CNIPlugins.Target(), input: [:])
      Issue.record("it was run")
    } catch { #expect(error.code == .invalidArgument) }
  }

  @Test("plugins run in order, each with the result of the one before; DEL the other way round with the last")
  func chain() throws {
    let scratch = try TemporaryDirectory()
    for name in ["one", "two"] {
      try scratch.script(
        name,
        """
        input=$(cat)
        echo "\(name) $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_PATH $(env | wc -l) $input" >> \(scratch.path)/log
        [ $CNI_COMMAND = DEL ] || echo '{"cniVersion":"1.0.0","by":"\(name)","ips":[{"address":"10.9.0.5/24"}]}'
        """)
    }
    let list = try network(
      #"{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"one","own":1},{"type":"two","capabilities":{"mac":true,"ips":false}}]}"#)
    var wanted = NetworkAttachment(name: "n")
    (wanted.mac, wanted.addresses) = ("02:00:00:00:00:01", ["10.9.0.5"])
    var cni = attachment(list, wanted)
    cni.result = try client(scratch).add(cni, containerID: "id", namespace: "/proc/1/fd/9")
    #expect(cni.result?.addresses.map { "\($0)" } == ["10.9.0.5/24"])
    #expect(cni.unmet(by: try #require(cni.result))?.contains("mac") == true)
    try client(scratch).delete(try #require(CNIAttachment(json: cni.json)), containerID: "id", namespace: nil)
    let lines = try Files.readText("\(scratch.path)/log").split(separator: "\n").map(String.init)
    #expect(lines.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == ["one ADD", "two ADD", "two DEL", "one DEL"])
    #expect(lines[0].contains("id /proc/1/fd/9 eth0") && lines[0].contains(#""own":1"#) && !lines[0].contains("prevResult"))
    #expect(lines[1].contains(#""prevResult":{"cniVersion":"1.0.0","by":"one""#) && lines[1].contains(#""runtimeConfig":{"mac""#))
    #expect(!lines[1].contains("capabilities") && !lines[1].contains("10.9.0.5\"]"))
    #expect(lines[3].contains(#""by":"two""#))
  }

  @Test(
    "a plugin that fails is told of in its own words",
    arguments: [
      (#"echo '{"code":7,"msg":"no room","details":"in 10.0.0.0/8"}'; exit 1"#, "no room; in 10.0.0.0/8 (code 7)"),
      ("echo garbage", "no JSON"), ("printf 'sad\\033[31m' >&2; exit 3", "exit code 3: sad [31m"), ("kill -9 $$", "signal 9 (SIGKILL)"),
      ("exit 1", "exit code 1, without a word"), ("head -c 3000000 /dev/zero | tr '\\0' x", "more than can be read"),
    ])
  func failure(script: String, words: String) throws {
    let scratch = try TemporaryDirectory()
    try scratch.script("bad", script)
    let cni = attachment(try network(#"{"name":"n","plugins":[{"type":"bad"}]}"#))
    do throws(BerthError) {
      _ = try client(scratch).add(cni, containerID: "id", namespace: "")
      Issue.record("it succeeded")
    } catch { #expect("\(error)".contains(words) && "\(error)".contains("bad"), "\(error)") }
  }

  @Test("a plugin that hangs is killed with all that it started")
  func hang() throws {
    let scratch = try TemporaryDirectory()
    try scratch.script("slow", "sleep 1000 & echo $! > \(scratch.path)/child; wait")
    let cni = attachment(try network(#"{"name":"n","plugins":[{"type":"slow"}]}"#))
    do throws(BerthError) {
      _ = try client(scratch, timeout: .milliseconds(500)).add(cni, containerID: "id", namespace: "")
      Issue.record("it succeeded")
    } catch { #expect(error.code == .deadlineExceeded) }
    let child = try #require(Int32(try Files.readText("\(scratch.path)/child").split(separator: "\n").first ?? ""))
    for _ in 0..<500 where (try? ProcessIdentity(of: child).isAlive) == true { Clock.pause(.milliseconds(10)) }
    #expect((try? ProcessIdentity(of: child).isAlive) != true)
  }

  @Test("a plugin that isn't there is named, with the places that were looked at")
  func missing() throws {
    let scratch = try TemporaryDirectory()
    let cni = attachment(try network(#"{"name":"n","plugins":[{"type":"absent"}]}"#))
    do throws(BerthError) {
      _ = try client(scratch).add(cni, containerID: "id", namespace: "")
      Issue.record("it succeeded")
    } catch { #expect("\(error)".contains("absent") && "\(error)".contains("/nowhere, \(scratch.path)"), "\(error)") }
  }

  @Test("a broken file stands in the way of the network that it was to define, and of no other")
  func brokenFiles() throws {
    let scratch = try TemporaryDirectory()
    try scratch.write("{\"name\": \"bridge\", \"plugins\": [{\"type\": \"bridge\"", to: "10-a.conflist")
    try scratch.write("{\"name\":\"other\",\"plugins\":[{\"type\":\"bridge\"", to: "20-b.conflist")
    try scratch.write("{\"name\":\"good\",\"plugins\":[{\"type\":\"bridge\"}]}", to: "30-c.conflist")
    let directory = CNIDirectory(scratch.path)
    #expect(try directory.network("good")?.pluginTypes == ["bridge"])
    #expect(try directory.network("iot") == nil)
    do throws(BerthError) {
      _ = try directory.network("bridge")
      Issue.record("the node's own bridge would take the place of the operator's")
    } catch { #expect("\(error)".contains("10-a.conflist") && !"\(error)".contains("20-b"), "\(error)") }
    #expect("\(directory.notFound("iot"))".contains("20-b.conflist"))
  }

  @Test("STATUS comes before ADD and GC is run with what is valid, from version 1.1 on")
  func newer() throws {
    let scratch = try TemporaryDirectory()
    try scratch.script(
      "p", "echo \"$CNI_COMMAND $(cat)\" >> \(scratch.path)/log; [ $CNI_COMMAND != STATUS ] || ! [ -e \(scratch.path)/busy ]")
    for version in ["1.0.0", "1.1.0"] {
      let list = try network("{\"cniVersion\":\"\(version)\",\"name\":\"n\",\"plugins\":[{\"type\":\"p\"}]}")
      _ = try client(scratch).add(attachment(list), containerID: "id", namespace: "")
      try client(scratch).collect(list, valid: [("id", "eth0")])
    }
    let lines = try Files.readText("\(scratch.path)/log").split(separator: "\n")
    #expect(lines.map { $0.prefix { $0 != " " } } == ["ADD", "STATUS", "ADD", "GC"])
    #expect(lines.last?.contains(#""cni.dev/valid-attachments":[{"containerID":"id","ifname":"eth0"}]"#) == true)
    try Files.rewrite([], to: "\(scratch.path)/busy")
    let list = try network(#"{"cniVersion":"1.1.0","name":"n","plugins":[{"type":"p"}]}"#)
    #expect(throws: BerthError.self) { try client(scratch).add(attachment(list), containerID: "id", namespace: "") }
  }
}
