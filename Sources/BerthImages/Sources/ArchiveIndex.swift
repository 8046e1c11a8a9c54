import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI

/// Where the members of a tar file lie in it. A compressed file is unpacked into a nameless one first.
final class ArchiveIndex: Sendable {
  struct Member: Sendable {
    var offset: Int64
    var size: Int64
  }

  let path: String
  private let file: FD
  private let members: [String: Member]
  /// Symlinks between members, as `docker save` once wrote them for layers that occur twice.
  private let links: [String: String]
  private static let memberLimit = 100_000

  /// `scratch`: where a compressed archive is unpacked.
  init(path: String, scratch: String) throws(BerthError) {
    self.path = path
    func failure(_ error: Errno) -> BerthError {
      BerthError(error == .notFound ? .notFound : .unavailable, "read image archive", path, cause: "\(error)")
    }
    let opened: FD
    do throws(Errno) { opened = try Files.open(path, ContentFlags.archive) } catch { throw failure(error) }
    let status: FileStatus
    do throws(Errno) { status = try opened.status() } catch { throw failure(error) }
    guard status.kind == .regular else { throw BerthError(.invalidArgument, "read image archive", path, cause: "it is no regular file") }
    do throws(BerthError) {
      let compression = try Self.compression(of: opened)
      file = compression == .none ? opened : try Self.decompress(opened, scratch: scratch)
      let end: Int64
      do throws(Errno) { end = try file.status().size } catch { throw failure(error) }
      (members, links) = try Self.scan(file, size: end)
    } catch { throw error.of("read image archive", path) }
  }

  private static func compression(of file: borrowing FD) throws(BerthError) -> Compression {
    var magic = [UInt8](repeating: 0, count: Compression.magicBytes)
    do throws(Errno) { _ = try magic.withBytes { (buffer) throws(Errno) in try file.read(into: buffer, at: 0) } } catch {
      throw BerthError(.unavailable, "read file", cause: "\(error)")
    }
    return try Compression.of(magic)
  }

  private static func decompress(_ file: consuming FD, scratch: String) throws(BerthError) -> FD {
    func failure(_ error: Errno) -> BerthError { BerthError(.unavailable, "unpack archive", scratch, cause: "\(error)") }
    let plain: FD
    do throws(Errno) { plain = try Files.openTemporary(in: scratch) } catch { throw failure(error) }
    let copy: FD
    do throws(Errno) { copy = try plain.duplicate() } catch { throw failure(error) }
    try FileSink(copy).copy(from: try Compression.open(FileSource(file)))
    return plain
  }

  private static func scan(_ file: borrowing FD, size: Int64) throws(BerthError) -> ([String: Member], [String: String]) {
    let own: FD
    do throws(Errno) { own = try file.duplicate() } catch { throw BerthError(.unavailable, "read file", cause: "\(error)") }
    let tar = TarReader(FileSource(own))
    var members: [String: Member] = [:]
    var links: [String: String] = [:]
    while let entry = try tar.next() {
      guard members.count + links.count < memberLimit else {
        throw BerthError(.resourceExhausted, "read tar", cause: "it has more than \(memberLimit) members")
      }
      guard let name = normalized(entry.name, from: "") else { continue }
      switch entry.kind {
      case .file:
        guard let offset = tar.contentOffset, size - offset >= entry.size else {
          throw BerthError(.dataLoss, "read tar", cause: "the archive is truncated")
        }
        members[name] = Member(offset: offset, size: entry.size)
        links[name] = nil
      case .symlink(let target), .hardLink(let target):
        let base = if case .symlink = entry.kind { name } else { "" }
        links[name] = normalized(target, from: base)
        members[name] = nil
      default: break
      }
    }
    return (members, links)
  }

  /// A member's name without `.`, `..` and doubled slashes, read from the directory of `base`; nil for what can't be one.
  private static func normalized(_ name: [UInt8], from base: String) -> String? {
    guard let text = String(validating: name, as: UTF8.self) else { return nil }
    var components = base.split(separator: "/").dropLast()
    for part in text.split(separator: "/") where part != "." {
      if part == ".." { _ = components.popLast() } else { components.append(part) }
    }
    return components.joined(separator: "/")
  }

  /// nil if there is none of that name, links between members followed once.
  func member(_ name: String) -> Member? { members[name] ?? links[name].flatMap { members[$0] } }

  private func missing(_ name: String) -> BerthError {
    var hint = ""
    if name == "index.json", member("manifest.json") != nil { hint = ": it is a docker-archive:" }
    if name == "manifest.json", member("index.json") != nil { hint = ": it is an oci-archive:" }
    return BerthError(.notFound, "read image archive", path, cause: "it has no \(name)\(hint)")
  }

  func open(_ name: String) throws(BerthError) -> FileSource {
    guard let member = member(name) else { throw missing(name) }
    do throws(Errno) { return FileSource(try file.duplicate(), offset: member.offset, size: member.size) } catch {
      throw BerthError(.unavailable, "read image archive", path, cause: "\(error)")
    }
  }

  /// A small member.
  func read(_ name: String) throws(BerthError) -> [UInt8] {
    let source = try open(name)
    guard let member = member(name), member.size <= Int64(ImageLimits.documentBytes) else {
      throw BerthError(.dataLoss, "read image archive", path, cause: "\(name) is larger than \(ImageLimits.documentBytes) bytes")
    }
    let sink = MemorySink()
    try sink.copy(from: source)
    guard sink.bytes.count == member.size else {
      throw BerthError(.dataLoss, "read image archive", path, cause: "the archive is truncated")
    }
    return sink.bytes
  }
}
