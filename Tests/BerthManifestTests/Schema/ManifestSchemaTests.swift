import Testing

@testable import BerthManifest

@Suite("The keys of the language")
struct ManifestSchemaTests {
  static let podKeys = [
    "name", "namespace", "labels", "annotations", "restart_policy", "restart_backoff", "termination_grace_period", "active_deadline",
    "network", "hostname", "dns", "hosts", "host_pid", "host_ipc", "share_process_namespace", "user_namespace", "resources", "shm_size",
    "fs_group", "supplemental_groups", "node_selector", "sysctls", "depends_on", "schedule", "time_zone", "concurrency_policy",
    "starting_deadline", "ttl_after_finished", "suspend", "on_drift", "update", "init_container", "container", "volume",
  ]
  static let containerKeys = [
    "name", "image", "image_pull_policy", "command", "args", "working_dir", "user", "tty", "stdin", "stop_signal", "env", "init",
    "env_file",
    "ports", "mounts", "devices", "resources", "liveness_probe", "readiness_probe", "startup_probe", "post_start", "pre_stop", "security",
    "rlimits", "log",
  ]
  static let volumeKeys = ["name", "host_path", "empty_dir", "persistent", "config", "secret", "image", "owner", "mode"]

  @Test("every key of manifest version 1 is known, and no other")
  func complete() {
    #expect(Set(ManifestSchema.pod.keys.map(\.name)) == Set(Self.podKeys))
    #expect(Set(ManifestSchema.container(isInit: false).keys.map(\.name)) == Set(Self.containerKeys))
    #expect(Set(ManifestSchema.container(isInit: true).keys.map(\.name)) == Set(Self.containerKeys + ["restart_policy"]))
    #expect(Set(ManifestSchema.volume.keys.map(\.name)) == Set(Self.volumeKeys))
  }

  @Test("a sidecar is an init container, and a restart policy of a container is the pod's")
  func restartPolicy() {
    let sidecar =
      "network = \"none\"\n[[init_container]]\nname = \"a\"\nimage = \"a\"\nrestart_policy = \"always\"\n[[container]]\nimage = \"a\""
    #expect(problems(sidecar) == [])
    #expect(containerProblems("restart_policy = \"never\"") == ["4:1: 'restart_policy' is a key of the pod, not of [[container]]"])
  }

  @Test("every key has a line for the reference, and no table has a key twice")
  func documented() {
    func check(_ table: KeyTable) {
      #expect(Set(table.keys.map(\.name)).count == table.keys.count, "\(table.title)")
      for key in table.keys {
        #expect(!key.doc.isEmpty && !key.type.summary.isEmpty, "\(key.name)")
        if let inner = key.type.innerTable { check(inner) }
      }
    }
    check(ManifestSchema.pod)
  }
}
