import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

extension Pod {
  /// One attempt of one container. A failure is recorded as that attempt's end, for the planner to see, and returned; only what keeps
  /// the record from being written is thrown.
  public func start(_ name: String, attempt: UInt32, backoffStep: Int) async throws(BerthError) -> BerthError? {
    var failure: BerthError?
    let spec = try container(name)
    let last = attempt == 0 ? nil : end(of: name, before: attempt)
    record.containers[name] = ContainerRecord(attempt: attempt, backoffStep: backoffStep)
    record.containers[name]?.last = last
    record.past[name] = nil
    // A crash from here on leaves an attempt that the shim doesn't know: it is begun again.
    try save()
    do throws(BerthError) {
      try await writeSecrets()
      try await holdProcesses()
      let request = try await prepare(spec, attempt: attempt)
      // Nothing runs before the pod is on its networks.
      if attaching != nil { try await checkSandbox() }
      let answer = try connection("start container").send(.start(request), deadline: deadline(Self.startTime))
      try await checkSandbox()
      _ = try await answer.value()
    } catch {
      if let sandboxFailure { throw abandonSandbox(sandboxFailure) }
      failure = error
      record.containers[name]?.startFailure = "\(error)"
      record.containers[name]?.startFailureKind = StartFailure.Kind(error)
      record.containers[name]?.startFailedAt = Clock.bootNanoseconds()
      try save()
    }
    dropOldAttempts(of: name, before: attempt)
    return failure
  }

  /// How the attempt before `attempt` ended.
  private func end(of name: String, before attempt: UInt32) -> Termination? {
    guard let known = record.containers[name] else { return record.past[name]?.termination }
    // One that is begun anew because a daemon died before the shim knew of it.
    if known.attempt == attempt { return known.last }
    if let message = known.startFailure {
      return Termination(attempt: known.attempt, outcome: .startFailed(StartFailure(known.startFailureKind ?? .create, message)))
    }
    let path = PodFolder(paths.state).exitRecord(name)
    guard let json = (try? Files.read(path, limit: 4096)).flatMap({ try? JSON(parsing: $0) }), let exit = ExitRecord(json),
      exit.attempt == known.attempt
    else { return Termination(attempt: known.attempt, outcome: .unknown) }
    return Termination(exit)
  }

  /// No container can ever run in it: the shim ends with its connection, and the pod is made anew.
  private func abandonSandbox(_ error: BerthError) -> BerthError {
    if case .connected(let connection) = link { connection.close() }
    link = .lost
    // A shim whose sandbox stands lives on and is connected to again: its networks are then tried anew.
    attaching = nil
    sandboxFailure = nil
    return error
  }

  func checkSandbox() async throws(BerthError) {
    do throws(BerthError) {
      try await networkReady()
      guard let answer = sandboxAnswer else { return }
      sandboxAnswer = nil
      _ = try await answer.value()
    } catch {
      sandboxFailure = error
      throw error
    }
  }

  /// Snapshot, bundle and filter: what the shim's launcher needs.
  private func prepare(_ spec: ContainerSpec, attempt: UInt32) async throws(BerthError) -> ContainerStart {
    let image = try pinnedImage(spec.image)
    let bundle = paths.bundle(spec.name)
    do throws(Errno) { try Files.makeDirectories(bundle) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "make bundle", bundle, cause: "\(error)")
    }
    let rootfs = try await rootfs(of: image, key: paths.snapshotKey(spec.name, attempt: attempt))
    let builder = BundleBuilder(pod: record.spec, container: spec, image: image.config, context: try bundleContext(spec))
    let runtimeSpec = try builder.runtimeSpec()
    do throws(Errno) { try Files.writeAtomically(runtimeSpec.json().encoded(), to: "\(bundle)/config.json") } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write bundle", bundle, cause: "\(error)")
    }
    var launch = LaunchRequest(
      id: "\(uid)/\(spec.name)", bundle: bundle, rootfs: rootfs)
    launch.user = spec.user ?? image.config.user
    launch.initProcess = spec.hasInit ? .reaper : .command
    launch.runAsNonRoot = spec.security.runAsNonRoot
    launch.seccompFilter = try context.seccomp.path(
      for: spec.security, capabilities: runtimeSpec.process?.capabilities?.bounding ?? [])
    launch.sandboxNamespaces = [.uts] + (record.spec.hostIPC ? [] : [.ipc]) + (record.network == .host ? [] : [.network])
    launch.subPaths = builder.subPaths
    launch.creatableSubPaths = builder.creatableSubPaths
    var start = ContainerStart(
      name: spec.name, attempt: attempt, cgroup: context.containerCgroup(uid, spec.name), launch: launch,
      log: logTarget(spec, attempt: attempt))
    start.hasTerminal = spec.tty
    start.hasInput = spec.stdin
    return start
  }

  func logTarget(_ spec: ContainerSpec, attempt: UInt32) -> LogTarget {
    LogTarget(
      path: paths.logFile(key, spec.name, attempt: attempt), maxSize: UInt64(clamping: spec.log.maxSize.bytes),
      maxFiles: UInt32(clamping: spec.log.maxFiles))
  }

  private func bundleContext(_ spec: ContainerSpec) throws(BerthError) -> BundleContext {
    var bundle = BundleContext(
      cgroup: context.containerCgroup(uid, spec.name), shm: record.spec.hostIPC ? "/dev/shm" : paths.shm, etc: paths.etc,
      volumes: try volumes(for: spec),
      cpus: context.cpus, nodeName: context.nodeName, podUID: uid)
    bundle.users = idMaps.map { PodUsers(maps: $0, namespace: paths.userNamespace) }
    if record.spec.sharesProcesses { bundle.pidNamespace = paths.pidNamespace }
    if !spec.devices.isEmpty { bundle.devices = try DeviceEdits(spec.devices) }
    if spec.security.apparmor != nil {
      bundle.hasAppArmor = (try? Files.readText("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
    }
    return bundle
  }

  /// With the layers of the images among them; the pod holds on to those from here on.
  private func volumes(for spec: ContainerSpec) throws(BerthError) -> [String: PreparedVolume] {
    var volumes = volumes
    for volume in record.spec.volumes where spec.mounts.contains(where: { $0.volume == volume.name }) {
      guard case .image(let reference, _) = volume.source else { continue }
      let image = try pinnedImage(reference)
      volumes[volume.name]?.image = try context.images.holdView(of: image, key: "\(uid)-volume.\(volume.name)")
    }
    return volumes
  }

  /// What the reference resolved to when the pod was created; a restart never changes the image.
  func pinnedImage(_ text: String) throws(BerthError) -> Image {
    let reference = try ImageReference(text)
    guard let image = try context.images.lookup(reference) else {
      throw BerthError(.notFound, "find image", text, cause: "it is no longer in the store")
    }
    if let pinned = record.images[text], pinned != image.digest.description {
      guard let digest = Digest(pinned), let original = try context.images.image(digest: digest) else {
        throw BerthError(.notFound, "find image", text, cause: "\(pinned), which the pod was created with, is no longer in the store")
      }
      return original
    }
    return image
  }

  /// Writable layers and logs of attempts that nobody asks for any more. `berth logs --previous` has the one before.
  private func dropOldAttempts(of name: String, before attempt: UInt32) {
    guard attempt > 0 else { return }
    // What can't be removed now goes with the pod.
    try? context.images.removeSnapshot(key: paths.snapshotKey(name, attempt: attempt - 1))
    guard attempt > 1 else { return }
    let log = paths.logFile(key, name, attempt: attempt - 2)
    let folder = Files.parent(of: log)
    let base = Files.name(of: log)
    for file in (try? Files.list(folder)) ?? [] where file == base || file.hasPrefix(base + ".") { try? Files.unlink("\(folder)/\(file)") }
  }
}
