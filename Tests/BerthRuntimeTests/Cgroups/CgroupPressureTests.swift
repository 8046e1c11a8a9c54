import Testing

@testable import BerthRuntime

@Suite("Cgroup pressure")
struct CgroupPressureTests {
  @Test(
    "the share of the last ten seconds and the times are read; what is no such text gives nothing",
    arguments: [
      ("some avg10=0.12 avg60=0.00 avg300=0.00 total=7\nfull avg10=9.99 avg60=0.00 avg300=0.00 total=3\n", [12, 7, 3]),
      ("some avg10=100.00 avg60=0.00 avg300=0.00 total=18446744073709551615\n", [10_000, .max, 0]), ("full avg10=1.00 total=1\n", nil),
      ("some avg10=1 total=1\n", nil), ("some avg10=-1.00 total=1\n", nil), ("some avg10=999999999999.00 total=1\n", nil),
      ("some avg10=1.00\n", nil), ("some avg10=1.00 total=-1\n", nil), ("", nil),
    ] as [(String, [UInt64]?)])
  func parsing(text: String, expected: [UInt64]?) {
    let found = CgroupPressure(parsing: text).map { [UInt64($0.someTen), $0.someMicroseconds, $0.fullMicroseconds] }
    #expect(found == expected)
  }
}
