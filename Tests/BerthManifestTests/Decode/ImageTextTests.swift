import Testing

@testable import BerthManifest

@Suite("Image references in manifests")
struct ImageTextTests {
  @Test(
    "what names an image is taken",
    arguments: [
      "busybox", "busybox:1.36", "library/busybox", "docker.io/library/nginx:1.27", "ghcr.io/acme/web:v1.0-rc.1", "localhost/a",
      "localhost:5000/a:1", "[::1]:5000/a", "registry:5000/a/b/c",
      "a.b.c/d_e/f__g/h-i/j---k.l", "x@sha256:\(String(repeating: "a", count: 64))",
      "a.io/x:1@sha256:\(String(repeating: "0", count: 64))", "oci:img", "oci-archive:/a.tar", "docker-archive:a.tar:x", "rootfs:/", "oci",
    ])
  func taken(text: String) { #expect(ImageText(text).problem == nil) }

  @Test(
    "what names none is refused, told why",
    arguments: [
      ("", "must be an image reference"), ("a b", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("Nginx", "must have a repository name in lower case"), ("a/Nginx:1", "must have a repository name in lower case"),
      ("nginx:", "has no valid tag: up to 128 of a-z, A-Z, 0-9, '_', '.' and '-'"),
      ("nginx:.1", "has no valid tag: up to 128 of a-z, A-Z, 0-9, '_', '.' and '-'"),
      ("nginx:a/b:", "has no valid tag: up to 128 of a-z, A-Z, 0-9, '_', '.' and '-'"),
      ("x@sha256:12", "must end in '@sha256:' and 64 hexadecimal digits, if it has an '@'"),
      ("a.io:0/x", "has no valid registry name"), (".io/x", "has no valid registry name"),
      ("a..b", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("a___b", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("a._b", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("-a", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("a-", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("a//b", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("ä", "must be an image reference: [registry/]name[:tag][@sha256:…]"),
      ("https://a.io/x", "must be written without 'https://'"), ("docker://a", "must be written without 'docker://'"),
      ("oci:", "needs a path after 'oci:'"), ("docker-archive::x", "needs a path after 'docker-archive:'"),
    ])
  func refused(text: String, problem: String) { #expect(ImageText(text).problem == problem) }

  @Test("relative paths are seen from the manifest's folder, a name behind them stays")
  func resolved() {
    #expect(ImageText("oci:img:1").resolved(from: "/m") == "oci:/m/img:1")
    #expect(ImageText("docker-archive:../a.tar:x:1").resolved(from: "/m/n") == "docker-archive:/m/a.tar:x:1")
    #expect(ImageText("oci-archive:a:b.tar").resolved(from: "/m") == "oci-archive:/m/a:b.tar")
    #expect(ImageText("rootfs:/r").resolved(from: "/m") == "rootfs:/r")
    #expect(ImageText("ociarchive/a:1").resolved(from: "/m") == "ociarchive/a:1")
  }

  @Test(
    "the default pull policy is Kubernetes'",
    arguments: [
      ("a", ImagePullPolicy.always), ("a:latest", .always), ("a:1", .ifNotPresent), ("h:5000/a", .always), ("h:5000/a:1", .ifNotPresent),
      ("a:latest@sha256:\(String(repeating: "a", count: 64))", .ifNotPresent), ("oci:a", .never),
    ])
  func policy(text: String, policy: ImagePullPolicy) { #expect(ImageText(text).defaultPullPolicy == policy) }
}
