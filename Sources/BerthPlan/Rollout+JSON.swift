import BerthCore
import BerthManifest

extension Revision {
  /// `isReplaced`: another came before it had proven itself.
  public func json(for disclosure: SpecDisclosure, isReplaced: Bool = false) -> JSON {
    var outcome = isReplaced ? "superseded" : "progressing"
    var message: String?
    switch self.outcome {
    case .progressing: break
    case .good: outcome = "good"
    case .failed(let words): (outcome, message) = ("failed", words)
    }
    return [
      "revision": .integer(number), "hash": .string(pod.hash), "spec": pod.spec.json(for: disclosure), "images": .strings(images),
      "begun_at": disclosure == .shown ? .string(Timestamp(nanoseconds: begunAt).description) : .integer(begunAt),
      "outcome": .string(outcome), "message": .optional(message), "note": .optional(note),
    ]
  }

  init?(json: JSON) {
    guard let number = json["revision"]?.integer, let hash = json["hash"]?.string,
      let spec = json["spec"].flatMap({ try? PodSpec(json: $0) })
    else { return nil }
    self.init(
      number: number, pod: DesiredPod(spec: spec, hash: hash), images: [:], begunAt: json["begun_at"]?.integer ?? 0,
      note: json["note"]?.string)
    for (reference, digest) in json["images"]?.object ?? [:] { images[reference] = digest.string }
    switch json["outcome"]?.string {
    case "good": outcome = .good
    case "failed": outcome = .failed(json["message"]?.string ?? "")
    default: break
    }
  }
}

extension Rollout {
  /// For people: `berth history`.
  public var history: [JSON] { revisions.map { $0.json(for: .shown, isReplaced: $0.number != revisions.last?.number) } }

  /// As it is kept on disk.
  public var json: JSON {
    var object: JSONObject = ["version": 1, "revisions": .array(revisions.map { $0.json(for: .disk) })]
    if let hold {
      object["hold"] = ["hash": .string(hold.hash), "revision": hold.revision.json(for: .disk), "reason": .string(hold.reason)]
    }
    return .object(object)
  }

  /// What this version doesn't understand is left out.
  public init(json: JSON) {
    self.init(revisions: (json["revisions"]?.array ?? []).compactMap { Revision(json: $0) }, hold: nil)
    guard let kept = json["hold"], let hash = kept["hash"]?.string, let revision = kept["revision"].flatMap({ Revision(json: $0) }) else {
      return
    }
    hold = Hold(hash: hash, revision: revision, reason: kept["reason"]?.string ?? "")
  }
}
