import BerthLinux
import BerthOCI

/// Which security modules are at work here; looked for only where something is to be labelled.
public enum SecurityModules {
  public static func detect(for spec: RuntimeSpec) -> Set<SecurityModule> {
    let (process, mountLabel) = (spec.process, spec.linux?.mountLabel)
    var found: Set<SecurityModule> = []
    if process?.apparmorProfile?.isEmpty == false,
      (try? Files.readText("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
    {
      found.insert(.apparmor)
    }
    if process?.selinuxLabel?.isEmpty == false || mountLabel != nil, Files.exists("/sys/fs/selinux/enforce") { found.insert(.selinux) }
    return found
  }
}
