import BerthCore
import Testing

@testable import BerthManifest

@Suite("Identity of a manifest")
struct CanonicalContentTests {
  private func hash(_ text: String, file: String = "/m/web.toml") throws -> String {
    let decoded = decode(text, file: file)
    return try #require(decoded.hash, "\(decoded.diagnostics.map(\.summary))")
  }

  static let base = """
    network = "none"
    termination_grace_period = "1m30s"
    resources = { cpu = 0.5, memory = "64MiB" }
    [[container]]
    image = "oci:img"
    args = ["a", "b"]
    """

  @Test(
    "comments, order and spelling don't count",
    arguments: [
      ("network", "# a comment\nnetwork"), ("\"1m30s\"", "\"90s\""), ("\"64MiB\"", "67108864"), ("\"64MiB\"", "\"65536KiB\""),
      ("0.5", "\"500m\""), ("{ cpu = 0.5, memory = \"64MiB\" }", "{ memory = \"64MiB\", cpu = 0.5 }"),
      ("[\"a\", \"b\"]", "[\n'a', # x\n'b',\n]"),
      ("\"none\"", "\"n\\u006Fne\""), ("oci:img", "oci:/m/img"),
    ])
  func spelling(from: String, to: String) throws {
    #expect(try hash(Self.base.replacing(from, with: to)) == hash(Self.base))
  }

  @Test(
    "content counts: values, the order of arrays, and a default that is written out",
    arguments: [
      ("\"1m30s\"", "\"91s\""), ("\"a\", \"b\"", "\"b\", \"a\""), ("\"64MiB\"", "\"64MB\""), ("0.5", "0.6"),
      ("network", "restart_policy = \"always\"\nnetwork"), ("oci:img", "oci:img2"),
    ])
  func content(from: String, to: String) throws {
    #expect(try hash(Self.base.replacing(from, with: to)) != hash(Self.base))
  }

  @Test("a relative path counts as the place it names, the file's name doesn't count")
  func folder() throws {
    #expect(try hash(Self.base, file: "/m/other.toml") == hash(Self.base))
    #expect(try hash(Self.base, file: "/n/web.toml") != hash(Self.base))
  }

  @Test("the canonical form never changes: a new version of the daemon restarts nothing")
  func fixture() throws {
    let document = TOMLDocument(parsing: Array(DecodeTests.full.utf8))
    let text = String(decoding: CanonicalContent.bytes(document, folder: "/m"), as: UTF8.self)
    #expect(text.hasPrefix("{\"annotations\":{\"note\":\"two words\"},\"container\":[{\"args\":[],\"command\":[\"/bin/sh\",\"-c\"],"))
    #expect(text.contains("\"termination_grace_period\":90000000000"))
    #expect(try hash(Self.base) == "02c089a4d1737c40d1f0aa0cc9780b74ad8f13f4b21ddc8807d0184442958212")
    #expect(try hash(DecodeTests.full) == "4342b119eec27d9b21e62a58ebabd3b7d24847ec206d3f02b3571843f87b0400")
  }
}
