import BerthCore
import BerthImages
import BerthLinux
import BerthNode
import Glibc

/// Berth's own folders and files: permissions, room, and who answers on the socket.
struct FolderChecks {
  var configuration: NodeConfiguration

  func all() -> [Finding] {
    [user(), root(), state(), manifests(), room(configuration.root), snapshots(), programs(), daemon()]
  }

  private func user() -> Finding {
    ProcessControl.effectiveUser == 0
      ? .ok("user", "root") : .failed("user", "not root: containers can't be made", fix: "run it as root: sudo berth doctor")
  }

  private func root() -> Finding { folder("root", configuration.root, others: 0o077) }
  private func state() -> Finding { folder("state", configuration.state, others: 0o066) }

  /// `others`: permission bits that nobody but root may have.
  private func folder(_ subject: String, _ path: String, others: UInt32) -> Finding {
    guard let status = try? Files.status(path) else { return .ok(subject, "\(path) will be made by berthd") }
    guard status.kind == .directory else { return .failed(subject, "\(path) is no folder", fix: "rm \(path)") }
    if status.uid != 0 { return .failed(subject, "\(path) belongs to user \(status.uid)", fix: "chown root: \(path)") }
    if status.permissions & others != 0 {
      return .failed(
        subject, "\(path) has mode \(octal(status.permissions)): local users could reach what containers own",
        fix: "chmod go-\(others == 0o077 ? "rwx" : "rw") \(path)")
    }
    return .ok(subject, "\(path), mode \(octal(status.permissions))")
  }

  private func octal(_ mode: UInt32) -> String { "0" + String(mode & 0o7777, radix: 8) }

  private func manifests() -> Finding {
    let (path, owner) = (configuration.manifests.path, configuration.manifests.owner)
    guard let status = try? Files.status(path) else {
      return .failed("manifests", "\(path) isn't there", fix: "mkdir -p -m 755 \(path), or name another with [manifests] path")
    }
    if status.uid != 0 && status.uid != owner {
      return .failed(
        "manifests", "\(path) belongs to user \(status.uid)", fix: "chown root: \(path), or set [manifests] owner = \(status.uid)")
    }
    if status.permissions & 0o022 != 0 {
      return .failed("manifests", "\(path) can be written by others: its files would be refused", fix: "chmod go-w \(path)")
    }
    return .ok("manifests", path)
  }

  private func room(_ path: String) -> Finding {
    var place = path
    while !Files.exists(place), place != "/" { place = Files.parent(of: place) }
    var status = statvfs()
    guard statvfs(place, &status) == 0 else { return .warning("disk", "\(place) can't be asked for its room", fix: "df \(place)") }
    let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
    let percent = status.f_blocks == 0 ? 0 : 100 - Int(status.f_bavail * 100 / status.f_blocks)
    let text = "\(free >> 20) MiB free, \(percent) % used, for \(path)"
    if free < 256 << 20 { return .failed("disk", text, fix: "berth image prune, or give \(place) more room") }
    if status.f_files > 0 && status.f_favail < 10_000 {
      return .warning("disk", "\(status.f_favail) inodes left for \(path)", fix: "berth image prune")
    }
    return percent >= 85 ? .warning("disk", text, fix: "berth image prune") : .ok("disk", text)
  }

  private func snapshots() -> Finding {
    let other = "put root on a file system such as ext4 or xfs"
    let snapshotter: Snapshotter
    do throws(BerthError) {
      snapshotter = try Snapshotter.forecast(configuration.snapshotter, root: configuration.root)
    } catch { return .failed("snapshots", error.cause, fix: "\(other), or change [snapshots] snapshotter") }
    guard let reason = snapshotter.reason else { return .ok("snapshots", snapshotter.description) }
    let fix = reason.contains("modprobe") ? "modprobe overlay (and add it to /etc/modules)" : other
    return .warning("snapshots", snapshotter.description, fix: fix)
  }

  private func programs() -> Finding {
    do throws(BerthError) {
      for name in ["berth-shim", "berth-worker"] { _ = try Programs.path(name) }
    } catch { return .failed("programs", error.cause, fix: "make install, or reinstall the package") }
    return .ok("programs", "berth-shim and berth-worker are where berthd looks for them")
  }

  private func daemon() -> Finding {
    (try? StreamSocket.connect(configuration.api.address)) != nil
      ? .ok("berthd", "answers on \(configuration.api.address)")
      : .warning("berthd", "nobody answers on \(configuration.api.address)", fix: "systemctl start berthd, or run berthd in a terminal")
  }
}
