import BerthCore
import BerthLinux

/// Which layers are being fetched and unpacked, and by which pull: each by one, for as long as something comes of it. One whose bytes have
/// stopped coming, or drip, gives its layers up to whoever else wants them, so that a registry that is dead, or dies halfway, doesn't hold
/// up pulls from others. It goes on all the same; whichever of the two ends first has its work used.
struct LayerClaims {
  /// For so long nothing has come for a pull whose layers others may take.
  static let patience: Int64 = 5_000_000_000
  /// Fewer bytes in that time are as good as none: at this pace the registry itself is given up in the end.
  static let least: Int64 = 5 * 1024

  private struct Claim {
    var chains: Set<Digest>
    /// When it was made, or enough bytes had last come; nil once all have come.
    var moved: BootTime?
    /// Since then.
    var bytes: Int64 = 0
  }
  private var claims: [String: Claim] = [:]

  /// Takes all of `chains`, or none and says when to look again if nothing happens before. All at once, so that two pulls can't wait for
  /// each other.
  mutating func take(_ chains: Set<Digest>, for pull: String, now: BootTime) -> BootTime? {
    let others = claims.filter { $0.key != pull && !$0.value.chains.isDisjoint(with: chains) }
    let ends = others.values.map { $0.moved.map { $0.after(nanoseconds: Self.patience) } ?? BootTime(nanoseconds: .max) }
    if let last = ends.max(), last > now { return last }
    for other in others.keys { claims[other]?.chains.subtract(chains) }
    claims[pull] = Claim(chains: chains, moved: now)
    return nil
  }

  /// `bytes` more have come; `isLast`: there are no more to come.
  mutating func move(_ pull: String, by bytes: Int64, now: BootTime, isLast: Bool) {
    guard var claim = claims[pull] else { return }
    claim.bytes += bytes
    if isLast {
      claim.moved = nil
    } else if claim.bytes >= Self.least {
      (claim.moved, claim.bytes) = (now, 0)
    }
    claims[pull] = claim
  }

  mutating func drop(_ pull: String) { claims[pull] = nil }
}
