import BerthCore
import BerthLinux

/// Where the other programs lie: beside this one, or in `../libexec/berth`.
enum Programs {
  static func path(_ name: String) throws(BerthError) -> String {
    let own = (try? Files.readLink("/proc/self/exe")) ?? ""
    let folder = Files.parent(of: own)
    for candidate in ["\(folder)/\(name)", "\(Files.parent(of: folder))/libexec/berth/\(name)"] where Files.exists(candidate) {
      return candidate
    }
    throw BerthError(.notFound, "find program", name, cause: "it is neither beside berthd in \(folder) nor in ../libexec/berth")
  }
}
