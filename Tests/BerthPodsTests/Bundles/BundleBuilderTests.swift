import BerthCore
import BerthManifest
import BerthOCI
import BerthRuntime
import Testing

@testable import BerthPods

@Suite("the bundle of a container")
struct BundleBuilderTests {
  private var pod = PodSpec(key: PodKey(namespace: "prod", name: "web"))
  private var container = ContainerSpec(name: "app", image: "example:1", imagePullPolicy: .ifNotPresent)
  private var image = ImageConfig(
    env: ["PATH=/bin", "LANG=C", "=broken", "alsobroken"], entrypoint: ["/entry", "-x"], cmd: ["serve"], workingDir: "/srv",
    labels: ["io.berth.pod.name": "forged"])
  private var volumes: [String: PreparedVolume] = ["data": PreparedVolume(path: "/v/data"), "conf": PreparedVolume(path: "/v/conf")]

  private func spec() throws -> RuntimeSpec {
    try BundleBuilder(
      pod: pod, container: container, image: image,
      context: BundleContext(cgroup: "/berth-1/u/app", shm: "/s/shm", etc: "/s/etc", volumes: volumes, cpus: 2, nodeName: "node")
    ).runtimeSpec()
  }

  @Test(
    "command and args have Kubernetes' meaning",
    arguments: [
      (nil, nil, ["/entry", "-x", "serve"]),
      (["/cmd"], nil, ["/cmd"]),
      (nil, ["a"], ["/entry", "-x", "a"]),
      (["/cmd"], ["a"], ["/cmd", "a"]),
      (nil, [], ["/entry", "-x"]),
    ] as [([String]?, [String]?, [String])])
  func arguments(command: [String]?, args: [String]?, expected: [String]) throws {
    var test = self
    (test.container.command, test.container.args) = (command, args)
    #expect(try test.spec().process?.args == expected)
  }

  @Test("neither manifest nor image names a command: an error that says so")
  func noCommand() {
    var test = self
    test.image = ImageConfig()
    #expect { try test.spec() } throws: {
      guard let error = $0 as? BerthError else { return false }
      return error.code == .failedPrecondition && error.cause.contains("command")
    }
  }

  @Test("env: defaults, then the image's in its order, then the manifest's; a later one takes an earlier one's place")
  func environment() throws {
    var test = self
    test.container.env = ["ZED": "z", "LANG": "de", "ADDED": "a=b"]
    #expect(try test.spec().process?.env == ["PATH=/bin", "HOSTNAME=web", "LANG=de", "ADDED=a=b", "ZED=z"])
  }

  @Test("the image's folder is the default, the manifest's goes before, an empty one is the root")
  func workingDirectory() throws {
    var test = self
    #expect(try test.spec().process?.cwd == "/srv")
    test.container.workingDir = "/work"
    #expect(try test.spec().process?.cwd == "/work")
    test.container.workingDir = nil
    test.image.workingDir = ""
    #expect(try test.spec().process?.cwd == "/")
    test.image.workingDir = "relative"
    #expect(try test.spec().process?.cwd == "/relative")
  }

  @Test("capabilities: the default set, what is added and dropped, ALL; inheritable and ambient stay empty")
  func capabilities() throws {
    var test = self
    let standard = Set(ContainerDefaults.capabilities)
    #expect(Set(try test.spec().process?.capabilities?.bounding ?? []) == standard)
    test.container.security.addCapabilities = ["NET_ADMIN"]
    test.container.security.dropCapabilities = ["CAP_MKNOD"]
    #expect(
      Set(try test.spec().process?.capabilities?.effective ?? []) == standard.union(["CAP_NET_ADMIN"]).subtracting(["CAP_MKNOD"]))
    test.container.security.dropCapabilities = ["ALL"]
    let only = try test.spec().process?.capabilities
    #expect(only?.bounding == ["CAP_NET_ADMIN"])
    #expect(only?.inheritable == [] && only?.ambient == [])
    test.container.security.addCapabilities = ["ALL"]
    test.container.security.dropCapabilities = ["SYS_ADMIN"]
    let all = Set(try test.spec().process?.capabilities?.bounding ?? [])
    #expect(all.count > 30 && !all.contains("CAP_SYS_ADMIN"))
  }

  @Test("mounts: the kernel's, the pod's files, then volumes with parents before what lies in them")
  func mounts() throws {
    var test = self
    var inner = MountSpec(volume: "conf", path: "/data/etc/conf")
    inner.readOnly = true
    inner.subPath = "a"
    test.container.mounts = [inner, MountSpec(volume: "data", path: "/data")]
    let mounts = try test.spec().mounts
    #expect(
      mounts.map(\.destination) == [
        "/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm", "/sys", "/sys/fs/cgroup", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
        "/data", "/data/etc/conf",
      ])
    #expect(mounts.last?.options == ["rbind", "nosuid", "nodev", "rprivate", "rro"])
    #expect(mounts.last?.source == "/v/conf")
  }

  @Test("a volume over a generated file replaces it")
  func mountOverGenerated() throws {
    var test = self
    test.container.mounts = [MountSpec(volume: "conf", path: "/etc/hosts")]
    #expect(try test.spec().mounts.filter { $0.destination == "/etc/hosts" }.map(\.source) == ["/v/conf"])
  }

  @Test("limits: CPU as quota of 100 ms, memory with no swap beyond, the default bound on processes")
  func limits() throws {
    var test = self
    test.container.resources.cpuMillicores = 250
    test.container.resources.memory = ByteSize(bytes: 64 << 20)
    var resources = try #require(try test.spec().linux?.resources)
    #expect(resources.cpu.quota == 25_000 && resources.cpu.period == 100_000)
    #expect(resources.memory.limit == 64 << 20 && resources.memory.swap == 64 << 20)
    #expect(resources.pids == 4096)
    test.container.resources.memorySwap = ByteSize(bytes: 16 << 20)
    test.container.resources.cpuMillicores = 1
    test.container.resources.pids = 7
    test.container.resources.cpuWeight = 10_000
    test.container.resources.ioWeight = 5
    resources = try #require(try test.spec().linux?.resources)
    #expect(resources.memory.swap == 80 << 20)
    #expect(resources.cpu.quota == 1000, "the kernel takes no less than 1 ms")
    #expect(resources.cpu.shares == 262_144)
    #expect(resources.pids == 7)
    #expect(resources.blockIOWeight == 10)
  }

  @Test("a limit that is taken back is set free, one that stays isn't touched by it")
  func lifted() {
    var old = Resources()
    (old.cpuMillicores, old.memory, old.pids, old.cpusetCpus, old.cpuWeight) = (500, ByteSize(bytes: 1 << 20), 9, "1", 50)
    var new = Resources()
    new.memory = ByteSize(bytes: 2 << 20)
    let resources = new.runtime(insteadOf: old, cpus: 4)
    #expect(resources.cpu.quota == -1 && resources.cpu.period == 100_000)
    #expect(resources.cpu.shares == 1024)
    #expect(resources.cpu.cpus == "0-3")
    #expect(resources.memory.limit == 2 << 20)
    #expect(resources.pids == -1)
    #expect(Resources().runtime(insteadOf: Resources(), cpus: 4) == RuntimeSpec.Resources())
  }

  @Test("resource limits of the process: one of the manifest's replaces the default of its kind")
  func rlimits() throws {
    var test = self
    test.container.rlimits = ["nofile": Rlimit(soft: 10, hard: 20)]
    let rlimits = try test.spec().process?.rlimits ?? []
    #expect(rlimits.map(\.type).sorted() == ["RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_NOFILE"])
    #expect(rlimits.first { $0.type == "RLIMIT_NOFILE" }?.soft == 10)
  }

  @Test("a privileged container is neither masked nor filtered, any other is")
  func privileged() throws {
    var test = self
    #expect(try test.spec().process?.noNewPrivileges == true)
    #expect(try test.spec().linux?.maskedPaths.isEmpty == false)
    test.container.security.privileged = true
    let spec = try test.spec()
    #expect(spec.process?.noNewPrivileges == false)
    #expect(spec.linux?.maskedPaths.isEmpty == true)
    #expect(spec.mounts.first { $0.destination == "/sys" }?.options.contains("ro") == false)
  }

  @Test("A25: volumes that an image lists make no mount and no folder, wherever they point")
  func imageVolumes() throws {
    var test = self
    let plain = try test.spec()
    test.image.volumes = ["/../../etc", "/data", "relative/../../x", "/proc", ""]
    #expect(try test.spec() == plain)
  }

  @Test("nothing of the image's labels becomes an annotation")
  func labels() throws {
    #expect(
      try spec().annotations == [
        "io.berth.pod.namespace": "prod", "io.berth.pod.name": "web", "io.berth.container.name": "app",
      ])
  }

  @Test("variables: files after the image's, the manifest's own last; secrets and facts of the pod")
  func variables() throws {
    var test = self
    test.pod.volumes = [VolumeSpec(name: "keys", source: .secret(FileSet(files: ["pw": "hunter2\n"])))]
    test.container.envFiles = [ContentFile(path: "/a", content: "LANG=fr\nA=1\n"), ContentFile(path: "/b", content: "A=2\nB=2\n")]
    test.container.env = ["B": "3", "PW": .secret(volume: "keys", file: "pw"), "NODE": .field(.nodeName), "IP": .field(.podIP)]
    test.pod.network = .none
    #expect(
      try test.spec().process?.env == [
        "PATH=/bin", "HOSTNAME=web", "LANG=fr", "A=2", "B=3", "IP=127.0.0.1", "NODE=node", "PW=hunter2",
      ])
  }

  @Test("groups of the pod, and what it shares with the node")
  func sharing() throws {
    var test = self
    (test.pod.fsGroup, test.pod.supplementalGroups, test.pod.hostPID) = (7, [8, 7], true)
    let spec = try test.spec()
    #expect(spec.process?.user.additionalGids == [7, 8])
    #expect(spec.linux?.namespaces.contains { $0.type == .pid } == false)
  }

  @Test("generated files are read-only whatever the mount says")
  func generated() throws {
    var test = self
    test.pod.volumes = [VolumeSpec(name: "conf", source: .config(FileSet(files: ["a": "b"])))]
    test.container.mounts = [MountSpec(volume: "conf", path: "/conf")]
    #expect(try test.spec().mounts.last?.options.contains("rro") == true)
    #expect(test.pod.volumes[0].source.fileSet?.contents == ["a": "b"])
  }

  @Test("huge pages are limited under the kernel's names, and set free again")
  func hugepages() throws {
    var old = Resources()
    old.hugepages = [2 << 20: ByteSize(bytes: 4 << 20), 1 << 30: ByteSize(bytes: 0)]
    #expect(old.runtime.hugepageLimits.map(\.pageSize) == ["2MB", "1GB"])
    #expect(Resources().runtime(insteadOf: old, cpus: 1).hugepageLimits.map(\.limit) == [UInt64(Int64.max), UInt64(Int64.max)])
  }

  @Test("an AppArmor profile on a node without AppArmor is an error, not left out")
  func apparmor() {
    var test = self
    test.container.security.apparmor = "mine"
    #expect { try test.spec() } throws: { "\($0)".contains("AppArmor is not enabled") }
  }
}
