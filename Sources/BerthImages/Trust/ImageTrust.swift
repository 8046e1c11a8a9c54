import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// Which images may be used at all: whose signature they need, and the programs that have a say.
public struct ImageTrust: Sendable, Equatable {
  /// By `host`, `host/repository` or the beginning of one (whole components), and `*`: files with the keys of which one must have signed.
  /// The longest that fits counts.
  public var policies: [String: [String]] = [:]
  /// Those of the policies that let images in without a signature where an administrator imports them under such a name.
  public var openToArchives: Set<String> = []
  /// A directory of programs that are asked about every image from a registry, as containerd's `bindir` verifier has it.
  public var verifiers: String?
  public var verifierTimeout = Duration.seconds(10)
  public var verifierLimit = 10

  public init() {}

  /// The files with the keys for an image; nil: it needs no signature.
  func keys(for reference: RegistryReference) -> [String]? { policy(for: reference).flatMap { policies[$0] } }

  /// The name of the policy that counts for an image.
  private func policy(for reference: RegistryReference) -> String? {
    var name = Substring(reference.name)
    while true {
      if policies[String(name)] != nil { return String(name) }
      guard let slash = name.lastIndex(of: "/") else { break }
      name = name[..<slash]
    }
    return policies["*"] == nil ? nil : "*"
  }

  /// What an imported image's record has in place of the rules that it was admitted by.
  static let imported = "imported"

  /// Whether an image that came out of an archive may have the name. Verifiers have no say: they are asked about what registries deliver.
  func acceptsImported(_ reference: ImageReference) -> Bool {
    guard case .registry(let image) = reference else { return true }
    return policy(for: image).map { openToArchives.contains($0) } ?? true
  }

  /// Throws `permissionDenied` for a name that an archive may not give.
  func admitImported(_ name: String) throws(BerthError) {
    guard let image = try? RegistryReference(name), let policy = policy(for: image), !openToArchives.contains(policy) else { return }
    throw BerthError(
      .permissionDenied, "import images", name,
      cause: "images of that name must be signed ([registry.policy.\"\(policy)\"]), and an archive holds no signature that could be "
        + "verified; import it without names, or set archives = true in that policy to trust whoever imports")
  }

  /// Whether an image is judged by its signatures.
  func wantsSignatures(for reference: ImageReference) -> Bool {
    if case .registry(let image) = reference { keys(for: image) != nil } else { false }
  }

  /// What says by which rules an image was admitted: another text means that it must be looked at again. nil: nothing is asked of it.
  func identity(of reference: ImageReference) throws(BerthError) -> String? {
    guard case .registry(let image) = reference else { return nil }
    guard let keys = keys(for: image) else { return verifiers.map { "verified by \($0)" } }
    var text: [UInt8] = Array((verifiers ?? "").utf8)
    for file in keys.sorted() { text += [0] + (try Self.read(file)) }
    return "policy \(Digest.sha256(of: text))"
  }

  private static func read(_ file: String) throws(BerthError) -> [UInt8] {
    do throws(Errno) { return try Files.read(file, limit: 64 << 10) } catch {
      throw BerthError(.unavailable, "read public key", file, cause: "\(error)")
    }
  }

  /// Throws `permissionDenied` for an image that may not be used. `subject`: what its reference led to; `manifest`: of this platform.
  func admit(
    _ reference: ImageReference, subject: Descriptor, manifest: Digest, _ signatures: [ImageSignature]
  ) throws(BerthError) {
    guard case .registry(let image) = reference else { return }
    if let files = keys(for: image) { try verify(image, [subject.digest, manifest], signatures, files) }
    try askVerifiers(image, subject)
  }

  private func verify(
    _ image: RegistryReference, _ digests: Set<Digest>, _ signatures: [ImageSignature], _ files: [String]
  ) throws(BerthError) {
    func deny(_ cause: String) -> BerthError { BerthError(.permissionDenied, "verify signature", image.description, cause: cause) }
    guard !files.isEmpty else { throw deny("its policy has no keys: nothing from there may be used") }
    var keys: [PublicKey] = []
    for file in files { keys.append(try PublicKey(pem: try Self.read(file), file: file)) }
    guard !signatures.isEmpty else {
      throw deny("it is not signed, and its policy wants a signature by a key of \(files.joined(separator: ", "))")
    }
    let ours = signatures.filter { signature in keys.contains { $0.verifies(signature.signature, of: signature.payload) } }
    guard !ours.isEmpty else {
      let none = signatures.count == 1 ? "its one signature is not" : "none of its \(signatures.count) signatures is"
      throw deny("\(none) by a key of \(files.joined(separator: ", "))")
    }
    // A good signature of something else proves nothing.
    guard ours.contains(where: { $0.subject.map(digests.contains) ?? false }) else {
      throw deny("its signatures are for other images (\(ours.compactMap { $0.subject?.description }.joined(separator: ", ")))")
    }
  }

  /// Every one must end with 0. Source: containerd docs/image-verification.md.
  private func askVerifiers(_ image: RegistryReference, _ subject: Descriptor) throws(BerthError) {
    guard let directory = verifiers else { return }
    let names: [String]
    do throws(Errno) { names = try Files.list(directory).sorted() } catch {
      if error == .notFound { return }
      throw BerthError(.unavailable, "verify image", directory, cause: "\(error)")
    }
    let programs = names.filter { ((try? Files.status("\(directory)/\($0)"))?.kind) == .regular }
    guard programs.count <= verifierLimit else {
      throw BerthError(.failedPrecondition, "verify image", directory, cause: "more than \(verifierLimit) verifiers")
    }
    for name in programs { try ask(name, "\(directory)/\(name)", image, subject) }
  }

  private static let outputLimit = 16 << 10

  private func ask(_ name: String, _ path: String, _ image: RegistryReference, _ subject: Descriptor) throws(BerthError) {
    func deny(_ cause: String) -> BerthError {
      BerthError(.permissionDenied, "verify image", image.description, cause: "verifier \(name) \(cause)")
    }
    let outcome: BoundedProgram.Outcome
    do throws(Errno) {
      outcome = try BoundedProgram(
        path,
        arguments: [
          "-name", image.description, "-digest", subject.digest.description, "-stdin-media-type",
          "application/vnd.oci.descriptor.v1+json",
        ], input: subject.json.encoded(), timeout: verifierTimeout, outputLimit: Self.outputLimit
      ).run()
    } catch { throw deny("can't be run: \(error)") }
    switch outcome.end {
    case .ended(.exited(0)): return
    case .timedOut: throw deny("gave no answer within \(DurationText.format(verifierTimeout))")
    case .talkedTooMuch: throw deny("said more than \(Self.outputLimit) bytes")
    case .ended(let exit):
      let said = String(decoding: outcome.output.prefix(300), as: UTF8.self)
      let words = String(String.UnicodeScalarView(said.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? " " : $0 }))
      throw deny("rejects it (\(exit)): \(words)")
    }
  }
}
