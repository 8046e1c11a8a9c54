import ArgumentParser
import BerthArchive
import BerthClient
import BerthCore
import BerthLinux

struct Copy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp", abstract: "Copy files between here and a running container.",
    usage:
      "berth cp [-p] [-L] [NAMESPACE/]POD[/CONTAINER]:SOURCE DESTINATION\nberth cp [-p] [-L] SOURCE [NAMESPACE/]POD[/CONTAINER]:DESTINATION",
    discussion: """
      Into a directory where DESTINATION is one, else under that name. `-` for the side that is here is a tar stream. What is copied \
      belongs to you here and to root there; symlinks are copied as they are; sockets, FIFOs and devices are left out. A path here with a \
      colon in it begins with / or ./.
      """)

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("p"), .long], help: "Keep owners, set-id bits and directories' modes and times.") var preserve = false
  @Flag(name: [.customShort("L"), .long], help: "Copy what a symlink given as SOURCE points to.") var followLink = false
  @Argument(help: "A path, or POD:PATH.") var source: String
  @Argument(help: "A path, or POD:PATH.") var destination: String

  func run() throws {
    switch (try ContainerPath(source, options), try ContainerPath(destination, options)) {
    case (let from?, nil): try copyOut(from)
    case (nil, let to?): try copyIn(to)
    case (nil, nil): throw Self.misuse("one of the two must be in a container: POD:PATH")
    default: throw Self.misuse("one of the two must be here; copy to a file here first")
    }
  }

  private static func misuse(_ cause: String) -> BerthError { BerthError(.invalidArgument, "copy files", cause: cause) }

  private func copyOut(_ from: ContainerPath) throws(BerthError) {
    if destination == "-", Terminal.isTerminal { throw Self.misuse("an archive doesn't go to a terminal: redirect it") }
    let body = try options.client.download(from.route, query: from.query + [("follow", followLink ? "true" : "false")])
    if destination == "-" { return try StandardOutputSink().copy(from: body) }
    let place = CopyPath(destination)
    var receiver = TreeReceiver.Options()
    receiver.preserves = preserve
    let directory = try Self.destination(place, &receiver)
    try TreeReceiver(root: directory, receiver).receive(TarReader(body))
    // The rest of the stream: only its end tells that all went well.
    try body.drain()
  }

  /// The directory that things are put into; where it isn't there, the one above it, and what they are to be called.
  private static func destination(_ place: CopyPath, _ receiver: inout TreeReceiver.Options) throws(BerthError) -> FD {
    do throws(Errno) { return try Files.open(place.text, FileFlags.path | FileFlags.directory) } catch {
      guard error == .notFound || error == .notDirectory, !place.isDirectory else { throw failure(place.text, error) }
    }
    // Whoever names /dev/null wants no file in its place.
    if let kind = (try? Files.status(place.text))?.kind, kind != .regular {
      throw BerthError(.invalidArgument, "copy files", place.text, cause: "it is a device, a pipe or a socket, which isn't replaced")
    }
    receiver.name = PathBytes(Array(place.name.utf8))
    do throws(Errno) { return try Files.open(place.parent, FileFlags.path | FileFlags.directory) } catch {
      throw failure(place.parent, error)
    }
  }

  private func copyIn(_ to: ContainerPath) throws(BerthError) {
    let query = to.query + [("preserve", preserve ? "true" : "false")]
    if source == "-" {
      _ = try options.client.upload(to.route, query: query) { (sink) throws(BerthError) in
        let input: FD
        do throws(Errno) { input = try Files.open("/dev/stdin", FileFlags.read) } catch { throw Self.failure(source, error) }
        try sink.copy(from: StreamSource(consume input))
      }
      return
    }
    _ = try options.client.upload(to.route, query: query) { (sink) throws(BerthError) in
      let sender = TreeSender(sink)
      try sender.send(try openSource(), as: Array(CopyPath(source).name.utf8))
      try sender.finish()
    }
  }

  private func openSource() throws(BerthError) -> FD {
    let place = CopyPath(source)
    let flags = FileFlags.path | (followLink || place.isDirectory ? 0 : FileFlags.noFollow)
    do throws(Errno) { return try Files.open(place.text, flags) } catch { throw Self.failure(source, error) }
  }

  private static func failure(_ path: String, _ error: Errno) -> BerthError {
    BerthError(error == .notFound ? .notFound : .invalidArgument, "copy files", path, cause: "\(error)")
  }
}

/// `[NAMESPACE/]POD[/CONTAINER]:PATH`.
private struct ContainerPath {
  let target: ContainerTarget
  let path: String

  /// nil for a path that is here.
  init?(_ text: String, _ options: GlobalOptions) throws(BerthError) {
    guard text.first != "/", text.first != ".", text != "-", let colon = text.firstIndex(of: ":") else { return nil }
    target = try ContainerTarget(String(text[..<colon]), options)
    path = String(text[text.index(after: colon)...])
    if path.isEmpty { throw BerthError(.invalidArgument, "copy files", text, cause: "expected a path after the colon; / is the root") }
  }

  var route: String { "\(target.path)/files" }
  var query: [(String, String)] { [("path", path)] + (target.container.map { [("container", $0)] } ?? []) }
}

private final class StandardOutputSink: ByteSink {
  func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) { Terminal.write(Array(bytes)) }
}
