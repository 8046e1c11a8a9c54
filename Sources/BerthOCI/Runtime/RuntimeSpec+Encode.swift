import BerthCore

extension RuntimeSpec {
  /// The document. What `notModelled` names isn't in it.
  public func json() -> JSON {
    var out = SpecWriter()
    out.put("ociVersion", ociVersion)
    if let process { out.putAlways("process", process.writer()) }
    if let root {
      out.put(
        "root",
        .build {
          $0.put("path", root.path)
          $0.put("readonly", root.readonly)
        })
    }
    out.put("hostname", hostname)
    out.put("domainname", domainname)
    out.put("mounts", mounts.map { $0.writer() })
    out.put("hooks", hooks.writer())
    out.put("annotations", annotations)
    if let linux { out.putAlways("linux", linux.writer()) }
    return .object(out.object)
  }
}

extension RuntimeSpec.Process {
  fileprivate func writer() -> SpecWriter {
    .build {
      if terminal { $0.put("terminal", terminal) }
      if let consoleSize {
        $0.put(
          "consoleSize",
          .build {
            $0.put("height", consoleSize.height)
            $0.put("width", consoleSize.width)
          })
      }
      $0.put(
        "user",
        .build {
          $0.put("uid", user.uid)
          $0.put("gid", user.gid)
          $0.put("umask", user.umask)
          $0.put("additionalGids", user.additionalGids)
        })
      $0.put("args", args)
      $0.put("env", env)
      $0.put("cwd", cwd)
      if let capabilities { $0.putAlways("capabilities", capabilities.writer()) }
      $0.put("rlimits", rlimits.map { $0.writer() })
      $0.put("noNewPrivileges", noNewPrivileges)
      $0.put("oomScoreAdj", oomScoreAdj)
      $0.put("apparmorProfile", apparmorProfile)
      $0.put("selinuxLabel", selinuxLabel)
      putScheduling(&$0)
    }
  }
}

extension RuntimeSpec.Capabilities {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("bounding", bounding)
      $0.put("effective", effective)
      $0.put("inheritable", inheritable)
      $0.put("permitted", permitted)
      $0.put("ambient", ambient)
    }
  }
}

extension RuntimeSpec.Rlimit {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("type", type)
      $0.put("soft", soft)
      $0.put("hard", hard)
    }
  }
}

extension RuntimeSpec.Mount {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("destination", destination)
      $0.put("type", type)
      $0.put("source", source)
      $0.put("options", options)
      $0.put("uidMappings", uidMappings.map { $0.writer() })
      $0.put("gidMappings", gidMappings.map { $0.writer() })
    }
  }
}

extension RuntimeSpec.IDMapping {
  func writer() -> SpecWriter {
    .build {
      $0.put("containerID", containerID)
      $0.put("hostID", hostID)
      $0.put("size", size)
    }
  }
}

extension RuntimeSpec.Hooks {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("prestart", prestart.map { $0.writer() })
      $0.put("createRuntime", createRuntime.map { $0.writer() })
      $0.put("createContainer", createContainer.map { $0.writer() })
      $0.put("startContainer", startContainer.map { $0.writer() })
      $0.put("poststart", poststart.map { $0.writer() })
      $0.put("poststop", poststop.map { $0.writer() })
    }
  }
}

extension RuntimeSpec.Hook {
  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("path", path)
      $0.put("args", args)
      $0.put("env", env)
      $0.put("timeout", timeoutSeconds)
    }
  }
}
