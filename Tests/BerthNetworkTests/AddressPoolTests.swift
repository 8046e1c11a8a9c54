import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthNetwork

@Suite("addresses in use")
struct AddressPoolTests {
  private func subnet(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

  @Test("each pod gets an address of its own, none of them the network's")
  func claims() throws {
    let scratch = try TemporaryDirectory()
    let pool = try AddressPool(directory: scratch.path)
    let small = try subnet("10.0.0.0/29")
    let got = try (0..<5).map { try "\(pool.claim(nil, in: small, for: "pod-\($0)", interface: "eth0"))" }
    #expect(got == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"])
    #expect(throws: BerthError.self) { try pool.claim(nil, in: small, for: "one-more", interface: "eth0") }
    #expect(try Files.readText("\(scratch.path)/10.0.0.2") == "pod-0\r\neth0")
  }

  @Test("a freed address rests until the others were used")
  func rest() throws {
    let scratch = try TemporaryDirectory()
    let pool = try AddressPool(directory: scratch.path)
    let small = try subnet("10.0.0.0/29")
    for number in 0..<3 {
      #expect(try "\(pool.claim(nil, in: small, for: "pod", interface: "eth0"))" == "10.0.0.\(number + 2)")
      try pool.release("pod")
    }
    #expect(pool.owners.isEmpty)
    // So too in the next daemon.
    #expect(try "\(AddressPool(directory: scratch.path).claim(nil, in: small, for: "pod", interface: "eth0"))" == "10.0.0.5")
  }

  @Test("what an earlier daemon gave out is not given out again")
  func adoption() throws {
    let scratch = try TemporaryDirectory()
    let first = try AddressPool(directory: scratch.path)
    _ = try first.claim(nil, in: subnet("10.0.0.0/24"), for: "a", interface: "eth0")
    _ = try first.claim(nil, in: subnet("fd00::/64"), for: "a", interface: "eth0")
    let second = try AddressPool(directory: scratch.path)
    #expect(second.addresses(of: "a").map { "\($0)" } == ["10.0.0.2", "fd00::2"])
    #expect(try "\(second.claim(nil, in: subnet("10.0.0.0/24"), for: "b", interface: "eth0"))" == "10.0.0.3")
  }

  @Test(
    "a fixed address must be free, inside and nobody's own",
    arguments: [
      ("10.0.0.9", nil), ("10.0.1.9", "subnet"), ("10.0.0.1", "own"), ("10.0.0.0", "own"), ("10.0.0.255", "own"), ("10.0.0.2", "pod a"),
    ])
  func fixed(address: String, problem: String?) throws {
    let scratch = try TemporaryDirectory()
    let pool = try AddressPool(directory: scratch.path)
    let network = try subnet("10.0.0.0/24")
    _ = try pool.claim(nil, in: network, for: "a", interface: "eth0")
    do throws(BerthError) {
      let got = try pool.claim(IPAddress(address), in: network, for: "b", interface: "eth0")
      #expect(problem == nil && "\(got)" == address)
    } catch { #expect(problem.map { error.cause.contains($0) } == true, "\(error)") }
  }
}
