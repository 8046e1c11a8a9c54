import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("what containers use")
  struct Usage {
    @Test("top tells CPU, memory, processes and limits of each container, and only of what is asked for")
    func top() throws {
      try withDaemon { daemon in
        let busy = "head -c 8000000 /dev/zero | tail -c 8000000 > /tmp/f; sleep 1000 & while :; do :; done"
        let limits = "[container.resources]\nmemory = \"64MiB\""
        try daemon.run("busy", ManifestText.of(busy, tables: limits).replacingFirst("\"3s\"", with: "\"100ms\""))
        try daemon.run("idle", ManifestText.of())
        let usage = try eventually("the busy one is seen to work") { () -> JSON? in
          let found = try daemon.berth("top", "busy", "-o", "json").json().array ?? []
          #expect(found.count == 1)
          guard let first = found.first, first["cpu_ns"]?.integer ?? 0 > 50_000_000, first["pids"]?.integer == 2 else { return nil }
          return first
        }
        #expect(usage["namespace"] == "default" && usage["pod"] == "busy" && usage["name"] == "busy")
        #expect((1..<64 << 20).contains(usage["memory_bytes"]?.integer ?? 0), "\(usage)")
        #expect(usage["memory_limit_bytes"] == 67_108_864)
        let all = try daemon.berth("top", "-o", "json").json().array ?? []
        #expect(all.compactMap { $0["pod"]?.string }.sorted() == ["busy", "idle"])
        #expect(try daemon.berth("-n", "other", "top", "-o", "json").json().array?.isEmpty == true)
        // Of one CPU, between two looks: one that does nothing but count has some of it.
        try eventually("its share is seen") {
          let table = try daemon.berth("top", "--interval", "200ms").stdout.split(separator: "\n")
          #expect(table.count == 3 && table[0].contains("CPU") && table[1].contains("67.1 MB"), "\(table)")
          return table[1].contains("%") && !table[1].contains(" 0.0%")
        }
        let unknown = try daemon.berth("top", "nobody")
        #expect(unknown.exit == 1 && unknown.stderr.contains("nobody"))
      }
    }
  }
}
