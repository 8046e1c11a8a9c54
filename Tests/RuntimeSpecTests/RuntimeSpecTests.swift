import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Testing

struct RuntimeSpecTests {
  /// A document with something in every member.
  static let full = """
    {"ociVersion":"1.3.0","process":{"terminal":true,"consoleSize":{"height":24,"width":80},
      "user":{"uid":1000,"gid":4294967294,"umask":18,"additionalGids":[5,6]},"args":["sh","-c","x"],"env":["A=b","PATH=/bin"],"cwd":"/srv",
      "capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_CHOWN"],"inheritable":["CAP_KILL"],"permitted":["CAP_CHOWN"],"ambient":["CAP_KILL"]},
      "rlimits":[{"type":"RLIMIT_NOFILE","soft":1,"hard":18446744073709551615}],"noNewPrivileges":true,"oomScoreAdj":-5,
      "apparmorProfile":"p","selinuxLabel":"l",
      "scheduler":{"policy":"SCHED_DEADLINE","nice":-1,"priority":2,"flags":["SCHED_FLAG_RECLAIM"],"runtime":3,"deadline":4,"period":5},
      "ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":7},"execCPUAffinity":{"initial":"0-3","final":"7"}},
    "root":{"path":"rootfs","readonly":true},"hostname":"h","domainname":"d",
    "mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid"],
      "uidMappings":[{"containerID":0,"hostID":1000,"size":1}],"gidMappings":[{"containerID":0,"hostID":1000,"size":1}]}],
    "hooks":{"prestart":[{"path":"/a","args":["a"],"env":["K=v"],"timeout":3}],
      "createRuntime":[{"path":"/b","args":["a"],"env":["K=v"],"timeout":3}],
      "createContainer":[{"path":"/c","args":["a"],"env":["K=v"],"timeout":3}],
      "startContainer":[{"path":"/d","args":["a"],"env":["K=v"],"timeout":3}],
      "poststart":[{"path":"/e","args":["a"],"env":["K=v"],"timeout":3}],
      "poststop":[{"path":"/f","args":["a"],"env":["K=v"],"timeout":3}]},
    "annotations":{"k":"v"},
    "linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/n"}],"uidMappings":[{"containerID":0,"hostID":1,"size":2}],
      "gidMappings":[{"containerID":0,"hostID":1,"size":2}],
      "devices":[{"path":"/dev/x","type":"c","major":1,"minor":3,"fileMode":438,"uid":1,"gid":2},{"path":"/dev/p","type":"p"}],
      "cgroupsPath":"/a/b",
      "resources":{"devices":[{"allow":true,"type":"c","major":1,"minor":-1,"access":"rw"},{"allow":false,"type":"b","major":8,"minor":1,"access":"m"}],
        "memory":{"limit":1,"reservation":2,"swap":-1,"swappiness":3,"kernel":4,"kernelTCP":5,"useHierarchy":true,"disableOOMKiller":true,"checkBeforeUpdate":true},
        "cpu":{"shares":2,"quota":-1,"period":4,"burst":5,"realtimeRuntime":6,"realtimePeriod":7,"cpus":"0-1","mems":"0","idle":1},"pids":{"limit":7},
        "rdma":{"mlx4_0":{"hcaHandles":2,"hcaObjects":3}},"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":5}]},
        "blockIO":{"weight":10,"leafWeight":11,"weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":9}],
          "throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":9}],"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":9}],
          "throttleWriteIOPSDevice":[{"major":8,"minor":1,"rate":7}]},
        "hugepageLimits":[{"pageSize":"2MB","limit":1}],"unified":{"memory.high":"1"}},
      "sysctl":{"net.ipv4.ip_forward":"1"},
      "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"],
        "listenerPath":"/s","listenerMetadata":"m",
        "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","errnoRet":2,"args":[{"index":0,"value":18446744073709551615,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]},
      "maskedPaths":["/m"],"readonlyPaths":["/r"],"rootfsPropagation":"slave","mountLabel":"x","netDevices":{"eth0":{"name":"in0"},"eth1":{"name":"eth1"}},
      "personality":{"domain":"LINUX32","flags":["x"]},"timeOffsets":{"monotonic":{"secs":1,"nanosecs":2},"boottime":{"secs":3,"nanosecs":4}},"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0-1","flags":["MPOL_F_STATIC_NODES"]}}}
    """

  @Test("a full document decodes, and encodes to what it was")
  func roundTrip() throws {
    let spec = try RuntimeSpec(parsing: Array(Self.full.utf8))
    #expect(spec.notModelled == [])
    #expect(spec.process?.user == .init(uid: 1000, gid: 4_294_967_294, umask: 18, additionalGids: [5, 6]))
    #expect(spec.process?.rlimits.first?.hard == .max)
    #expect(spec.linux?.seccomp?.syscalls.first?.args.first?.value == .max)
    #expect(spec.linux?.resources?.devices.first?.minor == nil)
    #expect(try RuntimeSpec(decoding: spec.json()) == spec)
  }

  @Test("errors name the JSON path")
  func errors() {
    for (text, path) in [
      ("[]", ""), ("{}", "ociVersion"), ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[],\"cwd\":\"/\"}}", "process.args"),
      ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"x\"}}", "process.cwd"),
      ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\\u0000y\"],\"cwd\":\"/\"}}", "process.args[0]"),
      ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"env\":[\"A=b\",\"=c\"]}}", "process.env[1]"),
      ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":4294967296}}}", "process.user.uid"),
      ("{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":-1}}}", "process.user.uid"),
      ("{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/\"},{\"type\":\"proc\"}]}", "mounts[1].destination"),
      ("{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"moon\"}]}}", "linux.namespaces[0].type"),
      ("{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}}", "linux.namespaces[1]"),
      (
        "{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"x\"}]}}}",
        "linux.resources.devices[0].access"
      ),
      ("{\"ociVersion\":\"2.0.0\"}", "ociVersion"),
    ] {
      #expect { try RuntimeSpec(parsing: Array(text.utf8)) } throws: { ($0 as? BerthError)?.subject == path }
    }
  }

  @Test("members of the specification that no type holds are listed, unknown ones ignored")
  func notModelled() throws {
    let text = """
      {"ociVersion":"1.0.2","x":1,"windows":{},"process":{"args":["x"],"cwd":"/","y":null},"linux":{"intelRdt":{}}}
      """
    #expect(
      try RuntimeSpec(parsing: Array(text.utf8)).notModelled == [
        "linux.intelRdt", "windows",
      ])
  }

  private static let schema = "../shared/runtime-spec-schema/config-schema.json"
  private static var canValidate: Bool {
    Files.exists(schema) && ((try? Command.run("python3", ["-c", "import jsonschema"]))?.exit == 0)
  }

  @Test(
    "specs of pods and the full document satisfy the specification's schema",
    .enabled(if: canValidate, "needs Python's jsonschema and the schema"))
  func schemaValidation() throws {
    var pod = RuntimeSpec()
    pod.process = .init(args: ["x"])
    pod.process?.rlimits = ContainerDefaults.rlimits
    pod.process?.capabilities = .init(only: ContainerDefaults.capabilities)
    pod.root = .init()
    pod.mounts = ContainerDefaults.mounts()
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces
    linux.resources = .init()
    linux.resources?.devices = ContainerDefaults.deviceRules
    linux.maskedPaths = ContainerDefaults.maskedPaths(cpus: 2)
    linux.readonlyPaths = ContainerDefaults.readonlyPaths
    pod.linux = linux
    let script = """
      import sys, json, os, jsonschema
      path = os.path.abspath(sys.argv[1])
      resolver = jsonschema.RefResolver("file://" + path, json.load(open(path)))
      jsonschema.Draft4Validator(resolver.referrer, resolver=resolver).validate(json.load(open(sys.argv[2])))
      """
    let directory = try TemporaryDirectory("schema")
    for spec in [pod, try RuntimeSpec(parsing: Array(Self.full.utf8))] {
      let file = try directory.write(String(decoding: spec.json().encoded(), as: UTF8.self), to: "config.json")
      let result = try Command.run("python3", ["-W", "ignore", "-c", script, Self.schema, file])
      #expect(result.exit == 0, "\(result)")
    }
    let broken = try directory.write("{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":7}}", to: "config.json")
    #expect(try Command.run("python3", ["-W", "ignore", "-c", script, Self.schema, broken]).exit == 1)
  }
}
