import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("files into and out of containers")
  struct Copies {
    private func sh(_ script: String) throws -> String {
      let result = try Command.run("sh", ["-c", script], deadline: .seconds(60))
      guard result.exit == 0 else { throw TestFailure("\(script): \(result)") }
      return result.stdout
    }

    @Test("trees, single files and tar streams, both ways")
    func bothWays() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let here = daemon.directory.path
        let berth = "\(Binaries.berth) -a \(daemon.socket)"
        _ = try sh(
          "mkdir -p \(here)/tree/sub/empty && head -c 30000000 /dev/urandom > \(here)/tree/sub/big && ln -s sub/big \(here)/tree/link && chmod 640 \(here)/tree/sub/big"
        )
        #expect(try daemon.berth("cp", "\(here)/tree", "web:/tmp").exit == 0)
        let seen = try daemon.berth(
          "exec", "web", "--", "sh", "-c", "cd /tmp/tree; sha256sum < sub/big; stat -c '%a %u %F' sub/big link sub/empty")
        #expect(try seen.stdout == sh("sha256sum < \(here)/tree/sub/big") + "640 0 regular file\n777 0 symbolic link\n755 0 directory\n")
        #expect(try daemon.berth("cp", "web:/tmp/tree", "\(here)/back").exit == 0)
        #expect(try sh("cd \(here) && diff -r tree back && readlink back/link") == "sub/big\n")
        #expect(try daemon.berth("cp", "\(here)/tree/sub/big", "default/web/web:/tmp/named").exit == 0)
        #expect(try daemon.berth("cp", "-L", "web:/tmp/tree/link", "\(here)/followed").exit == 0)
        #expect(
          try sh(
            "cd \(here) && cmp tree/sub/big followed && tar -cC tree . | \(berth) cp - web:/srv && \(berth) cp web:/srv/sub/ - | tar -t"
          )
          .split(separator: "\n").contains("sub/big"))
        let logged = try daemon.berth("events").stdout
        #expect(logged.contains("/tmp/named"), "a copy is an event: \(logged)")
        for arguments in [
          ["web:/nothing", "\(here)/x"], ["\(here)/nothing", "web:/tmp"], ["\(here)/tree", "web:/no/such/place"], ["a", "b"],
          ["web:/tmp", "web:/srv"], ["nobody:/tmp", here], ["web/nobody:/tmp", here], ["\(here)/tree", "web:/proc"],
          ["web:/sys", "\(here)/x"],
          ["\(here)/tree/sub/big", "web:/proc/sys/kernel/hostname"], ["\(here)/tree", "web:/tmp/named"],
        ] {
          let failed = try daemon.berth(["cp"] + arguments)
          #expect(failed.exit == 1 && failed.stderr.hasPrefix("berth: "), "\(arguments): \(failed)")
        }
        #expect(
          try daemon.berth("exec", "web", "--", "sh", "-c", "cmp /tmp/named /tmp/tree/sub/big && ls -a /tmp").stdout
            == ".\n..\nnamed\ntree\n")
      }
    }

    @Test("a pipe or a device here is no place for a file: it stays what it is, also behind a link")
    func special() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let here = daemon.directory.path
        _ = try sh("mkfifo \(here)/pipe && mknod \(here)/null c 1 3 && ln -s null \(here)/link")
        for name in ["pipe", "null", "link"] {
          let refused = try daemon.berth("cp", "web:/etc/hosts", "\(here)/\(name)")
          #expect(refused.exit == 1 && refused.stderr.contains("isn't replaced"), "\(refused)")
        }
        #expect(try sh("cd \(here) && stat -c %F pipe null link") == "fifo\ncharacter special file\nsymbolic link\n")
      }
    }

    @Test("links that lead out of the container lead to the container's own files; on the paths that /proc shows they lead to the node's")
    func symlinks() throws {
      try withDaemon { daemon in
        let outside = "\(daemon.directory.path)/outside"
        _ = try sh("mkdir -p \(outside) && echo secret of the node > \(outside)/secret")
        let up = String(repeating: "../", count: 20)
        let script = """
          ln -s \(outside)/secret /tmp/absolute; ln -s \(up)\(outside)/secret /tmp/relative; ln -s \(outside) /tmp/dir; : > /tmp/ready
          \(ManifestText.stay)
          """
        let pod = try daemon.run("web", ManifestText.of(script))
        let root = "/proc/\(pod.container.pid ?? 0)/root"
        try eventually("the links are there") { Files.exists("\(root)/tmp/ready") }
        // What a copier would do that trusts the path.
        #expect(try Files.readText("\(root)/tmp/absolute") == "secret of the node\n")
        _ = try sh("echo x > \(root)/tmp/dir/naive && cat \(outside)/naive")
        for link in ["absolute", "relative", "dir/secret"] {
          let result = try daemon.berth("cp", "-L", "web:/tmp/\(link)", "\(daemon.directory.path)/got")
          #expect(result.exit == 1 && !Files.exists("\(daemon.directory.path)/got"), "\(link): \(result)")
        }
        // In the container there is no such directory.
        #expect(try daemon.berth("cp", "\(outside)/secret", "web:/tmp/dir/planted").exit == 1)
        #expect(try Files.list(outside).sorted() == ["naive", "secret"])
      }
    }

    @Test("a directory that the container swaps for a link again and again never gives away, or gets, a file of the node")
    func swaps() throws {
      try withDaemon { daemon in
        let outside = "\(daemon.directory.path)/outside"
        _ = try sh("mkdir -p \(outside) && echo secret of the node > \(outside)/file")
        let script = """
          mkdir -p /tmp/race/d; echo own > /tmp/race/d/file; cd /tmp/race
          while :; do mv d real; ln -s \(outside) d; : > /tmp/ready; rm d; mv real d; done
          """
        let pod = try daemon.run("web", ManifestText.of(script).replacingFirst("\"3s\"", with: "\"100ms\""))
        let root = "/proc/\(pod.container.pid ?? 0)/root"
        try eventually("a copier that trusts the path is deceived") {
          (try? Files.readText("\(root)/tmp/race/d/file")) == "secret of the node\n"
        }
        let berth = "\(Binaries.berth) -a \(daemon.socket)"
        let copies = """
          cd \(daemon.directory.path); echo new > put
          for n in $(seq 40); do
            \(berth) cp web:/tmp/race - 2> /dev/null | tar -xO 2> /dev/null
            \(berth) cp -L web:/tmp/race/d/file - 2> /dev/null | tar -xO 2> /dev/null
            \(berth) cp put web:/tmp/race/d/ 2> /dev/null
          done
          true
          """
        let read = try sh(copies)
        #expect(read.contains("own"), "some of them succeed")
        #expect(!read.contains("secret"))
        #expect(try Files.list(outside) == ["file"])
      }
    }
  }
}
