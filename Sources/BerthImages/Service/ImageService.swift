import BerthCore
import BerthLinux
import BerthOCI
import BerthStore
import Synchronization

/// Images on this node: what is here, how more gets here, and snapshots for containers to run on. All calls block and may be made
/// from any thread. No byte of an image is decoded in this process but its config, by the bounded JSON reader.
///
/// ```
/// ROOT/content/…                    blobs, see ContentStore
/// ROOT/snapshots/l/ID               a layer, unpacked; the database says which, whether it is complete and on stable storage
/// ROOT/snapshots/active/KEY/        a container's: fs (what it writes), work (overlayfs' own); an attribute names its manifest.
///                                   Copied: fs has all files; draft before it is whole
/// ROOT/snapshots/views/CHAIN        an image in one directory, for reading; where overlayfs can't be used
/// ROOT/snapshots/empty              the lower layer of an image that has none
/// ROOT/meta.db
/// ```
public final class ImageService: Sendable {
  let root: String
  public let workerPath: String
  /// What pulls that begin from now on go by.
  private let registryInForce: Mutex<RegistryConfiguration>
  var registry: RegistryConfiguration { registryInForce.withLock { $0 } }
  let platform: Platform
  let content: ContentStore
  let reserve: DiskReserve
  /// How containers get their file systems here.
  public let snapshotter: Snapshotter
  public let metadata: MetadataStore
  let pulls = Monitor<[String: PullTask]>([:])
  let layers = Monitor(LayerUse())
  let uses = Mutex(UseNotes())
  let pulled = Atomic<Int64>(0)
  /// Of the node's present boot.
  let boot: String
  let settling = Monitor(Settling())
  /// Held open from the start: a write that fails later is told to the descriptors that were open then.
  let layersFolder: FD
  let unpackedListener = Mutex<(@Sendable () -> Void)?>(nil)
  /// Of layers, fetched from registries, whatever became of the pulls; since this process started.
  public var pulledBytes: Int64 { pulled.load(ordering: .relaxed) }

  /// What is going on with layers in this process.
  struct LayerUse {
    var claims = LayerClaims()
    /// Pulls that are making their image known.
    var recording = 0
    var isPruning = false
    /// Chains whose layers were removed and not unpacked again since.
    var pruned: Set<Digest> = []
    /// Known images by completed reference: facts of the database and the layers' directories, read once.
    var cache: [String: CachedImage] = [:]
  }

  struct CachedImage: Sendable {
    var image: Image
    /// See `ImageRecord.source`.
    var source: String?
  }

  /// Opens or makes the store below `root`, and removes what interrupted pulls have left there. `metadata`: the open database where
  /// somebody else has it open already; `workerPath`: of the berth-worker executable; `boot`: in place of the present boot's ID.
  public init(
    root: String, workerPath: String, registry: RegistryConfiguration, snapshotter: Snapshotter.Choice = .automatic,
    metadata: MetadataStore? = nil, platform: Platform = .host, boot: String? = nil
  ) throws(BerthError) {
    self.root = root
    self.workerPath = workerPath
    registryInForce = Mutex(registry)
    self.platform = platform
    do throws(Errno) {
      for directory in ["snapshots", "snapshots/l", "snapshots/active"] { try Files.makeDirectories("\(root)/\(directory)") }
      try Files.makeDirectory("\(root)/snapshots/empty", mode: 0o755)
      layersFolder = try Files.open("\(root)/snapshots/l", ContentFlags.directory)
      self.boot = if let boot { boot } else { try Clock.bootID() }
    } catch { throw BerthError(.unavailable, "open image store", root, cause: "\(error)") }
    content = try ContentStore(root: "\(root)/content")
    let reserve = DiskReserve(root: root)
    self.reserve = reserve
    // On a full disk a daemon must start all the same: it is what makes room.
    self.snapshotter = try reserve.withRoom { () throws(BerthError) in try Snapshotter.choose(snapshotter, in: "\(root)/snapshots") }
    self.metadata =
      if let metadata { metadata } else { try reserve.withRoom { () throws(BerthError) in try MetadataStore(path: "\(root)/meta.db") } }
    try reserve.withRoom { () throws(BerthError) in try removeLeftovers() }
    reserve.fill()
  }

  /// For pulls that begin from now on.
  public func use(_ registry: RegistryConfiguration) { registryInForce.withLock { $0 = registry } }

  /// No pull survives its daemon: layers that aren't ready never will be. Nor does a layer that may not have come to the disk survive the
  /// boot: `restore` brings it back.
  private func removeLeftovers() throws(BerthError) {
    content.removeLeftovers()
    removeDraftViews()
    for lease in try metadata.leases(.pull, .export) { try metadata.removeLease(lease.id) }
    try dropDeadMounts()
    var known: Set<String> = []
    for layer in try metadata.layers() {
      let isWhole = layer.isReady && (layer.boot ?? boot) == boot && Files.exists(directory(layer.id))
      if isWhole { known.insert("\(layer.id)") } else { try metadata.removeLayer(layer.id) }
    }
    guard let names = try? Files.list("\(root)/snapshots/l") else { return }
    for name in names where !known.contains(name) { removeTree("\(root)/snapshots/l", name) }
  }

  /// Where a blob lies, or would.
  public func path(ofBlob digest: Digest) -> String { content.path(digest) }

  func directory(_ layer: Int64) -> String { "\(root)/snapshots/l/\(layer)" }

  /// Best effort: what can't be removed now is found again at the next start.
  func removeTree(_ directory: String, _ name: String) {
    guard let name = PathBytes(name.utf8), let parent = try? Files.open(directory, ContentFlags.directory) else { return }
    try? TreeFiles.removeTree(parent, name)
  }

  /// The image, if it is here and (for a local transport) its file is the one that was imported. Microseconds; starts nothing.
  public func lookup(_ reference: ImageReference) throws(BerthError) -> Image? {
    let key = reference.description
    if case .digest(let digest) = reference { return try image(digest: digest) }
    if case .rootfs(let path) = reference { return rootfs(path) }
    // Of a registry's image: the rules that it was admitted by; where there are none now, any will do.
    let source = reference.isLocal ? LocalSource.identity(reference) : try registry.trust.identity(of: reference)
    if reference.isLocal, source == nil { return nil }
    func isGood(_ known: String?) -> Bool {
      if known == source || (!reference.isLocal && source == nil) { return true }
      return known == ImageTrust.imported && registry.trust.acceptsImported(reference)
    }
    if let cached = layers.with({ $0.cache[key] }) { return isGood(cached.source) ? cached.image : nil }
    guard let record = try metadata.image(key), isGood(record.source), let image = try load(record) else { return nil }
    layers.with { $0.cache[key] = CachedImage(image: image, source: record.source) }
    return image
  }

  /// nil if it is missing or damaged.
  func manifest(of record: ImageRecord) throws(BerthError) -> Manifest? {
    guard let bytes = try content.read(record.manifest) else { return nil }
    return try? Manifest(parsing: bytes, mediaType: record.mediaType.isEmpty ? nil : record.mediaType)
  }

  /// nil if a part of it is missing or damaged: then it has to be pulled again.
  func load(_ record: ImageRecord) throws(BerthError) -> Image? {
    guard let manifest = try manifest(of: record),
      let configBytes = try content.read(manifest.config.digest), let config = try? ImageConfig(parsing: configBytes)
    else { return nil }
    let chains = Digest.chains(config.diffIDs)
    var directories: [String] = []
    var size: Int64 = 0
    for chain in chains {
      guard let layer = try metadata.layer(chain), layer.isReady else { return nil }
      directories.append(directory(layer.id))
      size = size.addingReportingOverflow(layer.size).partialValue
    }
    let top = directories.last ?? "\(root)/snapshots/empty"
    guard let status = try? Files.linkStatus(top), status.kind == .directory else { return nil }
    return Image(
      requested: record.reference, digest: record.manifest, indexDigest: record.index, config: config, chainIDs: chains,
      layerDirectories: directories.isEmpty ? [top] : directories.reversed(), size: size, created: record.created,
      isPinned: record.isPinned, lastUsed: record.lastUsed,
      root: Image.RootDirectory(mode: status.permissions, uid: status.uid, gid: status.gid))
  }

  /// All images that are here whole, by reference.
  public func images() throws(BerthError) -> [Image] {
    var images: [Image] = []
    for record in try metadata.images() { if let image = try load(record) { images.append(image) } }
    return images
  }

  /// Forgets the reference. Its content goes with the next `prune`, unless something else uses it. Throws `notFound` if it isn't known.
  public func remove(_ reference: ImageReference) throws(BerthError) {
    let key = reference.description
    guard try reserve.withRoom({ () throws(BerthError) in try forget(key) }) else {
      throw BerthError(.notFound, "remove image", key, cause: "there is no such image; berth image ls shows those that are here")
    }
  }
}

extension ImageService {
  /// Whether the name was known.
  @discardableResult
  func forget(_ key: String) throws(BerthError) -> Bool {
    layers.with { $0.cache[key] = nil }
    // One that came out of a bundle comes back with it at the next start.
    if try metadata.image(key)?.isPinned == true { try forgetBundles() }
    return try metadata.removeImage(key)
  }
}

/// Whether a local image is still the one that was imported.
enum LocalSource {
  /// Device, inode, size and times of the archive, or of a layout's index.json, which every change of a layout replaces; nil if it
  /// can't be read.
  static func identity(_ reference: ImageReference) -> String? {
    guard let path = reference.path else { return nil }
    let file = if case .layout = reference { "\(path)/index.json" } else { path }
    guard let status = try? Files.status(file) else { return nil }
    return "\(status.device):\(status.inode):\(status.size):\(status.modifiedNanoseconds):\(status.changedNanoseconds)"
  }
}
