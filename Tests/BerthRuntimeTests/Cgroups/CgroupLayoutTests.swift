import Testing

@testable import BerthRuntime

struct CgroupLayoutTests {
  @Test("v1 hierarchies with their controllers, co-mounted and named ones too")
  func v1() {
    let text = """
      23 1 8:1 / / rw - ext4 /dev/root rw
      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
      33 31 0:30 / /sys/fs/cgroup/a\\040b rw,relatime shared:3 - cgroup cgroup rw,memory
      34 31 0:30 / /second rw,relatime - cgroup cgroup rw,memory
      40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
      """
    #expect(
      CgroupLayout.parse(Array(text.utf8))
        == CgroupLayout(
          version: .v1,
          hierarchies: [
            .init(mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"]),
            .init(mountPoint: "/sys/fs/cgroup/a b", controllers: ["memory"]),
          ]))
  }

  @Test("v2 alone, and none at all")
  func v2() {
    let text = "41 31 0:38 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    let unified = CgroupLayout(version: .v2, hierarchies: [.init(mountPoint: "/sys/fs/cgroup", controllers: [])])
    #expect(CgroupLayout.parse(Array(text.utf8)) == unified)
    #expect(CgroupLayout.parse(Array("".utf8)) == nil)
    #expect(CgroupLayout.parse(Array("23 1 8:1 / / rw - ext4 /dev/root rw\n - cgroup\n- cgroup cgroup rw,cpu".utf8)) == nil)
  }

  @Test("weights and swap are converted as other runtimes do")
  func conversions() {
    #expect([2, 1024, 262_144, 0, .max].map { CgroupV2.cpuWeight($0) } == [1, 39, 10_000, 1, 10_000])
    #expect([10, 500, 1000].map { CgroupV2.ioWeight($0) } == [1, 4950, 10_000])
    #expect([-1, 5].map { CgroupV2.maximum($0) } == ["max", "5"])
  }

  @Test("where a process is, in hierarchies without controllers too")
  func membership() {
    let mounts = """
      32 31 0:29 / /c/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
      33 31 0:30 /docker/x /c/memory rw - cgroup cgroup rw,memory
      40 31 0:37 / /c/systemd rw - cgroup cgroup rw,xattr,name=systemd
      41 31 0:38 / /c/unified rw - cgroup2 cgroup2 rw
      """
    let own =
      "9:name=systemd:/system.slice/berthd.service\n7:pids:/a\n4:memory:/docker/x\n1:cpu,cpuacct:/\n0::/system.slice/a:b\nnonsense\n"
    let found = CgroupMembership.parse(mountinfo: Array(mounts.utf8), membership: own)
    #expect(found.map { $0.layout.hierarchies[0].mountPoint } == ["/c/systemd", "/c/memory", "/c/cpu,cpuacct", "/c/unified"])
    #expect(found.map(\.isRoot) == [false, true, true, false])
    #expect(found.map(\.layout.version) == [.v1, .v1, .v1, .v2])
    #expect(CgroupMembership.parse(mountinfo: Array(mounts.utf8), membership: "").isEmpty)
    #expect(CgroupMembership.parse(mountinfo: [], membership: own).isEmpty)
  }
}
