import BerthCore
import BerthLinux
import Glibc

/// The programs under test: where `BERTH_BIN_DIR` says, else beside the test bundle.
public enum Binaries {
  public static let directory: String = {
    if let given = getenv("BERTH_BIN_DIR") { return String(cString: given) }
    return (try? Files.parent(of: Files.readLink("/proc/self/exe"))) ?? "."
  }()

  public static var berth: String { "\(directory)/berth" }
  public static var berthd: String { "\(directory)/berthd" }
  public static var shim: String { "\(directory)/berth-shim" }
  public static var worker: String { "\(directory)/berth-worker" }

  /// Whether all four are built (`BERTH_LAYERS=lower` leaves two out).
  public static var areBuilt: Bool {
    let programs = [berth, berthd, shim, worker]
    return programs.allSatisfy { (program: String) in access(program, X_OK) == 0 }
  }
  public static var isRoot: Bool { geteuid() == 0 }
}
