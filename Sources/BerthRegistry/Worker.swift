import BerthCore
import BerthImages
import BerthLinux

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
      let job = try WorkerJob(try channel.receive())
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

  private static func listing(_ job: WorkerJob) throws(BerthError) -> ArchiveListing {
    switch try ImageReference(job.reference) {
    case .layout(let path, _): try LayoutSource(path: path, tag: nil).listing()
    case .archive(let path, _), .dockerArchive(let path, _): try ArchiveListing.of(archive: path, scratch: "\(job.content)/ingest")
    case .registry, .digest, .rootfs: throw BerthError(.bug, "list images", job.reference, cause: "it is no file")
    }
  }

  private static func source(_ job: WorkerJob, _ channel: WorkerChannel) throws(BerthError) -> any ImageSource {
    let scratch = "\(job.content)/ingest"
    return switch try ImageReference(job.reference) {
    case .registry(let reference): RegistrySource(reference, job.registry) { channel.report(.attempt($0)) }
    case .digest(let digest): throw BerthError(.notFound, "pull image", "\(digest)", cause: "a digest alone says no place to fetch it from")
    case .rootfs: throw BerthError(.bug, "pull image", job.reference, cause: "a directory isn't pulled")
    case .layout(let path, let tag): try LayoutSource(path: path, tag: tag)
    case .archive(let path, let tag): try ArchiveSource(path: path, tag: tag, scratch: scratch)
    case .dockerArchive(let path, let tag): try DockerArchiveSource(path: path, tag: tag, scratch: scratch)
    }
  }
}
