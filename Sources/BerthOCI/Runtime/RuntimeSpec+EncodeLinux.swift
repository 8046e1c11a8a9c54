import BerthCore

extension RuntimeSpec.Linux {
  func writer() -> SpecWriter {
    .build {
      $0.put("namespaces", namespaces.map { $0.writer() })
      $0.put("uidMappings", uidMappings.map { $0.writer() })
      $0.put("gidMappings", gidMappings.map { $0.writer() })
      $0.put("devices", devices.map { $0.writer() })
      $0.put("cgroupsPath", cgroupsPath)
      $0.put("resources", resources?.writer())
      $0.put("sysctl", sysctl)
      $0.put("seccomp", seccomp?.writer())
      $0.put("maskedPaths", maskedPaths)
      $0.put("readonlyPaths", readonlyPaths)
      $0.put("rootfsPropagation", rootfsPropagation)
      $0.put("mountLabel", mountLabel)
      if !netDevices.isEmpty {
        $0.putAlways(
          "netDevices",
          .build { devices in
            for name in netDevices.keys.sorted() { devices.putAlways(name, .build { $0.put("name", netDevices[name]) }) }
          })
      }
      putScheduling(&$0)
      $0.put(
        "timeOffsets",
        .build {
          for clock in timeOffsets.keys.sorted() { $0.put(clock, timeOffsets[clock]?.writer()) }
        })
    }
  }
}

extension RuntimeSpec.Namespace {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("type", type.rawValue)
      $0.put("path", path)
    }
  }
}

extension RuntimeSpec.TimeOffset {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("secs", seconds)
      $0.put("nanosecs", nanoseconds)
    }
  }
}

extension RuntimeSpec.Device {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("path", path)
      $0.put("type", type.rawValue)
      if type != .fifo {
        $0.put("major", major)
        $0.put("minor", minor)
      }
      $0.put("fileMode", fileMode)
      $0.put("uid", uid)
      $0.put("gid", gid)
    }
  }
}

extension RuntimeSpec.Resources {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("devices", devices.map { $0.writer() })
      $0.put("memory", memory.writer())
      $0.put("cpu", cpu.writer())
      if let pids { $0.put("pids", .build { $0.put("limit", pids) }) }
      putDevices(&$0)
      $0.put(
        "hugepageLimits",
        hugepageLimits.map { entry in
          .build {
            $0.put("pageSize", entry.pageSize)
            $0.put("limit", entry.limit)
          }
        })
      $0.put("unified", unified)
    }
  }
}

extension RuntimeSpec.DeviceRule {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("allow", allow)
      $0.put("type", type.rawValue)
      $0.put("major", major)
      $0.put("minor", minor)
      $0.put("access", access)
    }
  }
}

extension RuntimeSpec.Memory {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("limit", limit)
      $0.put("reservation", reservation)
      $0.put("swap", swap)
      $0.put("swappiness", swappiness)
      $0.put("kernel", kernel)
      $0.put("kernelTCP", kernelTCP)
      $0.put("useHierarchy", useHierarchy)
      $0.put("disableOOMKiller", disableOOMKiller)
      $0.put("checkBeforeUpdate", checkBeforeUpdate)
    }
  }
}

extension RuntimeSpec.CPU {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("shares", shares)
      $0.put("quota", quota)
      $0.put("period", period)
      $0.put("burst", burst)
      $0.put("realtimeRuntime", realtimeRuntime)
      $0.put("realtimePeriod", realtimePeriod)
      $0.put("cpus", cpus)
      $0.put("mems", mems)
      $0.put("idle", idle)
    }
  }
}

extension LinuxSeccomp {
  /// The `linux.seccomp` object.
  public func json() -> JSON { .object(writer().object) }

  func writer() -> SpecWriter {
    .build {
      $0.put("defaultAction", defaultAction)
      $0.put("defaultErrnoRet", defaultErrno)
      $0.put("architectures", architectures)
      $0.put("flags", flags)
      $0.put("listenerPath", listenerPath)
      $0.put("listenerMetadata", listenerMetadata)
      $0.put("syscalls", syscalls.map { $0.writer() })
    }
  }
}

extension LinuxSeccomp.Rule {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("names", names)
      $0.put("action", action)
      $0.put("errnoRet", errno)
      $0.put("args", args.map { $0.writer() })
    }
  }
}

extension LinuxSeccomp.Argument {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("index", index)
      $0.put("value", value)
      if valueTwo != 0 { $0.put("valueTwo", valueTwo) }
      $0.put("op", op)
    }
  }
}
