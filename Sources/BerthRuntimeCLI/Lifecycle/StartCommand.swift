import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `start`: lets a created container go on to its command.
enum StartCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let id = try call.id(try Words(words, Grammar(), command: "start"), "start")
    let folder = call.store.folder(id)
    let lock = try folder.lock()
    let container = try call.store.container(id)
    try container.needs(.created, to: "start container")
    if !folder.waitsForStart { try folder.showGate() }
    let spec = container.record.hasHooks ? try folder.spec() : nil
    if let spec { try runStartHooks(spec, container) }
    let connection: FD
    do throws(Errno) { connection = try MeetingPoint.connect(in: lock.directory, ContainerFolder.gate) } catch {
      throw BerthError(.failedPrecondition, "start container", id, cause: "it waits no more: \(error)")
    }
    folder.openGate()
    try DirectLaunch.open(gate: connection, steps: container.record.steps, command: container.record.command, id: id)
    guard let spec else { return 0 }
    do throws(BerthError) { try Hooks.run(spec.hooks.poststart, "poststart", state: container.state(.running)) } catch {
      call.log.warn(error.description)
    }
    return 0
  }

  private static func runStartHooks(_ spec: RuntimeSpec, _ container: Container) throws(BerthError) {
    guard !spec.hooks.startContainer.isEmpty else { return }
    let process = try container.openProcess()
    try Hooks.run(
      spec.hooks.startContainer, "startContainer", state: container.state(.created),
      in: .container(process.raw, kinds: spec.joinableKinds))
  }
}
