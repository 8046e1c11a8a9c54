import BerthCore
import BerthLinux

/// Which layers are being fetched and unpacked, and by which pull: each by one, for as long as something comes of it. One whose bytes have
/// stopped coming gives its layers up to whoever else wants them, so that a registry that is dead, or dies halfway, doesn't hold up pulls
/// from others. It goes on all the same; whichever of the two ends first has its work used.
struct LayerClaims {
  /// For so long nothing has come for a pull whose layers others may take.
  static let patience: Int64 = 5_000_000_000

  private struct Claim {
    var chains: Set<Digest>
    /// When it was made, or bytes last came; nil once all have come.
    var moved: BootTime?
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

  /// Bytes have come; `isLast`: there are no more to come.
  mutating func move(_ pull: String, now: BootTime, isLast: Bool) {
    guard claims[pull] != nil else { return }
    claims[pull]?.moved = isLast ? nil : now
  }

  mutating func drop(_ pull: String) { claims[pull] = nil }
}
