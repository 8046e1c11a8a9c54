import BerthCore
import Testing

@testable import BerthManifest

@Suite("Manifest decoding")
struct DecodeTests {
  @Test("the smallest manifest works, and its names come from the file")
  func smallest() throws {
    let decoded = decode("network = \"none\"\n[[container]]\nimage = \"nginx\"\n")
    #expect(decoded.diagnostics.isEmpty)
    let spec = try #require(decoded.spec)
    #expect(spec.key == PodKey(namespace: "default", name: "web"))
    #expect(decoded.key == spec.key)
    #expect(spec.containers.map(\.name) == ["web"])
    #expect(spec.hostname == "web")
    #expect(spec.restartPolicy == .always)
    #expect(spec.terminationGracePeriod == .seconds(30))
    #expect(spec.shmSize.bytes == 64 << 20)
    #expect(spec.containers.first?.resources.pids == 4096)
    #expect(spec.resources.pids == nil)
    #expect(spec.containers.first?.security == SecuritySpec())
    #expect(decoded.hash?.count == 64)
  }

  @Test("every supported key of a pod arrives in the spec")
  func pod() throws {
    let decoded = decode(Self.full)
    #expect(decoded.diagnostics == [])
    let spec = try #require(decoded.spec)
    #expect(spec.key == PodKey(namespace: "prod", name: "shop"))
    #expect(spec.labels == ["app": "shop"])
    #expect(spec.annotations == ["note": "two words"])
    #expect(spec.restartPolicy == .onFailure)
    #expect(spec.restartBackoff.initial == .seconds(1))
    #expect(spec.restartBackoff.max == .seconds(60))
    #expect(spec.restartBackoff.resetAfter == .seconds(300))
    #expect(spec.terminationGracePeriod == .seconds(90))
    #expect(spec.network == .host)
    #expect(spec.hostname == "shop.local")
    #expect(spec.hosts == ["10.0.0.7": ["db.local", "db"]])
    #expect(spec.dns?.servers == ["10.0.0.2", "fe80::1"])
    #expect(spec.dns?.searches == ["corp.local"])
    #expect(spec.dns?.options == ["ndots:2"])
    #expect(spec.resources.memory?.bytes == 1 << 30)
    #expect(spec.resources.cpuMillicores == 1500)
    #expect(spec.shmSize.bytes == 16_000_000)
    #expect(spec.suspend)
  }

  @Test("every supported key of a container arrives in the spec")
  func container() throws {
    let spec = try #require(decode(Self.full).spec)
    #expect(spec.initContainers.map(\.name) == ["migrate"])
    let web = try #require(spec.containers.first)
    #expect(web.image == "docker.io/library/nginx:1.27")
    #expect(web.imagePullPolicy == .never)
    #expect(web.command == ["/bin/sh", "-c"])
    #expect(web.args == [])
    #expect(web.workingDir == "/srv")
    #expect(web.user == "1000:1000")
    #expect(web.stopSignal == "SIGQUIT")
    #expect(web.env == ["PORT": "8080", "EMPTY": ""])
    #expect(web.ports.map(\.container) == [80, 443, 53])
    #expect(web.ports.last?.transport == .udp && web.ports.last?.hostIP == "127.0.0.1" && web.ports.last?.name == "dns")
    #expect(web.mounts.map(\.path) == ["/data", "/etc/conf", "/srv/x"])
    #expect(web.mounts.map(\.readOnly) == [false, true, true])
    #expect(web.mounts.last?.subPath == "a/b" && web.mounts.last?.propagation == .hostToContainer)
    #expect(web.resources.cpuMillicores == 250 && web.resources.memory?.bytes == 64 << 20 && web.resources.memorySwap?.bytes == 0)
    #expect(web.resources.pids == 100 && web.resources.cpuWeight == 50 && web.resources.ioWeight == 10 && web.resources.cpusetCpus == "0-1")
    #expect(web.security.readOnlyRootFilesystem && web.security.runAsNonRoot && !web.security.noNewPrivileges && web.security.privileged)
    #expect(web.security.addCapabilities == ["NET_ADMIN"] && web.security.dropCapabilities == ["ALL"])
    #expect(web.security.seccomp == .file(ContentFile(path: "/m/seccomp.json")))
    #expect(web.security.maskedPaths == ["/proc/kcore"] && web.security.readonlyPaths == [])
    #expect(web.rlimits["nofile"] == Rlimit(soft: 1024, hard: 1024))
    #expect(web.rlimits["core"] == Rlimit(soft: 0, hard: .max))
    #expect(web.log.maxSize.bytes == 1 << 20 && web.log.maxFiles == 2)
  }

  @Test("every supported kind of volume arrives in the spec")
  func volumes() throws {
    let spec = try #require(decode(Self.full).spec)
    let sources = Dictionary(uniqueKeysWithValues: spec.volumes.map { ($0.name, $0.source) })
    #expect(sources["data"] == .persistent(shared: "pool"))
    #expect(sources["conf"] == .config(FileSet(files: ["a.conf": "x = 1\n"])))
    #expect(sources["node"] == .hostPath(path: "/m/site", type: .directoryOrCreate))
    #expect(sources["abs"] == .hostPath(path: "/srv", type: .unchecked))
    #expect(sources["tmp"] == .emptyDir(inMemory: true, size: ByteSize(bytes: 1 << 20)))
    let data = try #require(spec.volumes.first { $0.name == "data" })
    #expect(data.owner == VolumeOwner(uid: 1000, gid: 1001) && data.mode == 0o750)
    #expect(spec.volumes.first { $0.name == "conf" }?.mode == 0o600)
  }

  static let full = """
    name = "shop"
    namespace = "prod"
    labels = { app = "shop" }
    annotations = { note = "two words" }
    restart_policy = "on-failure"
    restart_backoff = { initial = "1s", max = "1m", reset_after = "5m" }
    termination_grace_period = "1m30s"
    network = "host"
    hostname = "shop.local"
    dns = { servers = ["10.0.0.2", "fe80::1"], searches = ["corp.local"], options = ["ndots:2"] }
    hosts = { "10.0.0.7" = ["db.local", "db"] }
    resources = { cpu = 1.5, memory = "1GiB" }
    shm_size = "16MB"
    suspend = true

    [[init_container]]
    name = "migrate"
    image = "a:1"

    [[container]]
    name = "web"
    image = "docker.io/library/nginx:1.27"
    image_pull_policy = "never"
    command = ["/bin/sh", "-c"]
    args = []
    working_dir = "/srv"
    user = "1000:1000"
    stop_signal = "SIGQUIT"
    env = { PORT = "8080", EMPTY = "" }
    ports = ["80", "443:443", { container = 53, host = 53, host_ip = "127.0.0.1", protocol = "udp", name = "dns" }]
    mounts = ["data:/data/", "conf:/etc/conf:ro", { volume = "node", path = "/srv/x", read_only = true, sub_path = "a/b", propagation = "host-to-container" }]
    rlimits = { nofile = 1024, core = { soft = 0, hard = "unlimited" } }
    log = { max_size = "1MiB", max_files = 2 }
    [container.resources]
    cpu = "250m"
    memory = 67108864
    memory_swap = "0B"
    pids = 100
    cpu_weight = 50
    cpuset_cpus = "0-1"
    io_weight = 10
    [container.security]
    privileged = true
    read_only_root_filesystem = true
    run_as_non_root = true
    no_new_privileges = false
    capabilities = { add = ["CAP_NET_ADMIN", "NET_ADMIN"], drop = ["ALL"] }
    seccomp = "seccomp.json"
    masked_paths = ["/proc/kcore"]
    readonly_paths = []

    [[volume]]
    name = "data"
    persistent = { name = "pool" }
    owner = "1000:1001"
    mode = 0o750
    [[volume]]
    name = "conf"
    config = { files = { "a.conf" = "x = 1\\n" }, mode = 0o600 }
    [[volume]]
    name = "node"
    host_path = { path = "./site", type = "directory-or-create" }
    [[volume]]
    name = "abs"
    host_path = "/srv"
    [[volume]]
    name = "tmp"
    empty_dir = { medium = "memory", size = "1MiB" }

    """

  @Test(
    "the pull policy is Kubernetes' unless it is set, and local images are never pulled",
    arguments: [
      ("nginx", ImagePullPolicy.always), ("nginx:latest", .always), ("host:5000/a", .always), ("nginx:1.27", .ifNotPresent),
      ("host:5000/a:1", .ifNotPresent), ("a@sha256:\(String(repeating: "0", count: 64))", .ifNotPresent),
      ("a:latest@sha256:\(String(repeating: "0", count: 64))", .ifNotPresent), ("oci:x", .never), ("rootfs:/x", .never),
    ])
  func pullPolicy(image: String, policy: ImagePullPolicy) throws {
    let spec = try #require(decode("network = \"none\"\n[[container]]\nimage = \"\(image)\"").spec)
    #expect(spec.containers.first?.imagePullPolicy == policy)
  }

  @Test(
    "relative paths of local images start at the manifest's folder",
    arguments: [
      ("oci:img:1.0", "oci:/m/img:1.0"), ("oci:../img", "oci:/img"), ("oci-archive:a/b.tar", "oci-archive:/m/a/b.tar"),
      ("docker-archive:./a.tar:name:tag", "docker-archive:/m/a.tar:name:tag"), ("rootfs:/abs/dir", "rootfs:/abs/dir"),
      ("rootfs:r", "rootfs:/m/r"), ("oci:/abs:t", "oci:/abs:t"),
    ])
  func localImages(written: String, resolved: String) throws {
    let spec = try #require(decode("network = \"none\"\n[[container]]\nimage = \"\(written)\"").spec)
    #expect(spec.containers.first?.image == resolved)
  }

  @Test("the folder for relative paths can differ from how the file is named")
  func folder() throws {
    let decoded = ManifestDecoder.decode(
      Array("network = \"none\"\n[[container]]\nimage = \"rootfs:r\"".utf8), file: "web.toml", folder: "/somewhere")
    #expect(decoded.spec?.containers.first?.image == "rootfs:/somewhere/r")
  }

  @Test("the key is known where the rest is wrong")
  func keys() {
    #expect(decode("name = \"a\"\nnamespace = \"b\"\nfoo = 1").key == PodKey(namespace: "b", name: "a"))
    #expect(decode("=").key == PodKey(namespace: "default", name: "web"))
    #expect(decode("name = \"api\"\nx = = 1\n").key == PodKey(namespace: "default", name: "api"))
    #expect(decode("name = \"A B\"").key == nil)
    #expect(decode("namespace = 1").key == nil)
    #expect(decode("", file: "My_Pod.toml").key == nil)
    #expect(decode("foo = 1").spec == nil)
    #expect(decode("foo = 1").hash == nil)
  }
}
