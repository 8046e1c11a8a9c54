import BerthCore
import BerthTestSupport
import Testing

@testable import BerthManifest

@Suite("Manifest errors")
struct DecodeErrorTests {
  @Test("all errors of a file are reported at once, each where it is")
  func allAtOnce() {
    let text = """
      restart_polcy = "always"
      restart_policy = "sometimes"
      termination_grace_period = 30

      [[container]]
      imge = "nginx"
      env = { PORT = 8080, "A=B" = "x" }
      labels = { a = "b" }
      mounts = ["dta:/data", "data:/../x"]

      [container.resources]
      memory = "64 MB"
      image = "x"
      depends_on = []

      [[volume]]
      name = "data"
      empty_dir = {}
      persistent = {}
      """
    #expect(
      problems(text) == [
        "1:1: unknown key 'restart_polcy'",
        "2:18: 'restart_policy' must be \"always\", \"on-failure\" or \"never\"",
        "3:28: 'termination_grace_period' must be a duration in a string (\"30s\"), not an integer",
        "5:1: a container needs an 'image'",
        "6:1: unknown key 'imge'",
        "7:16: 'env.PORT' must be a string or a table, not an integer",
        "7:22: a key of 'env' must be a variable's name: not empty, without '=' and line breaks",
        "8:1: 'labels' is a key of the pod, not of [[container]]",
        "9:24: 'mounts' must be \"volume:/path\" or \"volume:/path:ro\", the path absolute and without '..'",
        "12:10: 'memory' must be a size such as \"64MiB\", \"1GB\" or an integer of bytes",
        "13:1: 'image' is a key of [[container]], not of [container.resources]",
        "14:1: 'depends_on' is a key of the pod, not of [container.resources]",
        "19:1: a volume is of one kind, this one has 'empty_dir' and 'persistent'",
      ])
  }

  @Test("help says what to write instead")
  func help() {
    func help(_ text: String) -> [String?] { decode(text).diagnostics.map(\.help) }
    let rest = "\nnetwork = \"host\"\n[[container]]\nimage = \"a\"\n"
    #expect(help("restart_polcy = \"always\"" + rest) == ["did you mean 'restart_policy'?"])
    #expect(help("restart_policy = \"allways\"" + rest) == ["did you mean \"always\"?"])
    #expect(help("image = \"x\"" + rest) == ["write it below [[container]]"])
    #expect(help(rest + "env = { PORT = 8080 }") == ["write \"8080\""])
    #expect(help(rest + "env = { DEBUG = true }") == ["write \"true\""])
    #expect(help(rest + "hostname = \"x\"") == ["move it above the first table"])
    #expect(help(rest + "update = { strategy = \"recreate\" }") == ["move it above the first table"])
    #expect(help(rest + "[container.update]\nstrategy = \"recreate\"") == ["write [update]"], "a header is not moved")
    #expect(help(rest + "[[container.volume]]\nname = \"v\"") == ["write [[volume]]"])
    #expect(help(rest + "[container.securty]\nprivileged = true") == ["did you mean [container.security]?"])
    #expect(help(rest + "securty = { privileged = true }") == ["did you mean 'security'?"])
    #expect(help(rest + "log = { max_size = \"1B\" }") == [nil], "too small, and written well")
    #expect(help(rest + "log = { max_size = \"1Mi\" }") == ["write \"1MiB\""])
    #expect(help(rest + "pre_stop = { exec = { command = \"sync\" } }") == ["write [\"sync\"]"], "one error alone")
    #expect(help(rest + "args = \"x\"") == ["write [\"x\"]"])
    #expect(help(rest + "readiness_probe = { exec = [\"true\"] }") == ["write { command = … }"])
    #expect(help(rest + "readiness_probe = { tcp_socket = 6379 }") == ["write { port = … }"])
    #expect(help(rest + "[[volume]]\nname = \"v\"\npersistent = true") == ["its only key is 'name'"])
    #expect(help(rest + "read_only = true") == ["did you mean 'read_only_root_filesystem' below [container.security]?"])
    #expect(help(rest + "mounts = [\"dta:/x\"]\n[[volume]]\nname = \"data\"\nempty_dir = {}") == ["did you mean 'data'?"])
    #expect(help(rest + "security = { capabilities = { add = [\"NET_ADMN\"] } }") == ["did you mean 'NET_ADMIN'?"])
    #expect(help("network = \"host\"\n[container]\nimage = \"a\"").first == "write [[container]]")
    #expect(help("completely_different = 1" + rest) == [nil])
    #expect(help("termination_grace_period = 30" + rest) == ["write \"30s\""])
    #expect(help("termination_grace_period = -30" + rest) == [nil])
  }

  @Test("syntax errors come together with unknown keys, but not with what may only have been skipped")
  func syntaxErrors() {
    #expect(
      problems("name = web\nfoo = 1\n[[container]\nimage = \"a\"") == [
        "1:8: no valid value: 'web'; strings need quotes", "2:1: unknown key 'foo'", "3:13: expected ']]', found the end of the line",
      ])
  }

  @Test("an update's deadline is longer than nothing")
  func progressDeadline() {
    let text = "network = \"none\"\nupdate = { progress_deadline = \"0s\" }\n[[container]]\nimage = \"a\""
    #expect(problems(text) == ["2:32: 'progress_deadline' must be longer than 0s"])
  }

  @Test(
    "a network that makes no sense is refused",
    arguments: [
      ("[]", "'network' names no network"), ("[\"host\", \"a\"]", "\"host\" can't stand beside other networks or settings"),
      ("[\"a\", { name = \"a\" }]", "network 'a' is named twice"), ("{ nme = \"a\" }", "unknown key 'nme'"),
      ("{ ip = \"10.0.0.300\" }", "'ip' must be an IPv4 or IPv6 address"),
      ("{ ip = [\"10.0.0.3\", \"10.0.0.4\"] }", "'ip' may hold one IPv4 and one IPv6 address"),
      ("{ mac = \"01:00:00:00:00:01\" }", "'mac' must be a hardware address such as \"02:00:00:aa:bb:cc\", and not a group's"),
      ("{ bandwidth = { ingress = \"10\" } }", "'ingress' must be a size such as \"64MiB\", \"1GB\" or an integer of bytes"),
    ])
  func network(value: String, message: String) {
    let found = problems("network = \(value)\n[[container]]\nimage = \"a\"")
    #expect(found.count == 1 && found.first?.hasPrefix("1:") == true && found.first?.hasSuffix(message) == true, "\(found)")
  }

  @Test(
    "a sysctl that isn't the pod's own is refused",
    arguments: [
      ("", "vm.swappiness", "is not namespaced: it would change the whole node"), ("", "kernel.hostname", "is set by 'hostname'"),
      ("network = \"host\"\n", "net.ipv4.ip_forward", "is the node's own with network = \"host\""),
      ("", "net..a", "is no name of a sysctl"), ("", "net.ipv4/../../kernel.pid_max", "is no name of a sysctl"),
    ])
  func sysctl(network: String, name: String, message: String) {
    let found = problems("\(network)sysctls = { \"\(name)\" = 1 }\n[[container]]\nimage = \"a\"")
    #expect(found.count == 1 && found.first?.hasSuffix("sysctl '\(name)' \(message)") == true, "\(found)")
  }

  @Test(
    "a pod key with a bad value is refused",
    arguments: [
      ("name = \"Web\"", "'name' must be 1 to 63 of a-z, 0-9 and '-', with neither end a '-'"),
      ("namespace = \"-a\"", "'namespace' must be 1 to 63 of a-z, 0-9 and '-', with neither end a '-'"),
      ("hostname = \"a\\nb\"", "'hostname' must be a host name: up to 253 of a-z, A-Z, 0-9, '-', '_' and '.'"),
      ("hostname = \"\(String(repeating: "a", count: 65))\"", "'hostname' must be at most 64 bytes"),
      ("hosts = { \"10.0.0.300\" = [\"a\"] }", "a key of 'hosts' must be an IPv4 or IPv6 address"),
      ("hosts = { \"10.0.0.3\" = [\"a b\"] }", "'hosts.10.0.0.3' must be a host name: up to 253 of a-z, A-Z, 0-9, '-', '_' and '.'"),
      ("dns = { servers = [\"localhost\"] }", "'servers' must be an IPv4 or IPv6 address"),
      ("dns = { options = [\"a b\"] }", "'options' must be one word"),
      ("labels = { a = 1 }", "'labels.a' must be a string, not an integer"),
      ("restart_backoff = { initial = \"10m\" }", "'restart_backoff' has a 'max' below its 'initial'"),
      ("shm_size = 0", "'shm_size' must be at least 4KiB"),
      ("shm_size = -1", "'shm_size' must be a size such as \"64MiB\", \"1GB\" or an integer of bytes"),
      ("resources = { memory_swap = \"1GiB\" }", "'memory_swap' needs 'memory' beside it"),
      ("resources = { cpu = 0 }", "'cpu' must be a number of cores (0.5) or of millicores (\"500m\"), at least 1 millicore"),
      ("resources = { cpu = nan }", "'cpu' must be a number of cores (0.5) or of millicores (\"500m\"), at least 1 millicore"),
      ("resources = { cpuset_cpus = \"3-1\" }", "'cpuset_cpus' must be a list of CPUs such as \"0-3,6\""),
      ("suspend = \"yes\"", "'suspend' must be true or false, not a string"),
      ("container = 3", "'container' must be an array of tables, not an integer"),
    ])
  func pod(line: String, message: String) {
    #expect(podProblems(line).contains { $0.hasSuffix(": \(message)") }, "\(podProblems(line))")
  }

  @Test(
    "a container key with a bad value is refused, and nothing else is",
    arguments: [
      ("command = [\"a\\u0000b\"]", "'command' must not contain NUL"),
      ("env = { A = \"\\u0000\" }", "'env.A' must not contain NUL"),
      ("env = { \"A\\nB\" = \"\" }", "a key of 'env' must be a variable's name: not empty, without '=' and line breaks"),
      ("env = { \"\" = \"\" }", "a key of 'env' must be a variable's name: not empty, without '=' and line breaks"),
      ("env = { \"\u{e9}\" = \"1\", \"e\u{301}\" = \"2\" }", "'\u{e9}' is set twice, in two Unicode forms"),
      ("working_dir = \"srv\"", "'working_dir' must be an absolute path"),
      ("working_dir = \"/a/../b\"", "'working_dir' must not contain '..'"),
      ("user = \"4294967295\"", "'user' must be numbers from 0 to 4294967294, or names"),
      ("user = \"1000:99999999999999999999\"", "'user' must be numbers from 0 to 4294967294, or names"),
      ("user = \"-1\"", "'user' must be numbers from 0 to 4294967294, or names"),
      ("user = \"1000x\"", "'user' must be numbers from 0 to 4294967294, or names"),
      ("user = \"a:b:c\"", "'user' must be \"user\" or \"user:group\""),
      ("user = \"a\\nb\"", "'user' must be numbers or names: no white space, no '/'"),
      ("user = 1000", "'user' must be a string, not an integer"),
      ("stop_signal = \"SIGFOO\"", "'stop_signal' must be a signal's name (\"SIGTERM\") or number (\"15\")"),
      ("stop_signal = \"65\"", "'stop_signal' must be a signal's name (\"SIGTERM\") or number (\"15\")"),
      ("ports = [\"80\", \"80/tcp\"]", "port 80/tcp is declared twice"),
      ("ports = [{ host = 80 }]", "a port needs 'container', its number there"),
      ("ports = [{ container = 80, host_ip = \"::1\" }]", "'host_ip' needs 'host'"),
      ("ports = [{ container = 0 }]", "'container' must be from 1 to 65535"),
      ("ports = [{ container = 1, host = 70000 }]", "'host' must be from 1 to 65535"),
      ("mounts = [\"x:/a\"]", "there is no volume 'x'"),
      ("mounts = [{ volume = \"x\" }]", "a mount needs a 'path'"),
      ("rlimits = { nofil = 1 }", "a key of 'rlimits' must be a limit's name: \(RlimitName.known.joined(separator: ", "))"),
      ("rlimits = { nofile = { soft = 2, hard = 1 } }", "'nofile' has a 'soft' limit above its 'hard' one"),
      ("rlimits = { nofile = { soft = 2 } }", "'nofile' needs 'soft' and 'hard', or one number for both"),
      ("rlimits = { nofile = -1 }", "'rlimits.nofile' must be 0 or more"),
      ("log = { max_files = 0 }", "'max_files' must be from 1 to 1000"),
      ("security = { capabilities = { add = [\"FOO\"] } }", "'add' must be a capability's name (\"NET_ADMIN\") or \"ALL\""),
      ("security = { masked_paths = [\"proc\"] }", "'masked_paths' must be an absolute path"),
      ("image_pull_policy = \"Always\"", "'image_pull_policy' must be \"always\", \"if-not-present\" or \"never\""),
      ("resources = { pids = 0 }", "'pids' must be 1 or more"),
      ("resources = { cpu_weight = 10001 }", "'cpu_weight' must be from 1 to 10000"),
      ("env.A = { secret = \"v/k\" }", "there is no secret volume 'v'"),
      ("resources.hugepages = { 2MB = \"4MiB\" }", "a key of 'hugepages' must be a size of huge pages such as \"2MiB\" or \"1GiB\""),
      ("liveness_probe = { period = \"1s\" }", "'liveness_probe' needs one of exec, http_get, tcp_socket, grpc"),
      (
        "liveness_probe = { tcp_socket = { port = 1 }, grpc = { port = 1 } }",
        "'liveness_probe' does one thing, this one has 'tcp_socket' and 'grpc'"
      ),
      ("liveness_probe = { tcp_socket = {} }", "'tcp_socket' needs a 'port'"),
      ("liveness_probe = { tcp_socket = { port = 0 } }", "'port' must be from 1 to 65535"),
      ("liveness_probe = { tcp_socket = { port = 1 }, success_threshold = 2 }", "'success_threshold' of a liveness_probe must be 1"),
      ("readiness_probe = { tcp_socket = { port = 1 }, period = \"0s\" }", "'period' must be longer than 0s"),
      ("readiness_probe = { tcp_socket = { port = 1 }, failure_threshold = 0 }", "'failure_threshold' must be 1 or more"),
      ("startup_probe = { http_get = { port = 1, path = \"x\" } }", "'path' must begin with '/' and have no space"),
      ("startup_probe = { http_get = { port = 1, scheme = \"ftp\" } }", "'scheme' must be \"http\" or \"https\""),
      (
        "startup_probe = { http_get = { port = 1, headers = { \"a b\" = \"\" } } }", "a key of 'headers' must be the name of an HTTP header"
      ),
      ("startup_probe = { http_get = { port = 1, headers = { a = \"x\\ny\" } } }", "'headers.a' must be one line of text"),
      ("post_start = {}", "'post_start' needs one of exec, http_get, sleep"),
    ])
  func container(line: String, message: String) {
    let found = containerProblems(line)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("4:") == true)
    #expect(found.first?.hasSuffix(": \(message)") == true, "\(found)")
  }

  @Test(
    "an image that is no reference is refused",
    arguments: [
      "", "Nginx", "a b", "a:", "a:b:c", "a@sha256:12", "a@md5:00", "/a", "a//b", "a:-x", "oci:", "oci::tag", "rootfs:", "host:x/a",
      "a\\nb", "host:0/a", "[::1/a",
      "registry.local/a_-b",
    ])
  func images(text: String) {
    let found = problems("network = \"none\"\n[[container]]\nimage = \"\(text)\"")
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("3:9: 'image' ") == true)
  }

  @Test(
    "an image reference of any good form is taken",
    arguments: [
      "a", "a/b", "localhost/a", "localhost:5000/a:1", "[::1]:5000/a", "a.b__c-d--e:V1.0_x", "docker.io/library/nginx:1.27-alpine",
      "r.example.com/x/y/z:t@sha256:\(String(repeating: "a", count: 64))", "127.0.0.1:5000/a@sha256:\(String(repeating: "a", count: 64))",
    ])
  func goodImages(text: String) {
    #expect(problems("network = \"none\"\n[[container]]\nimage = \"\(text)\"") == [])
  }

  @Test("volumes are checked: names, kinds, and what a kind allows")
  func volumes() {
    func volume(_ lines: String) -> [String] {
      problems("network = \"none\"\n[[container]]\nimage = \"a\"\n[[volume]]\n\(lines)\n").map { String($0) }
    }
    #expect(volume("name = \"a\"") == ["4:1: a volume needs one of host_path, empty_dir, persistent, config, secret, image"])
    #expect(volume("empty_dir = {}") == ["4:1: a volume needs a 'name'"])
    #expect(volume("name = \"a\"\nempty_dir = {}\n[[volume]]\nname = \"a\"\npersistent = {}") == ["8:8: there are two volumes 'a'"])
    #expect(volume("name = \"a\"\nempty_dir = { size = \"1MiB\" }").first?.hasPrefix("6:15: 'size' needs medium") == true)
    #expect(volume("name = \"a\"\nhost_path = {}") == ["6:1: 'host_path' needs a 'path'"])
    #expect(volume("name = \"a\"\nhost_path = \"/x\"\nmode = 1").first?.hasPrefix("7:1: 'mode' can't be set for a host_path") == true)
    #expect(volume("name = \"a\"\nconfig = {}") == ["6:1: 'config' needs 'files' or 'from'"])
    for name in ["../x", "a/b", ".", "..", ""] {
      #expect(volume("name = \"a\"\nconfig = { files = { \"\(name)\" = \"\" } }").first?.contains("must be a file name") == true, "\(name)")
    }
    #expect(volume("name = \"a\"\nconfig = { files = {}, mode = 1 }\nmode = 2").first?.contains("'mode' is set twice") == true)
    #expect(volume("name = \"a\"\nempty_dir = {}\nmode = 0o10000") == ["7:8: 'mode' must be from 0 to 4095"])
    #expect(volume("name = \"a\"\nempty_dir = {}\nowner = \"root:root\"").first?.hasPrefix("7:9: 'owner' must be \"uid:gid\"") == true)
    #expect(volume("name = \"a\"\nsecret = {}") == ["6:1: 'secret' needs 'files' or 'from'"])
    #expect(volume("name = \"a\"\nimage = {}") == ["6:1: 'image' needs a 'reference'"])
    #expect(volume("name = \"a\"\nimage = \"X\"").count == 1)
    #expect(volume("name = \"a\"\nimage = \"x:1\"\nmode = 1").first?.hasPrefix("7:1: 'mode' can't be set for an image") == true)
    let part = problems(
      "network = \"none\"\n[[container]]\nimage = \"a\"\nmounts = [{ volume = \"v\", path = \"/v\", sub_path = \"x\" }]\n"
        + "[[volume]]\nname = \"v\"\nimage = \"x:1\"\n")
    #expect(part.first?.contains("'sub_path' can't be used with an image") == true, "\(part)")
  }

  @Test("containers are checked against each other")
  func containers() {
    #expect(problems("network = \"none\"") == ["1:1: a pod needs at least one [[container]]"])
    #expect(problems("network = \"none\"\ncontainer = []") == ["2:1: a pod needs at least one [[container]]"])
    let two = "network = \"none\"\n[[container]]\nimage = \"a\"\n[[container]]\nimage = \"a\"\n"
    #expect(problems(two) == [2, 4].map { "\($0):1: each container, when there are several, needs a 'name'" })
    let named = two.replacing("image = \"a\"", with: "image = \"a\"\nname = \"x\"")
    #expect(problems(named) == ["7:8: there are two containers 'x'"])
    let initial = "network = \"none\"\n[[init_container]]\nimage = \"a\"\nname = \"web\"\n[[container]]\nimage = \"a\"\n"
    #expect(problems(initial) == ["5:1: there are two containers 'web' (this one is named after the pod)"])
    #expect(problems(initial.replacing("name = \"web\"\n", with: "")) == ["2:1: an init container needs a 'name'"])
  }

  @Test("mounts are checked against each other: paths that are the same, and the root")
  func mounts() {
    let text = """
      network = "none"
      [[container]]
      image = "a"
      mounts = ["a:/x", "a:/x/./", { volume = "a", path = "/" }]
      [[volume]]
      name = "a"
      empty_dir = {}
      """
    #expect(problems(text) == ["4:19: two volumes are mounted on '/x'", "4:30: a volume can't be mounted on '/'"])
    #expect(
      problems(text.replacing("\"a:/x/./\"", with: "{ volume = \"a\", path = \"/y\", sub_path = \"../z\" }")).contains {
        $0.contains("'sub_path' must not contain '..'")
      })
  }

  @Test("a file whose name is no pod name needs a 'name'")
  func stem() {
    let text = "network = \"none\"\n[[container]]\nimage = \"a\""
    #expect(problems(text, file: "/m/My_Pod.toml") == ["1:1: the file's name 'My_Pod' is no valid pod name"])
    #expect(problems("name = \"a\"\n" + text, file: "/m/My_Pod.toml") == [])
  }

  @Test("ports that would be published are warned about where nothing is, and taken once in a pod")
  func ports() {
    #expect(
      problems("network = \"none\"\n[[container]]\nimage = \"a\"\nports = [\"80:80\"]") == [
        "4:10: warning: nothing is published with network = \"none\""
      ])
    #expect(
      containerProblems("ports = [\"8080:80\"]") == [
        "4:10: warning: nothing is published with network = \"host\": port 80 is the node's own, 8080 isn't used"
      ])
    #expect(decode("network = \"host\"\n[[container]]\nimage = \"a\"\nports = [\"8080:80\"]").spec != nil)
    let two =
      "network = \"host\"\n[[container]]\nname = \"a\"\nimage = \"a\"\nports = [\"80\"]\n[[container]]\nname = \"b\"\nimage = \"a\"\nports = [\"80\"]"
    #expect(problems(two) == ["9:10: port 80/tcp of the node is taken twice in this pod"])
    #expect(problems(two.replacing("\"host\"", with: "\"none\"")) == [])
    #expect(containerProblems("ports = [\(Array(repeating: "\"1-1024/udp\"", count: 5).joined(separator: ","))]").count < 20)
  }

  @Test("the number of errors of a file is bounded")
  func bounded() {
    #expect(podProblems((0..<5000).map { "x\($0) = 1" }.joined(separator: "\n")).count == DiagnosticSink.limit)
  }

  @Test("random edits of a full manifest never crash the decoder, and a spec is there exactly if there is no error")
  func mutations() {
    var random = SeededGenerator(seed: 42)
    let seeds = ["full.toml", "syntax.toml", "errors.toml"].compactMap {
      TestFiles.read("\(TestFiles.repository)/fuzz/corpus/manifest/\($0)")
    }
    #expect(seeds.count == 3)
    #expect(ManifestDecoder.decode(seeds.first ?? [], file: "/m/web.toml").spec != nil)
    for _ in 0..<2000 {
      let bytes = Mutation.mutate(seeds.randomElement(using: &random) ?? [], using: &random)
      let decoded = ManifestDecoder.decode(bytes, file: "/m/web.toml")
      #expect((decoded.spec == nil) == decoded.hasErrors)
      #expect((decoded.hash == nil) == decoded.hasErrors)
      if let spec = decoded.spec { #expect((try? PodSpec(json: spec.json)) == spec) }
    }
  }
}
