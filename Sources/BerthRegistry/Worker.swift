import BerthCore
import BerthImages
import BerthLinux
import BerthStore

/// berth-worker's whole life: one pull for the daemon on the other end of `socket`.
public enum Worker {
  /// What unpacking can't do without: owners, modes of others' files, set-id bits, devices and whiteouts, file capabilities, and
  /// `trusted.` attributes (overlayfs' opaque mark), which is all that CAP_SYS_ADMIN is for.
  private static let capabilities: [Confinement.Capability] = [.chown, .dacOverride, .fowner, .fsetid, .mknod, .setfcap, .sysAdmin]

  /// Gives up what it doesn't need, reads the job, does it, and says how it went. The return value is the exit code.
  public static func run(socket: consuming FD) -> Int32 {
    let channel = WorkerChannel(socket)
    do throws(BerthError) {
      do throws(Errno) { try Confinement.apply(keeping: capabilities, parent: Confinement.parent) } catch {
        throw BerthError(.bug, "confine berth-worker", cause: "\(error)")
      }
      let first = try channel.receive()
      if let (errand, access) = try WorkerErrand.read(first) {
        try enclose(errand)
        try run(errand, access, channel)
        try channel.send(.finished)
        return 0
      }
      let job = try WorkerJob(first)
      try enclose(job)
      if job.isListing {
        try channel.send(.listing(try listing(job)))
        return 0
      }
      let outcome = try Puller(job, source: try source(job, channel), channel: channel).run()
      try channel.send(.done(outcome))
      return 0
    } catch {
      channel.report(.failed(error))
      return 1
    }
  }

  private static func run(_ errand: WorkerErrand, _ access: RegistryAccess, _ channel: WorkerChannel) throws(BerthError) {
    switch errand {
    case .login(let registry):
      guard let endpoint = access.endpoints.first else { throw BerthError(.bug, "log in", registry, cause: "there is no place to ask") }
      do throws(BerthError) { _ = try Registry(registry, endpoint, access).perform(RegistryCall("GET", "/", scope: "")) } catch {
        // An answer of the registry or of its token service, not a refusal of our own to ask.
        guard error.code == .permissionDenied, error.operation == "request" else { throw error }
        throw BerthError(.permissionDenied, "log in", registry, cause: "wrong user name or password (\(error.cause)); nothing was kept")
      }
    case .push(let text, let manifest, let content, let mounts, let chunk):
      guard case .registry(let reference) = try ImageReference(text) else {
        throw BerthError(.bug, "push image", text, cause: "it names no registry")
      }
      guard let endpoint = access.endpoints.first(where: { $0.capabilities.contains(.push) }) else {
        throw BerthError(.failedPrecondition, "push image", text, cause: "no host of its hosts.toml takes pushes")
      }
      try RegistryPush(
        reference: reference, registry: Registry(reference.registry, endpoint, access), store: try ContentStore(root: content),
        mounts: mounts, chunk: chunk, channel: channel
      ).run(manifest)
    }
  }

  private static func listing(_ job: WorkerJob) throws(BerthError) -> ArchiveListing {
    switch try ImageReference(job.reference) {
    case .layout(let path, _): try LayoutSource(path: path, tag: nil).listing()
    case .archive(let path, _), .dockerArchive(let path, _): try ArchiveListing.of(archive: path, scratch: try scratch(job))
    case .registry, .digest, .rootfs: throw BerthError(.bug, "list images", job.reference, cause: "it is no file")
    }
  }

  private static func source(_ job: WorkerJob, _ channel: WorkerChannel) throws(BerthError) -> any ImageSource {
    return switch try ImageReference(job.reference) {
    case .registry(let reference): RegistrySource(reference, job.registry) { channel.report(.attempt($0)) }
    case .digest(let digest): StoredSource(digest, try ContentStore(root: job.content))
    case .rootfs: throw BerthError(.bug, "pull image", job.reference, cause: "a directory isn't pulled")
    case .layout(let path, let tag): try LayoutSource(path: path, tag: tag)
    case .archive(let path, let tag): try ArchiveSource(path: path, tag: tag, scratch: try scratch(job))
    case .dockerArchive(let path, let tag): try DockerArchiveSource(path: path, tag: tag, scratch: try scratch(job))
    }
  }

  /// A directory for files that nobody needs once the worker has ended.
  private static func scratch(_ job: WorkerJob) throws(BerthError) -> String {
    let path = "\(job.content)/ingest/\(job.ingest)"
    do throws(Errno) { try Files.makeDirectories(path) } catch { throw BerthError(.unavailable, "make directory", path, cause: "\(error)") }
    return path
  }
}
