import Testing

@testable import BerthLinux

@Suite("the end of somebody else's child")
struct StrangersEndTests {
  @Test("is read from its zombie, and from the kernel once it is reaped", arguments: [("exit 7", 7, nil), ("kill -9 $$", 137, 9)])
  func ending(script: String, code: Int32, signal: Int32?) throws {
    let pid = try Spawn.start("/bin/sh", arguments: ["sh", "-c", script])
    let identity = try ProcessIdentity(of: pid)
    let opened = try identity.open()
    let handle = opened.descriptor ?? -1
    _ = try Descriptors.waitReadable([handle], timeout: .seconds(30))
    let pidfd = try Descriptors.duplicate(handle)
    let zombie = ExitStatus.ofStranger(pidfd, identity)
    #expect(zombie?.code == code && zombie?.signal == signal)
    _ = try Children.reapIfEnded(pid)
    #expect(try !isOpened(identity))
    let reaped = ExitStatus.ofStranger(pidfd, identity)
    // Linux 6.15 keeps it; nobody guesses where the kernel doesn't.
    let parts = try Kernel.release().split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    let isKept = !parts.lexicographicallyPrecedes([6, 15])
    #expect(reaped?.code == (isKept ? code : nil) && reaped?.signal == (isKept ? signal : nil))
  }

  @Test("a number that is another's by now opens nothing")
  func otherProcess() throws {
    var identity = try ProcessIdentity(of: ProcessControl.pid)
    #expect(try isOpened(identity))
    identity.startTicks += 1
    #expect(try !isOpened(identity))
  }

  private func isOpened(_ identity: ProcessIdentity) throws(Errno) -> Bool {
    let opened = try identity.open()
    return opened.descriptor != nil
  }
}
