import CBerthSys
import Glibc

/// BPF programs that decide about a cgroup's access to devices. Source: bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE.
public enum DeviceProgram {
  /// Throws EINVAL or EACCES for a program that the kernel's verifier refuses.
  public static func load(_ instructions: [UInt64]) throws(Errno) -> FD {
    FD(owning: try call { instructions.withUnsafeBytes { berth_bpf_load_device_filter($0.baseAddress, UInt32(instructions.count)) } })
  }

  /// In force as long as the cgroup is there; the program's descriptor may be closed.
  public static func attach(_ program: borrowing FD, to cgroup: borrowing FD) throws(Errno) {
    let (program, cgroup) = (program.raw, cgroup.raw)
    try call { berth_bpf_attach_device_filter(cgroup, program) }
  }
}
