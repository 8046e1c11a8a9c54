import BerthCore
import BerthImages
import Testing

@Suite("image references")
struct ReferenceTests {
  private static let digest = "sha256:" + String(repeating: "0123456789abcdef", count: 4)

  @Test(
    "references are completed as Docker and containerd complete them",
    arguments: [
      ("nginx", "docker.io/library/nginx:latest"), ("nginx:1.27", "docker.io/library/nginx:1.27"),
      ("owner/app", "docker.io/owner/app:latest"),
      ("docker.io/nginx", "docker.io/library/nginx:latest"), ("index.docker.io/a/b", "docker.io/a/b:latest"),
      ("ghcr.io/o/n:t", "ghcr.io/o/n:t"),
      ("localhost/x", "localhost/x:latest"), ("localhost:5000/x", "localhost:5000/x:latest"),
      ("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1"),
      ("[::1]:5000/x", "[::1]:5000/x:latest"), ("Registry.Example/x", "registry.example/x:latest"),
      ("a__b/c-d.e_f---g:T.a-g_1", "docker.io/a__b/c-d.e_f---g:T.a-g_1"),
      ("nginx@DIGEST", "docker.io/library/nginx@DIGEST"), ("nginx:1@DIGEST", "docker.io/library/nginx:1@DIGEST"),
    ])
  func completed(_ text: String, _ full: String) throws {
    let reference = try ImageReference(text.replacing("DIGEST", with: Self.digest))
    #expect(reference.description == full.replacing("DIGEST", with: Self.digest))
    #expect(try ImageReference(reference.description) == reference)
    #expect(!reference.isLocal)
  }

  @Test(
    "what is no reference is refused",
    arguments: [
      "", " ", "UPPER", "a b", "a:", "a:b:c", "a@sha256:x", "a@md5:0123", "/a", "a/", "a//b", "a/../b", "-a", "a-", "a..b", "a___b",
      "host.x:99999/a", "host.x:0/a",
      "a:\u{7f}", "a\0b", "a:\(String(repeating: "t", count: 129))", "exa mple.com/a", "e.x/\(String(repeating: "r", count: 256))",
      "b\u{fc}cher/x", "Xho/r", "OCI:5000/a", "host.x:5000", "a.b/c@@d",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ":1", "http://r.example/a", "docker://r.example/a:1",
    ])
  func refused(_ text: String) {
    do throws(BerthError) {
      let reference = try ImageReference(text)
      // A host with a port and nothing behind it reads as a name with a tag; nothing else here may pass.
      #expect(text == "host.x:5000" && reference.description == "docker.io/library/host.x:5000")
    } catch { #expect(error.code == .invalidArgument) }
  }

  @Test("why a text is no reference is said in its own words")
  func words() {
    for (text, words) in [
      ("sha256:9f81b137391b", "64 lower-case"), ("Xho/r", "\"Xho\""), (":1", "no name before the tag"),
      ("docker://r.example/a:1", "no scheme"), (String(repeating: "a", count: 64), "NAME@sha256:"),
    ] {
      let error = #expect(throws: BerthError.self) { try ImageReference(text) }
      #expect(error?.cause.contains(words) == true, "\(error?.cause ?? "")")
    }
  }

  @Test("local transports name a path below the manifest's folder, and a tag")
  func local() throws {
    #expect(try ImageReference("oci-archive:a.tar", relativeTo: "/m") == .archive(path: "/m/a.tar", tag: nil))
    #expect(try ImageReference("oci:../l/./x:n:1", relativeTo: "/m/n") == .layout(path: "/m/l/x", tag: "n:1"))
    #expect(
      try ImageReference("docker-archive:/x//y.tar:busybox:1", relativeTo: "/m") == .dockerArchive(path: "/x/y.tar", tag: "busybox:1"))
    for text in ["oci-archive:/a.tar:t", "oci:/d", "docker-archive:/f:n:t"] {
      let reference = try ImageReference(text)
      #expect(reference.description == text && reference.isLocal)
    }
    for text in ["oci:", "oci-archive::t", "oci:/a:", "oci:/a\0b"] { #expect(throws: BerthError.self) { try ImageReference(text) } }
    #expect(try ImageReference("rootfs:../x:y", relativeTo: "/m/n") == .rootfs(path: "/m/x:y"))
  }

  @Test("only latest without a digest floats")
  func floating() throws {
    #expect(try ImageReference("a").isFloating && ImageReference("a:latest").isFloating)
    #expect(
      try !ImageReference("a:1").isFloating && !ImageReference("a:latest@\(Self.digest)").isFloating && !ImageReference("oci:/x").isFloating
    )
  }
}
