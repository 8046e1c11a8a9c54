import BerthCore
import BerthLinux
import BerthRuntime

/// `events`: what a container uses, every so often and until it ends, and each time that its memory runs out; with `--stats` once.
enum EventsCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(flags: ["stats"], values: ["interval"]), command: "events")
    let id = try call.id(words, "events")
    let container = try call.store.container(id)
    try container.needs(.created, .running, .paused, to: "read events")
    guard let cgroup = container.cgroup else { throw BerthError(.unavailable, "events", id, cause: "this machine has no cgroups") }
    if words.has("stats") { return say("stats", id, StatsDocument.json(CgroupReport(cgroup))) }
    return try follow(container, cgroup, every: try interval(words))
  }

  private static func interval(_ words: Words) throws(BerthError) -> Duration {
    let text = words.value("interval") ?? "5s"
    guard let interval = DurationText.parse(text), interval > .zero else {
      throw BerthError(.invalidArgument, "events", "--interval", cause: "\"\(text)\" is no duration such as 5s or 500ms")
    }
    return interval
  }

  private static func follow(_ container: Container, _ cgroup: Cgroup, every interval: Duration) throws(BerthError) -> Int32 {
    let process = try container.openProcess()
    let watch = try OutOfMemoryWatch(cgroup)
    var kills = try cgroup.oomKills()
    var due = Clock.bootNanoseconds() + interval.nanoseconds
    while true {
      let left = max(0, due - Clock.bootNanoseconds())
      let ready: Set<Int32>
      do throws(Errno) {
        ready = try Descriptors.waitReadable([process.raw, watch.descriptor], timeout: .nanoseconds(left))
      } catch { throw BerthError(.unavailable, "events", container.id, cause: error.description) }
      if ready.contains(watch.descriptor) { watch.clear() }
      // Where the group is gone, so is the container.
      guard let now = try? cgroup.oomKills() else { return 0 }
      for _ in 0..<(now > kills ? min(now - kills, 1000) : 0) where say("oom", container.id, nil) != 0 { return 1 }
      kills = now
      if ready.contains(process.raw) { return 0 }
      guard Clock.bootNanoseconds() >= due else { continue }
      due += interval.nanoseconds
      if say("stats", container.id, StatsDocument.json(CgroupReport(cgroup))) != 0 { return 1 }
    }
  }

  private static func say(_ type: String, _ id: String, _ data: JSON?) -> Int32 {
    var event: JSONObject = ["type": .string(type), "id": .string(id)]
    if let data { event["data"] = data }
    return RuntimeProgram.say(String(decoding: JSON.object(event).encoded(), as: UTF8.self) + "\n")
  }
}
