import BerthCore
import BerthOCI
import BerthRuntime
import Testing

struct InitPlannerTests {
  private func spec() -> RuntimeSpec {
    var process = RuntimeSpec.Process(args: ["app", "-x"], cwd: "/srv")
    process.env = ["PATH=/bin:relative:/usr/bin", "A=b"]
    process.user = .init(uid: 7, gid: 8, umask: 0o27, additionalGids: [8, 9])
    process.capabilities = .init(only: ["CAP_CHOWN"])
    process.noNewPrivileges = true
    process.rlimits = [.init("RLIMIT_NOFILE", soft: 10, hard: 20)]
    process.oomScoreAdj = 5
    var linux = RuntimeSpec.Linux()
    linux.namespaces = [.init(.mount), .init(.pid), .init(.cgroup), .init(.uts)]
    linux.cgroupsPath = "/berth/pod/c"
    linux.maskedPaths = ["/proc/keys"]
    linux.readonlyPaths = ["/proc/sys"]
    var spec = RuntimeSpec()
    spec.process = process
    spec.root = .init(readonly: true)
    spec.hostname = "web"
    spec.mounts = [
      .init(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
      .init(destination: "/data/../vol", type: "bind", source: "/srv/vol", options: ["rbind", "ro", "nosuid"]),
      .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]),
    ]
    spec.linux = linux
    return spec
  }

  private func facts() -> PlanFacts {
    var facts = PlanFacts(containerID: "id", rootMountPoint: "/run/bundle")
    facts.cgroups = .hierarchies([["cpu", "cpuacct"]])
    return facts
  }

  @Test("the plan of a container, step by step")
  func golden() throws {
    let plan = try InitPlanner.plan(spec(), facts())
    #expect(plan.cloneFlags == 0x2000_0000 | 0x20000 | 0x400_0000)
    #expect(
      plan.description == """
        set up streams: streams 3 4 5
        reset signals: default signals
        begin session: new session
        guard process: die with parent, no dumps
        close descriptors: close on exec from 3
        detach mounts from the node: propagation of / 0x44000
        take root file system: root = descriptor 6
        attach root file system: attach root at /run/bundle
        attach root file system: change root +[nodev] -[]
        mount /proc: open proc
        mount /proc: set source=proc
        mount /proc: mount = mount [nosuid,nodev,noexec]
        mount /proc: target = /proc create no-symlinks
        mount /proc: attach mount to target
        mount /vol from /srv/vol: copy tree /srv/vol
        mount /vol: change mount and below +[] -[] propagation 0x40000
        mount /vol: change mount +[ro,nosuid] -[]
        mount /vol: target = /vol create no-proc
        mount /vol: attach mount to target
        make working directory /srv: target = directory /srv create
        verify the null device: nullDevice = /dev/null
        mount the empty directory: open tmpfs
        mount the empty directory: set mode=555
        mount the empty directory: set size=0
        mount the empty directory: set nr_inodes=1
        mount the empty directory: empty = mount [ro,nosuid,nodev,noexec]
        mask /proc/keys: mask /proc/keys
        make /proc/sys read-only: read-only /proc/sys
        set hostname: hostname web
        mount private proc: open proc
        mount private proc: proc = mount [nosuid,nodev,noexec]
        pivot root: pivot root
        join session keyring: join session keyring _berth.id
        wait for cgroup: wait for 1
        make cgroup namespace: unshare cgroup
        mount /sys/fs/cgroup: open tmpfs
        mount /sys/fs/cgroup: set mode=755
        mount /sys/fs/cgroup: mount = mount []
        mount /sys/fs/cgroup: target = /sys/fs/cgroup create no-proc
        mount /sys/fs/cgroup: attach mount to target
        mount /sys/fs/cgroup/cpu,cpuacct: open cgroup
        mount /sys/fs/cgroup/cpu,cpuacct: set cpu
        mount /sys/fs/cgroup/cpu,cpuacct: set cpuacct
        mount /sys/fs/cgroup/cpu,cpuacct: mount = mount [ro]
        mount /sys/fs/cgroup/cpu,cpuacct: target = /sys/fs/cgroup/cpu,cpuacct create no-proc
        mount /sys/fs/cgroup/cpu,cpuacct: attach mount to target
        mount /sys/fs/cgroup: link /sys/fs/cgroup/cpu -> cpu,cpuacct
        mount /sys/fs/cgroup: link /sys/fs/cgroup/cpuacct -> cpu,cpuacct
        mount /sys/fs/cgroup: target = directory /sys/fs/cgroup no-proc
        mount /sys/fs/cgroup: change target +[ro] -[]
        make root read-only: change root +[ro] -[]
        set oom_score_adj 5: oom_score_adj 5
        set RLIMIT_NOFILE: rlimit 7 10 20
        give streams to the user: streams belong to 7
        change to /srv: chdir /srv if permitted
        limit capabilities: bounding 0x1
        become user 7:8: ids 7:8 [8, 9]
        set capabilities: effective 0x1 permitted 0x1 inheritable 0x0
        set ambient capabilities: ambient 0x0
        change to /srv: chdir /srv
        set umask: umask 027
        set no_new_privs: no new privileges
        announce exec: announce exec
        exec app: exec ["/bin/app", "/usr/bin/app"] ["app", "-x"] with 2 variables

        """)
  }

  @Test("the filter is loaded last where no_new_privs allows it, else before the privileges are given up")
  func filterOrder() throws {
    var facts = facts()
    facts.seccompFilter = [UInt8](repeating: 0, count: 8)
    func position(_ plan: InitPlan, _ purpose: String) -> Int? { plan.steps.firstIndex { $0.purpose == purpose } }
    let late = try InitPlanner.plan(spec(), facts)
    #expect(position(late, "load seccomp filter") == late.steps.count - 2)
    var privileged = spec()
    privileged.process?.noNewPrivileges = false
    let early = try InitPlanner.plan(privileged, facts)
    #expect(try #require(position(early, "load seccomp filter")) < #require(position(early, "become user 7:8")))
  }

  @Test("a capability that the node lacks is left out with a warning")
  func missingCapability() throws {
    var facts = facts()
    facts.availableCapabilities = []
    let plan = try InitPlanner.plan(spec(), facts)
    #expect(plan.warnings.first == "bounding capabilities without CAP_CHOWN: the node's own processes lack them")
    #expect(plan.steps.contains { $0.what == .boundingSet([]) })
  }

  @Test("a capability that nobody knows is left out with a warning")
  func unknownCapability() throws {
    var spec = spec()
    spec.process?.capabilities?.bounding.append("CAP_NOTHING")
    let plan = try InitPlanner.plan(spec, facts())
    #expect(plan.warnings == ["bounding capabilities without CAP_NOTHING: there are none of that name"])
    #expect(plan.steps.contains { $0.what == .boundingSet(CapabilitySet(rawValue: 1)) })
  }

  @Test("what a spec may not say is named")
  func refusals() {
    let cases: [(String, (inout RuntimeSpec) -> Void)] = [
      ("process", { $0.process = nil }), ("process.terminal", { $0.process?.terminal = true }),
      ("hooks", { $0.hooks.prestart = [.init(path: "/x")] }),
      ("linux.namespaces", { $0.linux?.namespaces = [.init(.pid)] }),
      ("linux.timeOffsets", { $0.linux?.timeOffsets = ["boottime": .init(seconds: 1)] }),
      ("hostname", { $0.linux?.namespaces.removeAll { $0.type == .uts } }),
      ("hostname", { $0.hostname = String(repeating: "x", count: 70 << 10) }), ("hostname", { $0.hostname = "a\nb" }),
      ("process.rlimits[0].type", { $0.process?.rlimits = [.init("RLIMIT_MOON", soft: 0, hard: 0)] }),
      ("mounts[0].destination", { $0.mounts[0].destination = "proc" }), ("mounts[0].destination", { $0.mounts[0].destination = "/a/.." }),
      ("mounts[0].destination", { $0.mounts[0].destination = "/proc/sys" }), ("mounts[1].source", { $0.mounts[1].source = "vol" }),
      ("mounts[1]", { $0.mounts[1].options = ["remount"] }),
      ("linux.devices", { $0.linux?.devices = [.init("/dev/x", .character, major: 1, minor: 1)] }),
      ("linux.seccomp", { $0.linux?.seccomp = .init(defaultAction: "SCMP_ACT_ALLOW") }),
      (
        "linux.sysctl.net.ipv4.a/../b",
        {
          $0.linux?.sysctl = ["net.ipv4.a/../b": "1"]; $0.linux?.namespaces.append(.init(.network))
        }
      ),
      ("linux.sysctl.kernel.panic", { $0.linux?.sysctl = ["kernel.panic": "1"] }),
      ("linux.rootfsPropagation", { $0.linux?.rootfsPropagation = "everywhere" }),
    ]
    for (field, change) in cases {
      var spec = spec()
      change(&spec)
      #expect { try InitPlanner.plan(spec, facts()) } throws: { ($0 as? BerthError)?.subject == field }
    }
  }
}
