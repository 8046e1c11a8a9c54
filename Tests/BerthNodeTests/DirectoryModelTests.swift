import BerthCore
import BerthManifest
import BerthPlan
import Testing

@testable import BerthNode

private let web = PodKey(namespace: "default", name: "web")

/// A model with a clock that the test turns.
private struct Directory {
  var model: DirectoryModel
  var now = Instant(nanoseconds: 0)
  var entries: [PodKey: DesiredEntry] = [:]
  private var inode: UInt64 = 0

  init(pruneGuard: DirectoryModel.PruneGuard = .init()) {
    model = DirectoryModel(removalDelay: .seconds(1), pruneGuard: pruneGuard)
  }

  /// `taken`: ports of the node that a program has.
  mutating func write(_ path: String, _ text: String, taken: Set<UInt16> = []) {
    inode += 1
    let identity = FileIdentity(device: 1, inode: inode, size: 1, modifiedNanoseconds: 0, changedNanoseconds: 0)
    let decoded = ManifestDecoder.decode(Array(text.utf8), file: path)
    let inTheWay = decoded.takenPorts { _, port, _ in taken.contains(port) ? "nginx (pid 1)" : nil }
    model.found(ManifestFile(decoded, identity: identity, taken: inTheWay), at: path)
    settle()
  }
  mutating func remove(_ path: String, reported: Bool = true) {
    model.missing(path, reported: reported, now: now)
    settle()
  }
  /// It came, and was gone again when it was looked at.
  mutating func glimpse(_ path: String) {
    model.spokenOf(path, now: now)
    remove(path)
  }
  mutating func pass(_ duration: Duration, confirmed: Bool = false) {
    now = now + duration
    settle(confirmed: confirmed)
  }
  private mutating func settle(confirmed: Bool = false) {
    if confirmed { model.confirmRemovals() }
    model.settle(now: now)
    for (key, entry) in model.takeChanges() { entries[key] = entry }
  }
  func image(_ key: PodKey = web) -> String? { entries[key]?.desired?.spec.containers.first?.image }
}

private func manifest(_ image: String, name: String? = nil) -> String {
  (name.map { "name = \"\($0)\"\n" } ?? "") + "network = \"none\"\n[[container]]\nimage = \"\(image)\"\n"
}

@Suite("The manifest directory")
struct DirectoryModelTests {
  @Test("a port that a program has is a warning for a new pod, and keeps a version from replacing one that doesn't ask for it")
  func takenPorts() {
    func ports(_ image: String, _ ports: String) -> String { "[[container]]\nimage = \"\(image)\"\nports = [\(ports)]\n" }
    var directory = Directory()
    directory.write("/m/web.toml", ports("a:1", "\"80:80\""), taken: [80])
    #expect(directory.image()?.hasSuffix("a:1") == true)
    #expect(directory.entries[web]?.problem == nil)
    #expect(
      directory.entries[web]?.warnings.map(\.summary) == [
        "/m/web.toml:3:10: warning: port 80/tcp of the node is taken: nginx (pid 1) listens on it"
      ])
    // What is in force waits for the same port: nothing is lost by the edit.
    directory.write("/m/web.toml", ports("a:2", "\"80:80\""), taken: [80])
    #expect(directory.image()?.hasSuffix("a:2") == true)
    directory.write("/m/web.toml", ports("a:3", "\"80:80\", \"81:81\""), taken: [80, 81])
    #expect(directory.image()?.hasSuffix("a:2") == true)
    #expect(directory.entries[web]?.problem?.diagnostics.map(\.severity) == [.error])
    #expect(directory.entries[web]?.problem?.message.contains("/m/web.toml:3:19: error: port 81/tcp") == true)
    #expect(directory.entries[web]?.warnings.isEmpty == true)
    directory.write("/m/web.toml", ports("a:3", "\"80:80\", \"81:81\""))
    #expect(directory.image()?.hasSuffix("a:3") == true)
    #expect(directory.entries[web]?.problem == nil)
  }

  @Test("a new file asks for its pod") func appears() {
    var directory = Directory()
    directory.write("/m/web.toml", manifest("a:1"))
    #expect(directory.image() == "docker.io/library/a:1" || directory.image() == "a:1")
    #expect(directory.entries[web]?.source == "/m/web.toml")
    #expect(directory.entries[web]?.problem == nil)
  }

  @Test("a pod is gone with the last of its files, whichever of two goes first, or both at once", arguments: [0, 1, 2])
  func twoFiles(way: Int) {
    var directory = Directory()
    directory.write("/m/a/web.toml", manifest("a:1"))
    directory.write("/m/b/web.toml", manifest("a:1"))
    let paths = ["/m/a/web.toml", "/m/b/web.toml"]
    for path in way == 1 ? paths.reversed() : paths {
      directory.remove(path)
      if way < 2 { directory.pass(.seconds(2)) }
    }
    directory.pass(.seconds(2))
    #expect(directory.entries[web]?.desired == nil && directory.entries[web]?.source == nil)
  }

  @Test("a file that comes and goes, or wanders from folder to folder, isn't gone before it has been away for the whole delay")
  func wanders() {
    for other in ["/m/web.toml", "/m/sub/web.toml"] {
      var directory = Directory()
      directory.write("/m/web.toml", manifest("a:1"))
      directory.remove("/m/web.toml")
      for _ in 0..<4 {
        directory.pass(.milliseconds(700))
        directory.glimpse(other)
        #expect(directory.image() != nil, "\(other)")
      }
      // A file of another name tells nothing of it.
      directory.glimpse("/m/db.toml")
      directory.pass(.milliseconds(1100))
      directory.glimpse("/m/db.toml")
      #expect(directory.entries[web]?.desired == nil, "\(other)")
    }
  }

  @Test("a bad edit keeps the last good spec and names the place") func badEdit() {
    var directory = Directory()
    directory.write("/m/web.toml", manifest("a:1"))
    let good = directory.image()
    directory.write("/m/web.toml", "network = \"none\"\n[[container]]\nimage = \"b:1\"\ncomand = []\n")
    #expect(directory.image() == good)
    #expect(directory.entries[web]?.problem?.message.hasPrefix("/m/web.toml:4:1: error:") == true)
  }

  @Test("a file that is no TOML any more still belongs to its pod, whatever its name") func notTOML() {
    var directory = Directory()
    directory.write("/m/other.toml", manifest("a:1", name: "web"))
    directory.write("/m/other.toml", "]]] nonsense")
    #expect(directory.image() != nil)
    #expect(directory.entries[web]?.problem != nil)
  }

  @Test("a file that never was good appears under its stem, asking for nothing") func neverGood() {
    var directory = Directory()
    directory.write("/m/web.toml", "]]]")
    #expect(directory.entries[web]?.desired == nil)
    #expect(directory.entries[web]?.problem != nil)
  }

  @Test("a removal takes effect once the path was absent for the delay") func removal() {
    var directory = Directory()
    directory.write("/m/web.toml", manifest("a:1"))
    directory.remove("/m/web.toml")
    directory.pass(.milliseconds(999))
    #expect(directory.image() != nil)
    directory.pass(.milliseconds(1))
    #expect(directory.image() == nil)
    #expect(directory.entries[web]?.source == nil)
  }

  @Test("a file that comes back within the delay was edited") func editByReplacement() {
    var directory = Directory()
    directory.write("/m/web.toml", manifest("a:1"))
    directory.remove("/m/web.toml")
    directory.pass(.milliseconds(500))
    directory.write("/m/web.toml", manifest("b:1"))
    directory.pass(.seconds(5))
    #expect(directory.image()?.hasSuffix("b:1") == true)
  }

  @Test("a renamed file keeps its pod") func rename() {
    var directory = Directory()
    directory.write("/m/a.toml", manifest("a:1", name: "web"))
    directory.remove("/m/a.toml")
    directory.write("/m/b.toml", manifest("a:1", name: "web"))
    directory.pass(.seconds(5))
    #expect(directory.entries[web]?.source == "/m/b.toml")
    #expect(directory.image() != nil)
  }

  @Test("of two files with one name the one in force stays, the other is named") func duplicate() {
    var directory = Directory()
    directory.write("/m/b.toml", manifest("b:1", name: "web"))
    directory.write("/m/a.toml", manifest("a:1", name: "web"))
    #expect(directory.image()?.hasSuffix("b:1") == true)
    #expect(directory.entries[web]?.problem?.message.contains("/m/a.toml") == true)
    // Also while there is something else to be said of the one in force.
    directory.write("/m/b.toml", "name = \"web\"\nnetwork = 1\n[[container]]\nimage = \"b:1\"\n")
    let both = directory.entries[web]?.problem
    #expect(both?.message.hasPrefix("/m/b.toml:2:11: ") == true && both?.message.contains("; /m/a.toml: also describes pod") == true)
    #expect(both?.diagnostics.isEmpty == false && directory.image()?.hasSuffix("b:1") == true)
    directory.remove("/m/b.toml")
    directory.pass(.seconds(2))
    #expect(directory.image()?.hasSuffix("a:1") == true)
    #expect(directory.entries[web]?.problem == nil)
  }

  @Test("a file that now names another pod gives the first one up") func renamedInside() {
    var directory = Directory()
    directory.write("/m/a.toml", manifest("a:1", name: "web"))
    directory.write("/m/a.toml", manifest("a:1", name: "api"))
    #expect(directory.image() == nil)
    #expect(directory.image(PodKey(namespace: "default", name: "api")) != nil)
  }

  @Test("removals nobody reported are held if they are many and most") func pruneGuard() {
    var directory = Directory()
    for name in ["a", "b", "c", "d"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.seconds(10))
    #expect(directory.model.heldRemovals.count == 3)
    #expect(directory.image(PodKey(namespace: "default", name: "a")) != nil)
    directory.pass(.zero, confirmed: true)
    #expect(directory.image(PodKey(namespace: "default", name: "a")) == nil)
    #expect(directory.image(PodKey(namespace: "default", name: "d")) != nil)
  }

  @Test("held removals are forgotten when the files come back") func pruneGuardReturns() {
    var directory = Directory()
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.seconds(10))
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    #expect(directory.model.heldRemovals.isEmpty)
  }

  @Test("reported removals are never held") func reportedRemovals() {
    var directory = Directory()
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: true) }
    directory.pass(.seconds(1))
    #expect(directory.image(PodKey(namespace: "default", name: "a")) == nil)
  }

  @Test("a pod of an earlier daemon stays in force while its file is bad") func restored() {
    let good = ManifestDecoder.decode(Array(manifest("a:1").utf8), file: "/m/web.toml")
    var directory = Directory()
    if let spec = good.spec, let hash = good.hash {
      directory.model.restore(key: web, path: "/m/web.toml", pod: DesiredPod(spec: spec, hash: hash))
    }
    directory.write("/m/web.toml", "broken")
    #expect(directory.image() != nil)
    #expect(directory.entries[web]?.problem != nil)
  }

  @Test("a bad edit that also changes the name keeps the pod") func badRename() {
    var directory = Directory()
    directory.write("/m/a.toml", manifest("a:1", name: "web"))
    directory.write("/m/a.toml", "name = \"api\"\nnetwork = \"none\"\n[[container]]\nimage = \"b:1\"\ncomand = []\n")
    #expect(directory.image() != nil)
    #expect(directory.entries[web]?.problem?.message.contains("/m/a.toml:5:1") == true)
  }

  @Test("a file that is there but can't be read yet is not absent") func presentAgain() {
    var directory = Directory()
    directory.write("/m/web.toml", manifest("a:1"))
    directory.remove("/m/web.toml")
    directory.model.present("/m/web.toml")
    directory.pass(.seconds(10))
    #expect(directory.image() != nil)
    #expect(directory.model.nextDue == nil)
  }

  @Test("what is held stays held when other pods come") func stickyGuard() {
    var directory = Directory()
    for name in ["a", "b", "c", "d"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.seconds(10))
    for number in 0..<10 { directory.write("/m/new-\(number).toml", manifest("x:1", name: "new-\(number)")) }
    directory.pass(.seconds(10))
    #expect(directory.model.heldRemovals.count == 3)
    #expect(directory.image(PodKey(namespace: "default", name: "a")) != nil)
  }

  @Test("a held removal that the kernel then reports takes effect") func heldThenReported() {
    var directory = Directory()
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.seconds(10))
    directory.remove("/m/a.toml", reported: true)
    directory.pass(.seconds(1))
    #expect(directory.image(PodKey(namespace: "default", name: "a")) == nil)
    #expect(directory.model.heldRemovals == ["/m/b.toml", "/m/c.toml"])
  }

  @Test("a removal confirmed before its time takes effect in its time") func confirmedEarly() {
    var directory = Directory()
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", manifest("x:1", name: name)) }
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.milliseconds(1), confirmed: true)
    #expect(directory.image(PodKey(namespace: "default", name: "a")) != nil)
    directory.pass(.seconds(1))
    #expect(directory.image(PodKey(namespace: "default", name: "a")) == nil)
  }

  @Test("files that never asked for a pod don't count for the guard") func guardCountsPods() {
    var directory = Directory()
    for name in ["a", "b", "c"] { directory.write("/m/\(name).toml", "]]]") }
    directory.write("/m/d.toml", manifest("x:1", name: "d"))
    for name in ["a", "b", "c"] { directory.remove("/m/\(name).toml", reported: false) }
    directory.pass(.seconds(10))
    #expect(directory.model.heldRemovals.isEmpty)
  }

  @Test("two files that exchange their names in one batch keep both pods") func exchanged() {
    var directory = Directory()
    directory.write("/m/a.toml", manifest("x:1", name: "web"))
    directory.write("/m/b.toml", manifest("y:1", name: "api"))
    func file(_ path: String, _ text: String) -> ManifestFile {
      ManifestFile(ManifestDecoder.decode(Array(text.utf8), file: path), identity: .unknown)
    }
    directory.model.found(file("/m/a.toml", manifest("y:1", name: "api")), at: "/m/a.toml")
    directory.model.found(file("/m/b.toml", manifest("x:1", name: "web")), at: "/m/b.toml")
    directory.pass(.zero)
    #expect(directory.image()?.hasSuffix("x:1") == true)
    #expect(directory.entries[web]?.source == "/m/b.toml")
    #expect(directory.image(PodKey(namespace: "default", name: "api"))?.hasSuffix("y:1") == true)
  }

  @Test("an edit that claims another file's pod leaves the pod it had, until that is settled") func claimed() {
    let api = PodKey(namespace: "default", name: "api")
    var directory = Directory()
    directory.write("/m/a.toml", manifest("x:1", name: "web"))
    directory.write("/m/b.toml", manifest("y:1", name: "api"))
    directory.write("/m/b.toml", manifest("z:1", name: "web"))
    #expect(directory.image()?.hasSuffix("x:1") == true)
    #expect(directory.image(api)?.hasSuffix("y:1") == true)
    #expect(directory.entries[api]?.problem?.message.contains("/m/a.toml") == true)
    directory.remove("/m/a.toml")
    directory.pass(.seconds(2))
    #expect(directory.image()?.hasSuffix("z:1") == true)
    #expect(directory.image(api) == nil)
  }

  @Test("a claim that is taken back, or whose file goes, leaves nothing behind") func claimTakenBack() {
    let api = PodKey(namespace: "default", name: "api")
    var directory = Directory()
    directory.write("/m/a.toml", manifest("x:1", name: "web"))
    for _ in 0..<2 {
      directory.write("/m/b.toml", manifest("y:1", name: "api"))
      #expect(directory.entries[api]?.problem == nil)
      directory.write("/m/b.toml", manifest("z:1", name: "web"))
      #expect(directory.entries[api]?.problem != nil)
    }
    directory.remove("/m/b.toml")
    directory.pass(.seconds(2))
    #expect(directory.image(api) == nil && directory.entries[api]?.problem == nil)
    #expect(directory.image()?.hasSuffix("x:1") == true && directory.entries[web]?.problem == nil)
  }
}
