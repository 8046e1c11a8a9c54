import BerthClient
import BerthCore
import BerthManifest
import Testing

@Suite("the manifest of a container made by hand")
struct HandMadeManifestTests {
  private func decoded(_ manifest: HandMadeManifest) throws -> PodSpec {
    let result = ManifestDecoder.decode(Array(manifest.toml.utf8), file: "x.toml", folder: "/")
    return try #require(result.spec, "\(manifest.toml)\n\(result.diagnostics)")
  }

  @Test("what the command line says arrives in the spec, whatever characters it has")
  func everything() throws {
    var manifest = HandMadeManifest(namespace: "prod", name: "c", image: "busybox:1")
    manifest.command = ["sh", "-c", "echo \"a\\b\"\n\u{1F}'x'"]
    manifest.environment = ["A": "b\"c\\", "Ünï": ""]
    manifest.labels = ["k.x/y": "v w"]
    manifest.mounts = [try #require(HandMadeManifest.Mount("type=bind,src=/a b,dst=/c,options=rbind:ro"))]
    manifest.capabilities = (["NET_ADMIN"], ["ALL"])
    (manifest.memory, manifest.cpu) = ("64MiB", "0.5")
    (manifest.user, manifest.workingDirectory, manifest.hostname) = ("1000:1000", "/w", "h")
    manifest.flags = [.readOnlyRoot]
    let spec = try decoded(manifest)
    let container = try #require(spec.containers.first)
    #expect("\(spec.key)" == "prod/c")
    #expect(spec.restartPolicy == .never)
    #expect(container.command == manifest.command)
    #expect(spec.labels == manifest.labels)
    #expect(container.mounts.map(\.path) == ["/c"] && container.mounts.map(\.readOnly) == [true])
    #expect(container.security.readOnlyRootFilesystem)
  }

  @Test("the least there can be")
  func least() throws { #expect(try decoded(HandMadeManifest(namespace: "default", name: "c", image: "busybox:1")).containers.count == 1) }

  @Test("a mount needs both paths and the type bind", arguments: ["", "src=/a", "type=tmpfs,dst=/a", "src", "type=volume,src=/a,dst=/b"])
  func mounts(_ text: String) { #expect(HandMadeManifest.Mount(text) == nil) }
}
