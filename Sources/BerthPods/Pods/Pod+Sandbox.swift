import BerthCore
import BerthLinux
import BerthManifest
import BerthRuntime

extension Pod {
  /// What the pod's containers share.
  func sandboxSetup() -> SandboxSetup {
    var setup = SandboxSetup(
      podUID: uid, hostname: record.spec.hostname, network: record.network == .host ? .host : .none,
      shmSize: UInt64(clamping: record.spec.shmSize.bytes), tmpfs: record.spec.volumes.compactMap(tmpfs), podCgroup: context.podCgroup(uid))
    setup.hostIPC = record.spec.hostIPC
    setup.idMaps = idMaps
    return setup
  }

  private func tmpfs(_ volume: VolumeSpec) -> TmpfsVolume? {
    guard let prepared = volumes[volume.name], let memory = prepared.memorySize else { return nil }
    let size: UInt64 = if case .limited(let bytes) = memory { UInt64(clamping: bytes.bytes) } else { 0 }
    // The mode of a secret is its files'.
    let isSecret = volume.source.fileSet != nil
    let group = record.spec.fsGroup
    return TmpfsVolume(
      path: prepared.path, size: size, mode: (isSecret ? 0o755 : volume.mode ?? 0o777) | (group == nil ? 0 : 0o2070),
      uid: volume.owner?.uid ?? 0, gid: group ?? volume.owner?.gid ?? 0)
  }

  /// A path as the shim sees it: its memory volumes are mounted in its own mount namespace.
  func shimPath(_ path: String) throws(BerthError) -> String {
    guard let shim = try PodFacts.read(paths.state).shim, shim.isAlive else {
      throw BerthError(.failedPrecondition, "reach volume", path, cause: "the pod's shim is gone")
    }
    return "/proc/\(shim.pid)/root\(path)"
  }

  /// Once in a pod's life, before its first container: the files of its secrets, into memory that no disk sees. Containers that start
  /// side by side wait for the same.
  func writeSecrets() async throws(BerthError) {
    guard record.spec.volumes.contains(where: \.source.isSecret) else { return }
    let task =
      secrets
      ?? Task { () async -> Result<Void, BerthError> in
        do throws(BerthError) {
          try await self.checkSandbox()
          for volume in self.record.spec.volumes where volume.source.isSecret { try self.writeFiles(of: volume) }
          return .success(())
        } catch { return .failure(error) }
      }
    secrets = task
    let result = await task.value
    if case .failure = result { secrets = nil }
    try result.get()
  }

  /// Brings the generated files of a volume in line with the spec.
  func writeFiles(of volume: VolumeSpec) throws(BerthError) {
    guard let files = try generatedFiles(of: volume) else { return }
    do throws(Errno) { try files.write() } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write files of volume", volume.name, cause: "\(error)")
    }
  }

  public func updateVolume(_ name: String, to spec: PodSpec) async throws(BerthError) {
    guard let volume = spec.volumes.first(where: { $0.name == name }) else { return }
    try writeFiles(of: volume)
  }

  public func signal(_ name: String, _ signal: String) async throws(BerthError) {
    guard let number = SignalName.number(signal) else { return }
    do throws(BerthError) {
      _ = try await connection("signal container").request(
        .signal(container: name, signal: number), deadline: deadline(Self.answerTime))
    } catch { if error.code != .notFound && error.code != .failedPrecondition { throw error } }
  }

  /// nil for a volume of another kind.
  func generatedFiles(of volume: VolumeSpec) throws(BerthError) -> GeneratedFiles? {
    guard let set = volume.source.fileSet, let prepared = volumes[volume.name] else { return nil }
    let folder = prepared.memorySize == nil ? prepared.path : try shimPath(prepared.path)
    return GeneratedFiles(volume, set, folder: folder, fsGroup: record.spec.fsGroup)
  }
}
