import BerthCore
import BerthLinux

/// When images are removed to make room, and in which order; a kubelet's rules and defaults.
/// Source: Kubernetes "Garbage collection of containers and images".
public struct CollectionPolicy: Sendable, Hashable {
  /// From so much of the file system in use on, images are removed; 100: never.
  public var highPercent: Int
  /// Until no more than this is in use.
  public var lowPercent: Int
  /// Images that came later than this ago stay.
  public var minimumAge: Duration

  public init(highPercent: Int = 85, lowPercent: Int = 80, minimumAge: Duration = .seconds(120)) {
    self.highPercent = highPercent
    self.lowPercent = lowPercent
    self.minimumAge = minimumAge
  }

  /// How many bytes are to be freed; 0 below the high mark.
  public func excess(_ space: DiskSpace) -> Int64 {
    guard space.capacity > 0, highPercent < 100, space.usedPercent >= highPercent else { return 0 }
    return max(0, space.capacity / 100 * Int64(100 - lowPercent) - space.available)
  }

  /// An image by its manifest, under whatever names.
  public struct Candidate: Sendable, Hashable {
    public var manifest: Digest
    /// Wall clock, seconds since 1970.
    public var created: Int64
    public var lastUsed: Int64
    public var isPinned: Bool

    public init(manifest: Digest, created: Int64, lastUsed: Int64, isPinned: Bool) {
      self.manifest = manifest
      self.created = created
      self.lastUsed = lastUsed
      self.isPinned = isPinned
    }
  }

  /// Those that may go, first the one that was used longest ago, of those never used the oldest. `now`: seconds since 1970.
  public func order(_ images: [Candidate], inUse: Set<Digest>, now: Int64) -> [Candidate] {
    let limit = now - minimumAge.components.seconds
    return images.filter { !$0.isPinned && !inUse.contains($0.manifest) && $0.created <= limit }
      .sorted { ($0.lastUsed, $0.created, $0.manifest) < ($1.lastUsed, $1.created, $1.manifest) }
  }
}
