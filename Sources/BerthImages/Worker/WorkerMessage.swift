import BerthCore
import BerthOCI

/// What a worker reports.
public enum WorkerMessage: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public var digest: Digest
    public var size: Int64

    public init(digest: Digest, size: Int64) {
      self.digest = digest
      self.size = size
    }
  }

  /// What a reference turned out to be.
  public struct Resolved: Sendable, Equatable {
    /// For this platform.
    public var manifest: Digest
    /// Lowest first.
    public var layers: [Layer]
    /// What the reference itself stands for: an index or the manifest.
    public var subject: Descriptor?
    public var signatures: [ImageSignature] = []

    public init(manifest: Digest, layers: [Layer], subject: Descriptor? = nil, signatures: [ImageSignature] = []) {
      self.manifest = manifest
      self.layers = layers
      self.subject = subject
      self.signatures = signatures
    }
  }

  public struct Outcome: Sendable, Equatable {
    public var manifest: Digest
    public var mediaType: String
    public var index: Digest?
    /// Those that were unpacked now: directory and bytes.
    public var layers: [Int64: Int64]
  }

  case attempt(RegistryAttempt)
  case resolved(Resolved)
  case claim([LayerClaim])
  /// Bytes of a layer that have come so far, of how many.
  case progress(layer: Digest, done: Int64, total: Int64)
  case done(Outcome)
  case finished
  case listing(ArchiveListing)
  case failed(BerthError)
}
