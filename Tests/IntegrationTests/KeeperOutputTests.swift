import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration.Keepers {
  /// Halves of numbered lines, so that a kill comes amid a line, too, and every third number on the other stream.
  private static let busyWriter = """
    n=0; while [ ! -e /gate/open ]; do
    n=$((n + 1)); printf '%031d' $n; printf '%032d\\n' $n
    [ $((n % 3)) != 0 ] || echo $n >&2
    [ $((n % 1000)) != 0 ] || usleep 2000
    done; exit 42
    """

  @Test("killed over and over while they write, a shim and its keepers lose no byte and double none", arguments: 0..<4)
  func busyKilled(round: Int) throws {
    try withDaemon { daemon in
      let gate = try TemporaryDirectory("gate")
      let pod = try drop(daemon, gate, Self.busyWriter)
      func size() throws -> Int64 {
        let folder = Files.parent(of: try #require(pod.container.json["log_path"]?.string))
        return try Files.list(folder).reduce(0) { $0 + ((try? Files.status("\(folder)/\($1)").size) ?? 0) }
      }
      try eventually("it is at it") { try size() > 100_000 * (Int64(round) + 1) }
      try killShim(daemon, pod)
      var last = try keeper(daemon, pod)
      for _ in 0..<4 {
        let before = try size()
        try eventually("it goes on", seen: { daemon.log }) { try size() > before + 100_000 }
        #expect(kill(last, SIGKILL) == 0)
        last = try keeper(daemon, pod, otherThan: last)
      }
      try gate.write("", to: "open")
      let ended = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
      #expect(ended.container.exitCode == 42 && ended.uid == pod.uid)
      let lines = try daemon.logs("job").split(separator: "\n")
      let said = lines.filter { $0.utf8.count == 63 }.map { Int($0.prefix(31)) == Int($0.suffix(32)) ? Int($0.suffix(32)) ?? -1 : -1 }
      #expect(said == Array(1...max(1, said.count)), "\(said.count) lines")
      let complained = lines.filter { $0.utf8.count != 63 }.map { Int($0) ?? -1 }
      #expect(complained == Array(1...max(1, said.count / 3)).map { 3 * $0 }, "\(complained.count) lines")
    }
  }

  @Test("a terminal and its processes outlive the shim, its keeper and a restart of the daemon")
  func terminal() throws {
    try withDaemon { daemon in
      let gate = try TemporaryDirectory("gate")
      let script = """
        trap 'echo hung up; exit 9' HUP
        n=0; while [ ! -e /gate/open ]; do n=$((n + 1)); echo $n; usleep 500; done; tty > /gate/tty; exit 42
        """
      let volume = "[[volume]]\nname = \"gate\"\nhost_path = \"\(gate.path)\""
      let pod = try daemon.run("job", ManifestText.job(script, container: "mounts = [\"gate:/gate\"]\ntty = true", tables: volume))
      func lines() throws -> [Int] { try daemon.logs("job").split(whereSeparator: \.isNewline).map { Int($0) ?? -1 } }
      func goesOn() throws {
        let before = try lines().count
        try eventually("its output is read on", seen: { daemon.log }) { try lines().count > before }
      }
      try goesOn()
      try killShim(daemon, pod)
      let first = try keeper(daemon, pod)
      try goesOn()
      daemon.crash()
      try daemon.start()
      // Whoever tells of the pod holds on to its terminal already.
      _ = try daemon.pod("job", "is found again") { $0.reason == "ShimLost" }
      #expect(kill(first, SIGKILL) == 0)
      try keeper(daemon, pod, otherThan: first)
      try goesOn()
      try gate.write("", to: "open")
      let ended = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
      #expect(ended.container.exitCode == 42 && ended.uid == pod.uid, "\(ended.json.pretty())")
      let said = try lines()
      #expect(said == Array(1...max(1, said.count)), "\(said.count) lines")
      #expect(try Files.readText("\(gate.path)/tty").hasPrefix("/dev/pts/"))
    }
  }
}
