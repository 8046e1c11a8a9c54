/// This build's version.
public enum BerthVersion {
  public static let text = "0.1.0"
}
