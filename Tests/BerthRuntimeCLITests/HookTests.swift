import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Testing

@Suite("hooks", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct HookTests {
  private func hook(_ script: String, _ container: RuntimeBundle, timeout: Int64? = nil) -> RuntimeSpec.Hook {
    var hook = RuntimeSpec.Hook(path: "/bin/sh")
    hook.args = ["sh", "-c", script]
    hook.env = ["PATH=/bin:/usr/bin", "LOG=\(container.directory.path)/log"]
    hook.timeoutSeconds = timeout
    return hook
  }

  private func status(_ kind: String) -> String {
    "echo \(kind) $(sed 's/.*\"status\":\"\\([a-z]*\\)\".*/\\1/') >> $LOG"
  }

  @Test("all six kinds run, in their order, with the state that holds at that time")
  func order() throws {
    let container = try RuntimeBundle("sleep 100")
    container.spec.hooks.prestart = [hook(status("prestart"), container)]
    container.spec.hooks.createRuntime = [hook(status("createRuntime"), container)]
    container.spec.hooks.createContainer = [hook(status("createContainer"), container)]
    // Inside: the node's files are gone by then.
    var inside = hook("sed 's/.*\"status\":\"\\([a-z]*\\)\".*/\\1/' > /tmp/inside; ls $LOG >> /tmp/inside 2>&1; true", container)
    inside.path = "/bin/sh"
    container.spec.hooks.startContainer = [inside]
    container.spec.hooks.poststart = [hook(status("poststart"), container)]
    container.spec.hooks.poststop = [hook(status("poststop"), container)]
    try container.create()
    let log = { try Files.readText("\(container.directory.path)/log").split(separator: "\n").map(String.init) }
    let created = ["prestart creating", "createRuntime creating", "createContainer creating"]
    #expect(try log() == created)
    try container.must("start", container.id)
    #expect(try log() == created + ["poststart running"])
    let seen = try Files.readText("\(container.bundle)/rootfs/tmp/inside")
    #expect(seen.hasPrefix("created") && seen.contains("No such file"), "\(seen)")
    try container.must("delete", "--force", container.id)
    #expect(try log() == created + ["poststart running", "poststop stopped"])
  }

  @Test("a container of an earlier build, whose record doesn't say whether it has hooks, has them run")
  func earlier() throws {
    let container = try RuntimeBundle("sleep 100")
    container.spec.hooks.poststart = [hook(status("poststart"), container)]
    container.spec.hooks.poststop = [hook(status("poststop"), container)]
    try container.create()
    let file = "\(container.root)/\(container.id)/state.json"
    let text = try Files.readText(file).replacing(",\"hooks\":true", with: "")
    #expect(!text.contains("hooks"))
    try Files.writeAtomically(Array(text.utf8), to: file)
    try container.must("start", container.id)
    try container.must("delete", "--force", container.id)
    #expect(try Files.readText("\(container.directory.path)/log") == "poststart running\npoststop stopped\n")
  }

  @Test("a hook that fails, or that takes too long, ends the creation and leaves nothing")
  func failure() throws {
    let container = try RuntimeBundle("sleep 100")
    container.spec.hooks.createRuntime = [hook("echo no good >&2; exit 3", container)]
    let failed = try container.run()
    #expect(failed.exit == 1)
    #expect(failed.stderr.contains("hooks.createRuntime[0]") && failed.stderr.contains("ended with 3: no good"), "\(failed)")
    #expect(container.isGone)
    container.spec.hooks.createRuntime = [hook("sleep 100", container, timeout: 1)]
    let late = try container.run()
    #expect(late.exit == 1 && late.stderr.contains("longer than 1 s"), "\(late)")
    #expect(container.isGone)
  }
}
