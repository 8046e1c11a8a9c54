import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("docs/openapi.json", .enabled(if: Command.exists("python3"), "python3 is not installed"))
  struct APIDescription {
    private static let file = "\(Files.parent(of: Files.parent(of: Files.parent(of: #filePath))))/docs/openapi.json"

    /// Asks every GET route whose parameters are known, and an unknown pod, and holds each answer against its schema.
    private static let program = """
      import json, socket, sys
      from http.client import HTTPConnection
      from jsonschema import Draft202012Validator
      document, address, values = json.load(open(sys.argv[1])), sys.argv[2], json.loads(sys.argv[3])
      class Local(HTTPConnection):
          def connect(self):
              self.sock = socket.socket(socket.AF_UNIX)
              self.sock.connect(address)
      asked = 0
      def schema_of(answer, kind):
          schema = answer["content"][kind].get("schema", {})
          return {**schema, "components": document["components"]}
      def ask(path, operation, wanted):
          global asked
          connection = Local("berth")
          connection.request("GET", path)
          response = connection.getresponse()
          body = response.read()
          if response.status != wanted: sys.exit(f"{path}: {response.status} {body[:300]}")
          answer = operation["responses"]["200" if wanted == 200 else "default"]
          kind = response.headers["content-type"].split(";")[0]
          if kind not in answer["content"]: sys.exit(f"{path}: {kind} isn't described")
          asked += 1
          if kind == "application/json": documents = [json.loads(body)]
          elif kind == "application/jsonl": documents = [json.loads(line) for line in body.splitlines()]
          else: return
          for value in documents:
              for error in Draft202012Validator(schema_of(answer, kind)).iter_errors(value): sys.exit(f"{path}: {error}")
      for path, operations in document["paths"].items():
          if "get" not in operations: continue
          real = path
          for name, value in values.get(path, values["*"]).items(): real = real.replace("{" + name + "}", value)
          if "{" in real: continue
          if path.endswith("/files"): real += "?path=/etc"
          if path.endswith("/inspect"): real += "?reference=" + values["reference"]
          ask(real, operations["get"], 200)
          if path == "/v1/pods/{namespace}/{name}": ask("/v1/pods/default/no-such-pod", operations["get"], 404)
      print(asked)
      """

    @Test("the answers of a running daemon are as the file says")
    func answers() throws {
      try withDaemon { daemon in
        try daemon.run(
          "web", ManifestText.of(container: "mounts = [\"data:/data\"]", tables: "[[volume]]\nname = \"data\"\npersistent = {}"))
        _ = try daemon.berth("container", "create", ManifestText.imageReference(), "hand", "true")
        let blob = try daemon.berth("content", "ls", "-o", "json").json().array?.first?["digest"]?.string
        let snapshot = try daemon.berth("snapshot", "ls", "-o", "json").json().array?.first?["key"]?.string
        let values: JSON = [
          "*": ["namespace": "default", "name": "web", "digest": .string(blob ?? ""), "key": .string(snapshot ?? "")],
          "/v1/containers/{namespace}/{name}": ["namespace": "default", "name": "hand"],
          "/v1/volumes/{namespace}/{pod}/{name}": ["namespace": "default", "pod": "web", "name": "data"],
          "/v1/networks/{name}": ["name": "bridge"], "reference": .string(try ManifestText.imageReference()),
        ]
        let result = try Command.run(
          "python3", ["-c", Self.program, Self.file, daemon.socket, String(decoding: values.encoded(), as: UTF8.self)])
        #expect(result.exit == 0, "\(result.stderr)\(result.stdout)")
        #expect(Int(result.stdout.prefix { $0 != "\n" }) ?? 0 > 20, "\(result)")
      }
    }
  }
}
