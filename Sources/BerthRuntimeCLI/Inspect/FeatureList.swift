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
        "namespaces": .strings(RuntimeSpec.NamespaceKind.allCases.map(\.rawValue).sorted()),
        "capabilities": .strings(CapabilitySet.names.map { "CAP_\($0)" }),
        "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true],
        "seccomp": [
          "enabled": true,
          "actions": [
            "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
            "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
          ],
          "operators": [
            "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
          ],
          "archs": .strings(architectures), "knownFlags": .strings(filterFlags), "supportedFlags": .strings(filterFlags),
        ],
        "apparmor": ["enabled": true], "selinux": ["enabled": false], "intelRdt": ["enabled": false],
        "netDevices": ["enabled": true],
        "mountExtensions": ["idmap": ["enabled": true]],
      ],
    ]
  }

  private static let filterFlags = [
    "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
  ]

  private static let architectures = [
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64",
  ]

  private static let mountOptions = [
    "async", "atime", "bind", "defaults", "dev", "diratime", "exec", "idmap", "loud", "noatime", "nodev", "nodiratime", "noexec",
    "norelatime",
    "nostrictatime", "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime", "rexec", "ridmap", "rnoatime",
    "rnodev",
    "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw",
    "rslave", "rstrictatime", "rshared", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid",
    "symfollow",
    "tmpcopyup",
    "unbindable",
  ]
}
