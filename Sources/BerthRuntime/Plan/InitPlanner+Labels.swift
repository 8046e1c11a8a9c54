import BerthCore
import BerthOCI

/// A Linux security module that labels processes.
public enum SecurityModule: String, Sendable, Hashable { case apparmor = "AppArmor", selinux = "SELinux" }

extension RuntimeSpec.Process {
  var isLabelled: Bool { apparmorProfile?.isEmpty == false || selinuxLabel?.isEmpty == false }
}

extension InitPlanner {
  /// Labels count from the next exec on. They are written through a proc that nobody can have prepared, and read back: an image that
  /// makes /proc something else would otherwise go unlabelled. Source: config.md "Linux Process".
  mutating func planLabels() throws(BerthError) {
    if let profile = process.apparmorProfile, !profile.isEmpty {
      try needs(.apparmor, "process.apparmorProfile")
      openProc("mount private proc")
      add(.label(file: "attr/apparmor/exec", "exec \(profile)"), "set AppArmor profile \(profile)")
    }
    guard let label = process.selinuxLabel, !label.isEmpty else { return }
    try needs(.selinux, "process.selinuxLabel")
    openProc("mount private proc")
    add(.label(file: "attr/exec", label), "set SELinux label \(label)")
  }

  /// File systems whose files all get `linux.mountLabel`: those that keep no labels of their own. What is bound keeps its own.
  private static let labelled = ["tmpfs", "devpts", "overlay", "ramfs"]

  func mountLabel(for type: String) throws(BerthError) -> String? {
    guard let label = linux.mountLabel else { return nil }
    try needs(.selinux, "linux.mountLabel")
    return Self.labelled.contains(type) ? label : nil
  }

  private func needs(_ module: SecurityModule, _ field: String) throws(BerthError) {
    guard !facts.securityModules.contains(module) else { return }
    throw failure(.unsupported, field, "this node's kernel doesn't run \(module.rawValue): leave the label out")
  }
}
