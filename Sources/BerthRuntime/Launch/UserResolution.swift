import BerthCore
import BerthLinux
import BerthOCI

/// Turns the user that image and manifest name into numbers, with the files of the assembled root: exactly what the container will see,
/// whichever layer a file or a whiteout of it is in.
public enum UserResolution {
  static func apply(_ request: LaunchRequest, root: borrowing FD, to spec: inout RuntimeSpec) throws(BerthError) {
    guard var process = spec.process else { return }
    try apply(user: request.user, root: root, to: &process)
    if request.runAsNonRoot, process.user.uid == 0 {
      throw BerthError(.permissionDenied, "launch", request.id, cause: "run_as_non_root is set and the user is root (uid 0)")
    }
    spec.process = process
  }

  /// nil: the ids that `process` has.
  static func apply(user: String?, root: borrowing FD, to process: inout RuntimeSpec.Process) throws(BerthError) {
    let passwd = try read("etc/passwd", root)
    if let user {
      let resolved = try PasswdLookup.resolve(user, passwd: passwd, group: try read("etc/group", root))
      let extra = process.user.additionalGids.filter { !resolved.additionalGids.contains($0) }
      process.user.uid = resolved.uid
      process.user.gid = resolved.gid
      process.user.additionalGids = resolved.additionalGids + extra
      setHome(resolved.home, &process)
    } else if let resolved = try? PasswdLookup.resolve(String(process.user.uid), passwd: passwd, group: nil) {
      setHome(resolved.home, &process)
    }
  }

  /// HOME for a process without one, as its user's line in the root's /etc/passwd has it: `/` where there is none to be read.
  public static func completeHome(_ process: inout RuntimeSpec.Process, root: borrowing FD) {
    guard !process.env.contains(where: { $0.hasPrefix("HOME=") }) else { return }
    let passwd = (try? read("etc/passwd", root)) ?? nil
    setHome((try? PasswdLookup.resolve(String(process.user.uid), passwd: passwd, group: nil))?.home ?? "/", &process)
  }

  private static func setHome(_ home: String, _ process: inout RuntimeSpec.Process) {
    if !process.env.contains(where: { $0.hasPrefix("HOME=") }) { process.env.append("HOME=\(home)") }
  }

  /// nil: there is no such file. Only a regular file is read: a FIFO would never end, a device may do anything.
  private static func read(_ path: String, _ root: borrowing FD) throws(BerthError) -> [UInt8]? {
    do throws(Errno) {
      guard try Rooted.openPath(root, path).status().kind == .regular else { throw Errno.invalid }
      let file = try Rooted.openReadOnly(root, path)
      guard try file.status().kind == .regular else { throw Errno.invalid }
      return try file.readAll(limit: PasswdLookup.limit)
    } catch {
      if error == .notFound || error == .notDirectory { return nil }
      throw BerthError(.invalidArgument, "resolve user", "/\(path)", cause: error == .invalid ? "is no regular file" : error.description)
    }
  }
}
