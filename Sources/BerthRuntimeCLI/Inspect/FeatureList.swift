import BerthCore
import BerthOCI
import BerthRuntime

/// What this runtime implements. Source: features.md, features-linux.md of the OCI runtime-spec.
enum FeatureList {
  static let version = "berth-runtime version \(BerthVersion.text)\nspec: 1.3.0\n"

  static var json: JSON {
    [
      "ociVersionMin": "1.0.0", "ociVersionMax": "1.3.0",
      "hooks": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
      "mountOptions": .strings(mountOptions),
      "linux": [
        "namespaces": ["cgroup", "ipc", "mount", "network", "pid", "uts"],
        "capabilities": .strings(CapabilitySet.names.map { "CAP_\($0)" }),
        "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": false],
        "seccomp": [
          "enabled": true,
          "actions": [
            "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
            "SCMP_ACT_TRAP",
          ],
          "operators": [
            "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
          ],
          "knownFlags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"],
          "supportedFlags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"],
        ],
        "apparmor": ["enabled": false], "selinux": ["enabled": false], "intelRdt": ["enabled": false],
        "mountExtensions": ["idmap": ["enabled": false]],
      ],
    ]
  }

  private static let mountOptions = [
    "async", "atime", "bind", "defaults", "dev", "diratime", "exec", "loud", "noatime", "nodev", "nodiratime", "noexec", "norelatime",
    "nostrictatime", "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime", "rexec", "rnoatime", "rnodev",
    "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw",
    "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "silent", "slave", "strictatime", "suid", "symfollow",
    "tmpcopyup",
    "unbindable",
  ]
}
