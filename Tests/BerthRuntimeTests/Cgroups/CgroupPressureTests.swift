import Testing

@testable import BerthRuntime

@Suite("Cgroup pressure")
struct CgroupPressureTests {
  @Test(
    "the share of the last ten seconds is read from the line of some; what is no such text gives nothing",
    arguments: [
      ("some avg10=0.12 avg60=0.00 avg300=0.00 total=1\nfull avg10=9.99 avg60=0.00 avg300=0.00 total=0\n", UInt32(12)),
      ("some avg10=100.00 avg60=0.00 avg300=0.00 total=1\n", 10_000), ("full avg10=1.00\n", nil), ("some avg10=1\n", nil),
      ("some avg10=-1.00\n", nil), ("some avg10=999999999999.00\n", nil), ("", nil),
    ])
  func parsing(text: String, expected: UInt32?) { #expect(CgroupPressure(parsing: text)?.someTen == expected) }
}
