import BerthCore
import BerthManifest
import Testing

@Suite("The manifest's JSON Schema")
struct JSONSchemaTests {
  private let schema = ManifestSchema.jsonSchema()

  @Test("every key of the pod is in it, with its words, and no other")
  func podKeys() {
    let properties = schema["properties"]?.object ?? [:]
    #expect(Set(properties.keys) == Set(ManifestSchema.pod.keys.map(\.name)))
    for key in ManifestSchema.pod.keys {
      #expect(properties[key.name]?["description"]?.string?.hasPrefix(key.doc) == true)
    }
    #expect(schema["additionalProperties"] == false)
  }

  @Test("containers are objects of known keys")
  func containers() {
    let container = schema["properties"]?["container"]?["items"]
    #expect(container?["additionalProperties"] == false)
    #expect(container?["properties"]?["image"]?["type"] == "string")
    #expect(container?["properties"]?["resources"]?["properties"]?["memory"]?["anyOf"]?.array?.count == 2)
  }

  @Test("words stand as they are")
  func choices() {
    #expect(schema["properties"]?["restart_policy"]?["enum"] == ["always", "on-failure", "never"])
  }
}
