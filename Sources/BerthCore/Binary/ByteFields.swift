extension ArraySlice<UInt8> {
  /// Takes what stands before the next `separator`, and the separator with it; nil once nothing is left. Lines and fields of kernel files
  /// are read so: `split` makes lists of slices, for which the Swift runtime works out types in each process anew.
  public mutating func popField(_ separator: UInt8) -> ArraySlice<UInt8>? {
    if isEmpty { return nil }
    let field = prefix { $0 != separator }
    self = self[field.endIndex...].dropFirst()
    return field
  }
}
