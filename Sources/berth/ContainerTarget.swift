import BerthClient
import BerthCore

/// A container as the user names it: POD, POD/CONTAINER, NAMESPACE/POD or NAMESPACE/POD/CONTAINER.
struct ContainerTarget {
  let text: String
  let key: PodKey
  /// nil: the pod's first.
  let container: String?

  /// Of two names the first is a pod's if there is such a pod in the namespace of -n: then the daemon is asked.
  init(_ text: String, _ options: GlobalOptions) throws(BerthError) {
    self.text = text
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    switch parts.count {
    case 1: (key, container) = (try options.key(text), nil)
    case 2:
      let pod = try options.key(parts[0])
      (key, container) = try Self.isThere(pod, options) ? (pod, parts[1]) : (try options.key(text), nil)
    case 3: (key, container) = (try options.key("\(parts[0])/\(parts[1])"), parts[2])
    default:
      throw BerthError(.invalidArgument, "find container", text, cause: "expected [NAMESPACE/]POD[/CONTAINER]")
    }
  }

  private static func isThere(_ pod: PodKey, _ options: GlobalOptions) throws(BerthError) -> Bool {
    do throws(BerthError) {
      _ = try options.client.json("GET", "/v1/pods/\(pod.namespace)/\(pod.name)")
      return true
    } catch {
      if error.code == .notFound { return false }
      throw error
    }
  }

  /// Of the pod's routes.
  var path: String { "/v1/pods/\(key.namespace)/\(key.name)" }
}
