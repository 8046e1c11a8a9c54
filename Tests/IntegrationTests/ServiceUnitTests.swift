import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

/// A service's groups as its manager makes them, in every hierarchy that is there.
private struct ServiceUnit {
  static let slice = "berth-test.slice"
  static let path = "/\(slice)/berthd.service"
  /// Mount points and types of the hierarchies.
  static let hierarchies: [(place: String, type: String)] = ((try? Files.readText("/proc/self/mounts")) ?? "").split(separator: "\n")
    .compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      return fields.count > 2 && ["cgroup", "cgroup2"].contains(fields[2]) ? (fields[1], fields[2]) : nil
    }

  init() throws {
    for (place, _) in Self.hierarchies {
      try Self.make("\(place)/\(Self.slice)", below: place)
      try Self.make("\(place)\(Self.path)", below: place)
    }
  }

  private static func make(_ group: String, below place: String) throws {
    try Files.makeDirectory(group, mode: 0o755)
    for file in ["cpuset.cpus", "cpuset.mems"] where (try? Files.readText("\(group)/\(file)")) == "\n" {
      try Files.write(try Files.readText("\(place)/\(file)"), to: "\(group)/\(file)")
    }
  }

  private var lists: [String] { Self.hierarchies.map { "\($0.place)\(Self.path)/cgroup.procs" } }

  /// Starts programs in it.
  var launcher: [String] {
    ["/bin/sh", "-c", "for f in \(lists.joined(separator: " ")); do echo $$ > $f || exit 1; done; exec \"$0\" \"$@\""]
  }

  func processes() throws -> Set<String> { Set(try lists.flatMap { try Files.readText($0).split(separator: "\n").map(String.init) }) }

  /// As `KillMode=control-group` does.
  func killAll() throws { for process in try processes() { Children.kill(Int32(process) ?? 0) } }

  func remove() throws {
    for (place, _) in Self.hierarchies {
      try Files.removeDirectory("\(place)\(Self.path)")
      try Files.removeDirectory("\(place)/\(Self.slice)")
    }
  }
}

extension Integration {
  @Suite("under a service manager")
  struct ServiceUnits {
    private func withUnit(_ body: (ServiceUnit, DaemonUnderTest) throws -> Void) throws {
      let before = try LeakCensus.take()
      let unit = try ServiceUnit()
      let daemon = try DaemonUnderTest(start: false)
      daemon.launcher = unit.launcher
      try body(unit, daemon)
      try daemon.tearDown()
      try unit.remove()
      let leaks = try LeakCensus.leaks(since: before)
      #expect(leaks.isEmpty, "left behind: \(leaks)")
    }

    private func memberships(_ pid: Int64) throws -> String { try Files.readText("/proc/\(pid)/cgroup") }

    private func parent(of pid: Int64) throws -> Int64 {
      let line = try Files.readText("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("PPid:") }
      return try #require(line.flatMap { Int64($0.filter(\.isNumber)) })
    }

    @Test("shims and containers are in none of the unit's groups; all that is in them is killed, and no pod notices")
    func killed() throws {
      try withUnit { unit, daemon in
        try daemon.start()
        let own = try memberships(Int64(daemon.pid ?? 0))
        #expect(own.split(separator: "\n").count { $0.hasSuffix(ServiceUnit.path) } == ServiceUnit.hierarchies.count, "\(own)")
        let before = try daemon.run("web", ManifestText.of())
        let container = try #require(before.container.pid)
        let shim = try parent(of: container)
        for pid in [container, shim] {
          let groups = try memberships(pid)
          #expect(!groups.contains(ServiceUnit.path), "\(groups)")
        }
        try unit.killAll()
        daemon.crash()
        try eventually("the unit is empty") { try unit.processes().isEmpty }
        try daemon.start()
        try daemon.sync()
        let after = try daemon.pod("web")
        #expect(after?.phase == "Running")
        #expect(after?.container.pid == container)
        #expect(after?.container.restarts == 0)
        let inside = try daemon.berth("exec", "web", "--", "cat", "/proc/self/cgroup")
        #expect(inside.exit == 0 && !inside.stdout.contains(ServiceUnit.path), "\(inside)")
        #expect(!daemon.log.contains("start shim in a cgroup of its own"), "\(daemon.log)")
      }
    }

    static let unified = ServiceUnit.hierarchies.first { $0.type == "cgroup2" }?.place

    @Test(
      "where a shim's group can't be made it stays in the daemon's, which is said once, and its pod runs",
      .enabled(
        if: unified != nil && ServiceUnit.hierarchies.count > 1, "where v2 is all there is, the pods' groups couldn't be made either"))
    func refused() throws {
      try withUnit { unit, daemon in
        try Files.makeDirectories(daemon.root)
        let instance = try Command.run("sh", ["-c", "printf %s \"$(realpath \(daemon.root))\" | sha256sum | cut -c 1-8"])
        let parent = "\(Self.unified ?? "")/berth-\(instance.stdout.filter { !$0.isWhitespace })"
        try Files.makeDirectory(parent)
        try Files.write("0", to: "\(parent)/cgroup.max.descendants")
        try daemon.start()
        let pod = try daemon.run("web", ManifestText.of())
        try daemon.run("second", ManifestText.of())
        #expect(
          daemon.log.split(separator: "start shim in a cgroup of its own", omittingEmptySubsequences: false).count == 2, "\(daemon.log)")
        // In the hierarchies that let it, it is where it should be.
        let groups = try memberships(parent: pod)
        #expect(groups.split(separator: "\n").count { $0.hasSuffix(ServiceUnit.path) } == 1, "\(groups)")
      }
    }

    private func memberships(parent pod: PodView) throws -> String { try memberships(try parent(of: pod.container.pid ?? 0)) }
  }
}
