import BerthCore

/// Manifests that tests drop: one container of the example image, with whatever a test adds.
public enum ManifestText {
  /// Keeps a container up until it is told to end.
  public static let stay = "trap exit TERM; sleep 100000 & wait"

  /// `pod` are top-level keys, `container` keys of the container, `tables` what follows it: `[container.…]` first, then `[[volume]]`.
  public static func of(
    _ script: String = stay, pod: String = "", container: String = "", tables: String = "", image: String? = nil
  ) throws -> String {
    """
    network = "none"
    termination_grace_period = "3s"
    \(pod)

    [[container]]
    image = "\(try image ?? imageReference())"
    command = ["sh", "-c", '''\(script)''']
    \(container)

    \(tables)
    """
  }

  public static func imageReference() throws -> String { "oci-archive:\(try ExampleImage.archive())" }

  /// A pod that runs a script once.
  public static func job(_ script: String, pod: String = "", container: String = "", tables: String = "") throws -> String {
    try of(script, pod: "restart_policy = \"never\"\n\(pod)", container: container, tables: tables)
  }
}
