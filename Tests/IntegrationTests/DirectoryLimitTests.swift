import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("the directory: editors, many files, lost events")
  struct DirectoryLimits {
    private func manifest(_ version: Int) throws -> String { try ManifestText.of(container: "env = { V = \"v\(version)\" }") }

    private func follows(_ daemon: DaemonUnderTest, version: Int) throws {
      try daemon.pod("app", "is version \(version)", within: .seconds(60)) { view in
        guard view.container.isRunning, let pid = view.container.pid else { return false }
        return (try? Files.readText("/proc/\(pid)/environ"))?.split(separator: "\0").contains("V=v\(version)") == true
      }
    }

    @Test(
      "an edit is an edit and never a removal, whatever tool makes it",
      arguments: [
        ("sed", "sed -i s/v1/v2/ app.toml"),
        ("vim in place", "ex -s -u NONE -c 'set backupcopy=yes' -c '%s/v1/v2/' -c wq app.toml"),
        ("vim by renaming", "ex -s -u NONE -c 'set backup backupcopy=no' -c '%s/v1/v2/' -c wq app.toml; rm -f app.toml~"),
        ("rsync", "sed s/v1/v2/ app.toml > ../new.toml; rsync -c ../new.toml app.toml"),
        (
          "cp in slow pieces",
          "sed s/v1/v2/ app.toml > ../new.toml; (while read -r line; do echo \"$line\"; sleep 0.05; done < ../new.toml) > app.toml"
        ),
        (
          "git checkout",
          """
          git init -q -b one . && git add app.toml && git commit -qm one && git checkout -q -b two && sed -i s/v1/v2/ app.toml &&
          git commit -qam two && git checkout -q one && git checkout -q two
          """
        ),
      ])
    func editors(tool: String, script: String) throws {
      try withDaemon { daemon in
        try daemon.drop("app", try manifest(1))
        try follows(daemon, version: 1)
        let identity = ["AUTHOR", "COMMITTER"].flatMap { ["GIT_\($0)_NAME=x", "GIT_\($0)_EMAIL=x@example.com"] }
        let answer = try Command.run(
          "sh", ["-c", "cd \(daemon.manifests) || exit 1\n\(script)"],
          environment: Command.environment + identity + ["HOME=\(daemon.directory.path)"])
        #expect(answer.exit == 0, "\(tool): \(answer)")
        try follows(daemon, version: 2)
        #expect(try !daemon.berth("events").stdout.contains("its manifest was removed"), "\(tool)")
      }
    }

    @Test("10,000 files come while the kernel's queue of events overflows: nothing that was lost in it is missed")
    func overflow() throws {
      try withDaemon { daemon in
        let count = 10_000
        try daemon.drop("app", try manifest(1))
        try daemon.drop("gone", try manifest(1))
        try follows(daemon, version: 1)
        let pid = try #require(daemon.pid)
        let queue = try Int(#require(Int(Files.readText("/proc/sys/fs/inotify/max_queued_events").dropLast())))
        try #require(queue < 2 * count)
        #expect(kill(pid, SIGSTOP) == 0)
        for number in 1...count {
          try daemon.directory.write("suspend = true\n[[container]]\nimage = \"a:1\"\n", to: "manifests/p\(number).toml")
        }
        try daemon.drop("app", try manifest(2))
        try daemon.remove("gone")
        #expect(kill(pid, SIGCONT) == 0)
        let synced = try daemon.berth("sync", "--wait", "--timeout", "120s", deadline: .seconds(180))
        #expect(synced.exit == 0)
        try follows(daemon, version: 2)
        try daemon.wait("gone", for: "deleted")
        #expect(try daemon.berth("status").stdout.split(separator: "\n").count == count + 2)
        #expect(try daemon.berth("diff").exit == 0)
      }
    }

    @Test("a directory that nobody can write to is followed")
    func readOnly() throws {
      try withDaemon { daemon in
        let source = "\(daemon.directory.path)/source"
        try Files.makeDirectory(source, mode: 0o755)
        try daemon.directory.write(try manifest(1), to: "source/app.toml")
        for arguments in [["--bind", source, daemon.manifests], ["-o", "remount,bind,ro", daemon.manifests]] {
          #expect(try Command.run("mount", arguments).exit == 0)
        }
        defer { _ = try? Command.run("umount", [daemon.manifests]) }
        try daemon.sync()
        try follows(daemon, version: 1)
        #expect(try daemon.berth("apply", daemon.directory.write(try manifest(3), to: "app.toml")).exit == 1)
        try daemon.directory.write(try manifest(2), to: "source/app.toml")
        try follows(daemon, version: 2)
      }
    }

    @Test("where the kernel gives no more watches the directory is read from time to time, and that is told")
    func noWatches() throws {
      try withDaemon { daemon in
        try daemon.drop("app", try manifest(1))
        try follows(daemon, version: 1)
        let pid = try #require(daemon.pid)
        // As at the limit fs.inotify.max_user_watches, which is the whole machine's.
        let tracer = try Spawn.start(
          Command.locate("strace"),
          arguments: [
            "strace", "-f", "-q", "-p", "\(pid)", "-o", "/dev/null", "-e", "trace=inotify_add_watch", "-e",
            "inject=inotify_add_watch:error=ENOSPC",
          ], environment: Command.environment, descriptors: [])
        defer {
          kill(tracer, SIGINT)
          Children.wait(for: tracer, deadline: .seconds(20))
        }
        try eventually("every thread is traced") {
          try Files.list("/proc/\(pid)/task").allSatisfy { thread in
            let status = try Files.readText("/proc/\(pid)/task/\(thread)/status")
            return !status.contains("TracerPid:\t0\n")
          }
        }
        try daemon.sync()
        let warning = try daemon.berth("status").stderr
        #expect(warning.contains("cannot be watched") && warning.contains("fs.inotify.max_user_watches"), "\(warning)")
        // Nothing tells of a file in a directory that isn't watched.
        try daemon.remove("app")
        try Files.makeDirectory("\(daemon.manifests)/sub", mode: 0o755)
        try daemon.sync()
        try daemon.directory.write(try manifest(2), to: "manifests/sub/app.toml")
        try follows(daemon, version: 2)
        try daemon.directory.write(try manifest(3), to: "manifests/sub/app.toml")
        try follows(daemon, version: 3)
      }
    }
  }
}
