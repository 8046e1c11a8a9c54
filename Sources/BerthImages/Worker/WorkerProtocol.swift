import BerthCore

/// What the daemon and berth-worker say to each other: one JSON object a line over one socket, the worker's standard input and output.
///
/// ```
/// daemon → worker   job        once, first: a pull, or `list` for what an archive holds
/// worker → daemon   listing    the answer to `list`, last
/// worker → daemon   attempt    a place that the image isn't to be had from; any number
/// worker → daemon   resolved   the manifest is known, with the signatures beside it where the job wants them
/// worker → daemon   claim      which layers it would unpack
/// daemon → worker   claimed    for each: its directory, and whether it is ready or to be unpacked
/// worker → daemon   progress   any number
/// worker → daemon   finished   an errand (`WorkerErrand`) is done, last
/// worker → daemon   done | error   once, last
/// ```
public enum WorkerProtocol {
  /// Both sides come from one build as a rule; after an upgrade under a running daemon they may not.
  public static let version: Int64 = 6
  /// Of one line, in bytes: a claim of 500 layers fits.
  public static let lineBytes = 1 << 20

  static func malformed(_ cause: String) -> BerthError { BerthError(.bug, "talk to berth-worker", cause: cause) }
}
