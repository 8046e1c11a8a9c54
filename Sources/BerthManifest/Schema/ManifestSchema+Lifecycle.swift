// Probes and hooks.
extension ManifestSchema {
  static let probeKinds = ["exec", "http_get", "tcp_socket", "grpc"]
  static let hookKinds = ["exec", "http_get", "sleep"]

  static let lifecycleKeys: [KeyTable.Key] = [
    .key("liveness_probe", .table(probe("liveness_probe")), "restarts the container when it fails"),
    .key("readiness_probe", .table(probe("readiness_probe")), "decides whether the container is ready"),
    .key("startup_probe", .table(probe("startup_probe")), "holds the other probes back until it has succeeded once"),
    .key("post_start", .table(hook("post_start")), "once after each start; the container isn't ready before its end"),
    .key("pre_stop", .table(hook("pre_stop")), "before the stop signal, within the grace period"),
  ]

  private static let exec = KeyTable("exec", [.key("command", .list(.text(.any)), "program and arguments, in the container")])

  private static let port = KeyTable.Key.key("port", .integer(1...65535), "in the pod")

  private static let httpGet = KeyTable(
    "http_get",
    [
      .key("path", .text(.line), default: "\"/\"", "of the URL"),
      port,
      .key("scheme", .choice(HTTPGet.Scheme.allCases.map(\.rawValue)), default: "\"http\"", "https checks no certificate"),
      .key("headers", .map(key: .headerName, value: .text(.headerValue)), default: "{}", "of the request"),
    ])

  private static func probe(_ name: String) -> KeyTable {
    KeyTable(
      "[container.\(name)]",
      [
        .key("exec", .table(exec), "a program that ends with 0"),
        .key("http_get", .table(httpGet), "a request that is answered with 200 to 399"),
        .key("tcp_socket", .table(KeyTable("tcp_socket", [port])), "a connection that is accepted"),
        .key(
          "grpc", .table(KeyTable("grpc", [port, .key("service", .text(.any), default: "\"\"", "to ask for")])), "gRPC health checking"),
        .key("initial_delay", .duration, default: "\"0s\"", "before the first"),
        .key("period", .duration, default: "\"10s\"", "between two"),
        .key("timeout", .duration, default: "\"1s\"", "of one"),
        .key("success_threshold", .integer(positive), default: "1", "in a row"),
        .key("failure_threshold", .integer(positive), default: "3", "in a row"),
      ])
  }

  private static func hook(_ name: String) -> KeyTable {
    KeyTable(
      "[container.\(name)]",
      [
        .key("exec", .table(exec), "a program"),
        .key("http_get", .table(httpGet), "a request"),
        .key("sleep", .duration, "a pause"),
      ])
  }
}
