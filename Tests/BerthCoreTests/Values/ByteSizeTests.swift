import BerthCore
import Testing

@Suite("Sizes")
struct ByteSizeTests {
  @Test(
    "binary and decimal units mean what they say",
    arguments: [
      ("0B", 0), ("1B", 1), ("1KiB", 1024), ("64MiB", 67_108_864), ("1GiB", 1 << 30), ("2TiB", 2 << 40), ("1KB", 1000), ("1kB", 1000),
      ("500MB", 500_000_000), ("1GB", 1_000_000_000), ("1TB", 1_000_000_000_000), ("1.5GiB", 3 << 29), ("0.5MB", 500_000), ("1.000B", 1),
      ("8388607TiB", 8_388_607 << 40), ("007KiB", 7168),
    ])
  func parse(text: String, bytes: Int64) {
    #expect(ByteSize(text)?.bytes == bytes)
  }

  @Test(
    "anything else is no size",
    arguments: [
      "", "1", "B", "MiB", "-1MiB", "+1MiB", "1 MiB", " 1MiB", "1MiB ", "1mib", "1M", "1Mi", "1PiB", "1.MiB", ".5MiB", "1.2.3MiB", "0.5B",
      "0.3KiB",
      "1e3KB", "0x1KB", "１KB", "8388608TiB", "99999999999999999999B", "1.0000001GiB", "NaNMB", "1_000KB", "1KiB1KiB",
    ])
  func refuse(text: String) {
    #expect(ByteSize(text) == nil)
  }

  @Test(
    "a size prints in its largest exact unit and comes back", arguments: [0, 1, 1000, 1024, 1536, 64 << 20, (64 << 20) + 1, 3 << 40, .max])
  func print(bytes: Int64) {
    #expect(ByteSize(ByteSize(bytes: bytes).description)?.bytes == bytes)
  }

  @Test("sizes print in binary units and compare by bytes")
  func forms() {
    #expect(ByteSize(bytes: 64 << 20).description == "64MiB")
    #expect(ByteSize(bytes: 1000).description == "1000B")
    #expect(ByteSize(bytes: 0).description == "0B")
    #expect(ByteSize(bytes: 1) < ByteSize(bytes: 2))
  }
}

@Suite("Durations")
struct DurationTextTests {
  @Test(
    "a duration is numbers with units",
    arguments: [
      ("0s", .zero), ("500ms", .milliseconds(500)), ("30s", .seconds(30)), ("1m30s", .seconds(90)), ("2h", .seconds(7200)),
      ("1d", .seconds(86_400)),
      ("1.5h", .seconds(5400)), ("10us", .microseconds(10)), ("7ns", .nanoseconds(7)),
      ("1d2h3m4s5ms6us7ns", .nanoseconds(93_784_005_006_007)),
      ("0.001s", .milliseconds(1)), ("9223372036854775807ns", Duration.nanoseconds(Int64.max)),
    ] as [(String, Duration)])
  func parse(text: String, duration: Duration) {
    #expect(DurationText.parse(text) == duration)
  }

  @Test(
    "anything else is no duration",
    arguments: [
      "", "1", "s", "1 s", "-1s", "+1s", "1S", "1sec", "1s ", "1m 30s", "1..5s", "1.s", ".5s", "0.5ns", "1y", "300000h1d30000000h",
      "9223372036854775808ns",
      "9223372036s1s", "１s", "1s\n", "1e3s", "infs",
    ])
  func refuse(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(
    "a duration prints in its shortest exact form and comes back",
    arguments: [
      (.zero, "0s"), (.seconds(90), "1m30s"), (.milliseconds(500), "500ms"), (.seconds(3600), "1h"), (.seconds(86_400), "24h"),
      (.nanoseconds(1), "1ns"),
      (.milliseconds(1500), "1s500ms"), (.seconds(300), "5m"),
    ] as [(Duration, String)])
  func format(duration: Duration, text: String) {
    #expect(DurationText.format(duration) == text)
    #expect(DurationText.parse(text) == duration)
  }

  @Test("nanoseconds and milliseconds of a duration saturate instead of wrapping")
  func nanoseconds() {
    #expect(Duration.seconds(1).nanoseconds == 1_000_000_000)
    #expect(Duration.milliseconds(-1500).nanoseconds == -1_500_000_000)
    #expect(Duration.milliseconds(-1500).milliseconds == -1500)
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    #expect((Duration.seconds(9_223_372_036) + .milliseconds(999)).nanoseconds == .max)
    #expect((Duration.seconds(-9_223_372_036) - .milliseconds(999)).nanoseconds == .min)
    #expect(DurationText.format(.seconds(-5)) == "0s")
  }
}
