import BerthCore
import BerthOCI
import Testing

@Suite("image documents")
struct ImageDocumentTests {
  private let digest = "sha256:" + String(repeating: "a", count: 64)

  private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("DIGEST", with: digest).utf8) }

  private func manifest(_ text: String, as type: String? = nil) -> String? {
    do throws(ImageFormatError) {
      _ = try Manifest(parsing: bytes(text), mediaType: type)
      return nil
    } catch { return error.description }
  }

  private let config = #"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"DIGEST","size":2}"#

  @Test("a manifest is read with its config and layers")
  func manifestIsRead() throws {
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.manifest)","config":\#(config),"layers":[{"mediaType":"\#(MediaType.layerGzip)","digest":"DIGEST","size":7,"urls":["http://evil/"]}]}"#
    let manifest = try Manifest(parsing: bytes(text), mediaType: MediaType.manifest)
    #expect(manifest.layers.count == 1 && manifest.layers[0].size == 7)
    #expect(try Manifest(parsing: manifest.encoded(), mediaType: nil) == manifest)
  }

  @Test(
    "what no manifest may be is refused, with the reason",
    arguments: [
      (#"{"config":CONFIG,"layers":[],"manifests":[]}"#, "index and a manifest"),
      (#"{"mediaType":"application/vnd.oci.image.index.v1+json","config":CONFIG,"layers":[]}"#, "media type"),
      (#"{"config":CONFIG,"layers":[{"mediaType":"text/html","digest":"DIGEST","size":1}]}"#, "media type"),
      (
        #"{"config":CONFIG,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:../../x","size":1}]}"#,
        "not a sha256 digest"
      ),
      (#"{"config":CONFIG,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"DIGEST","size":-1}]}"#, "size"),
      (#"{"config":CONFIG,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"DIGEST"}]}"#, "size"),
      (#"{"config":CONFIG}"#, "no layers"),
      (#"{"layers":[]}"#, "no config"),
      (#"{"config":CONFIG,"config":CONFIG,"layers":[]}"#, "duplicate key"),
      (#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
      (#"{"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"DIGEST","size":2},"layers":[]}"#, "not a container image"),
      ("[]", "not a JSON object"), ("", "not valid JSON"), ("{", "not valid JSON"),
    ])
  func refused(_ text: String, _ reason: String) throws {
    let message = try #require(manifest(text.replacing("CONFIG", with: config)))
    #expect(message.contains(reason))
  }

  @Test("a document isn't read as something it was not announced as")
  func announced() throws {
    let text = #"{"mediaType":"\#(MediaType.manifest)","config":\#(config),"layers":[]}"#
    #expect(manifest(text, as: MediaType.manifest) == nil)
    #expect(manifest(text, as: MediaType.dockerManifest)?.contains("announced") == true)
    #expect(throws: ImageFormatError.self) { try Index(parsing: bytes(text), mediaType: nil) }
  }

  @Test("more than 1000 descriptors and more than 4 MiB are refused")
  func limits() {
    let entry = #"{"mediaType":"\#(MediaType.manifest)","digest":"DIGEST","size":1}"#
    let many = #"{"manifests":[\#(Array(repeating: entry, count: 1001).joined(separator: ","))]}"#
    #expect(throws: ImageFormatError.self) { try Index(parsing: bytes(many), mediaType: nil) }
    let large = #"{"a":""# + String(repeating: "x", count: 4 << 20) + #""}"#
    #expect(manifest(large)?.contains("larger than") == true)
  }

  @Test("the best variant that the node runs comes first, attestations never")
  func platforms() throws {
    func entry(_ architecture: String, _ variant: String?, _ fill: Character) throws -> Descriptor {
      let digest = try #require(Digest("sha256:" + String(repeating: fill, count: 64)))
      return Descriptor(
        mediaType: MediaType.manifest, digest: digest, size: 1,
        platform: Platform(os: architecture == "unknown" ? "unknown" : "linux", architecture: architecture, variant: variant))
    }
    let index = Index(manifests: [
      try entry("unknown", nil, "0"), try entry("amd64", nil, "1"), try entry("amd64", "v2", "2"), try entry("amd64", "v4", "4"),
      try entry("arm64", nil, "5"),
    ])
    let node = Platform(os: "linux", architecture: "amd64", variant: "v3")
    #expect(index.candidates(for: node).map(\.digest.hex.first) == ["2", "1"])
    #expect(index.candidates(for: Platform(os: "linux", architecture: "arm64", variant: "v8")).map(\.digest.hex.first) == ["5"])
    #expect(index.candidates(for: Platform(os: "linux", architecture: "s390x")).isEmpty)
  }

  @Test("a config is read, null for an empty list included, and written back equal")
  func configIsRead() throws {
    let text = #"""
      {"architecture":"amd64","os":"linux","config":{"User":"1000:1000","Env":["A=b=c"],"Entrypoint":["/e"],"Cmd":null,
      "WorkingDir":"/w","StopSignal":"SIGQUIT","Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},"Labels":{"io.berth.x":"y"}},
      "rootfs":{"type":"layers","diff_ids":["DIGEST"]},"history":[{"created_by":"x"}]}
      """#
    let config = try ImageConfig(parsing: bytes(text))
    #expect(config.user == "1000:1000" && config.env == ["A=b=c"] && config.entrypoint == ["/e"] && config.cmd.isEmpty)
    #expect(config.workingDir == "/w" && config.stopSignal == "SIGQUIT" && config.volumes == ["/v"] && config.exposedPorts == ["80/tcp"])
    #expect(config.diffIDs.map(\.description) == [digest])
    #expect(try ImageConfig(parsing: config.encoded()) == config)
  }

  @Test("a config with a NUL in a command or a foreign digest is refused")
  func configIsRefused() {
    for text in [
      #"{"config":{"Cmd":["a\u0000b"]},"rootfs":{"type":"layers","diff_ids":[]}}"#, #"{"rootfs":{"type":"layers","diff_ids":["md5:x"]}}"#,
      #"{"rootfs":{"type":"magic","diff_ids":[]}}"#, #"{"config":{"Env":"A=1"},"rootfs":{"diff_ids":[]}}"#, #"{}"#,
    ] {
      #expect(throws: ImageFormatError.self) { try ImageConfig(parsing: Array(text.utf8)) }
    }
  }
}
