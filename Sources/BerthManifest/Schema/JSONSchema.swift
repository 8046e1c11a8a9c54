import BerthCore

extension ManifestSchema {
  /// The manifest language as JSON Schema 2020-12, for editors (taplo, VS Code's Even Better TOML) and checks elsewhere. Made from the
  /// table that the decoder checks by. What a schema can't say (names that
  /// must be declared, ports that clash) is the decoder's alone.
  public static func jsonSchema() -> JSON {
    var schema = JSONObject()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Berth manifest, version 1"
    for member in pod.jsonSchema { schema[member.key] = member.value }
    schema["required"] = ["container"]
    return .object(schema)
  }
}

extension KeyTable {
  fileprivate var jsonSchema: JSONObject {
    var properties = JSONObject()
    for key in keys {
      var property = key.type.jsonSchema
      property["description"] = .string(key.defaultText.map { "\(key.doc); default \($0)" } ?? key.doc)
      properties[key.name] = .object(property)
    }
    return ["type": "object", "properties": .object(properties), "additionalProperties": false]
  }
}

extension KeyType {
  fileprivate var jsonSchema: JSONObject {
    switch self {
    case .text: ["type": "string"]
    case .boolean: ["type": "boolean"]
    case .integer(let range): Self.integer(range)
    case .duration: ["type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d))+$"]
    case .size(let minimum):
      Self.anyOf([
        ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?([KMGT]iB|[kKMGT]?B)$"], Self.integer(minimum...Int64.max),
      ])
    case .cpu:
      Self.anyOf([
        ["type": "number", "exclusiveMinimum": 0], ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?m?$"],
      ])
    case .choice(let words): ["enum": .strings(words)]
    case .list(let element): ["type": "array", "items": .object(element.jsonSchema)]
    case .map(_, let value): ["type": "object", "additionalProperties": .object(value.jsonSchema)]
    case .table(let table): table.jsonSchema
    case .either(let types): Self.anyOf(types.map(\.jsonSchema))
    case .anything: [:]
    }
  }

  private static func integer(_ range: ClosedRange<Int64>) -> JSONObject {
    var schema: JSONObject = ["type": "integer"]
    if range.lowerBound > .min { schema["minimum"] = .integer(range.lowerBound) }
    if range.upperBound < .max { schema["maximum"] = .integer(range.upperBound) }
    return schema
  }

  private static func anyOf(_ schemas: [JSONObject]) -> JSONObject { ["anyOf": .array(schemas.map { .object($0) })] }
}
