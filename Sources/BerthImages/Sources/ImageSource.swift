import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// Where a pull takes an image from. What it hands out is not verified: the puller does that. Used by several threads at once.
public protocol ImageSource: AnyObject, Sendable {
  /// The document that the reference names: an index or a manifest.
  func resolve() throws(BerthError) -> ImageDocument
  /// The bytes of a document that another one named.
  func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8]
  /// A layer's bytes from the start.
  func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource
  /// What came of `open` was not what was announced. True if there is another place to get it from.
  func reject(_ descriptor: Descriptor, because error: BerthError) -> Bool
  /// What lies beside the image of these digests as signatures of it. Not verified.
  func signatures(of digests: [Digest]) throws(BerthError) -> [ImageSignature]
}

extension ImageSource {
  public func reject(_ descriptor: Descriptor, because error: BerthError) -> Bool { false }
  public func signatures(of digests: [Digest]) throws(BerthError) -> [ImageSignature] { [] }
}

/// A document with what it was announced as.
public struct ImageDocument: Sendable {
  /// nil where nothing announced it, so that its own word counts.
  public var mediaType: String?
  public var digest: Digest
  public var bytes: [UInt8]

  public init(mediaType: String?, digest: Digest, bytes: [UInt8]) {
    self.mediaType = mediaType
    self.digest = digest
    self.bytes = bytes
  }
}

extension BerthError {
  /// The same failure of an outer operation: what failed inside moves into the cause, unless it says itself what it was about.
  func of(_ operation: String, _ subject: String) -> BerthError {
    let inner = self.subject.isEmpty ? "\(self.operation): \(cause)" : "\(self.operation) (\(self.subject)): \(cause)"
    return BerthError(code, operation, subject, cause: self.operation == operation ? cause : inner)
  }

  static func unusable(_ operation: String, _ subject: String, _ error: ImageFormatError) -> BerthError {
    BerthError(.dataLoss, operation, subject, cause: error.description)
  }
}
