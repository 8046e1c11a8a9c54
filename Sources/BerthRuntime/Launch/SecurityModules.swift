import BerthLinux
import BerthOCI

/// Which security modules are at work here; looked for only where the process is to be labelled.
public enum SecurityModules {
  public static func detect(for process: RuntimeSpec.Process?) -> Set<SecurityModule> {
    var found: Set<SecurityModule> = []
    if process?.apparmorProfile?.isEmpty == false,
      (try? Files.readText("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
    {
      found.insert(.apparmor)
    }
    if process?.selinuxLabel?.isEmpty == false, Files.exists("/sys/fs/selinux/enforce") { found.insert(.selinux) }
    return found
  }
}
