// swift-tools-version: 6.2
// Layers (docs/architecture.md): a target imports only from lines below its own; Tests/LayeringTests holds this file to it.
import PackageDescription

/// `BERTH_LAYERS=lower` leaves out the surfaces (SwiftNIO, ArgumentParser), so that the lower layers and their tests build in seconds.
let lowerOnly = ["lower", "fuzz"].contains(Context.environment["BERTH_LAYERS"] ?? "")
/// `BERTH_LAYERS=fuzz` puts the lower layers into one library, which fuzz/run links its targets with.
let isFuzzed = Context.environment["BERTH_LAYERS"] == "fuzz"

/// A section for each function: programs are linked without those that nobody calls, in an order of our own.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error), .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
]
let strictC: [CSetting] = [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])]

/// Static, and without the sections nobody calls: a shim's start and memory are counted in hundreds of microseconds and kilobytes.
let staticExecutable: [LinkerSetting] = [.unsafeFlags(["-static-executable"])]

/// CBerthReaper's entry point, before the C library's: the program is the init of containers that want one.
let initEntry: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-e", "-Xlinker", "berth_start_or_reap"])]

/// What a program needs lies together, or every page that it touches brings things along that it doesn't need: the functions that a call
/// comes to and the data that it changes (scripts/order-runtime), the data that a shim writes to (scripts/order-shim). Names that are no
/// more do no harm.
func ordered(by file: String) -> [LinkerSetting] {
  [
    .unsafeFlags([
      "-use-ld=lld", "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Sources/\(file)", "-Xlinker",
      "--no-warn-symbol-ordering",
    ])
  ]
}

/// CBerthSealed's entry point, before the C library's.
let sealed: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-e", "-Xlinker", "berth_start"])]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let systemLibraries: [Target] = [
  .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),
  .systemLibrary(name: "CInotifyTools", providers: [.apt(["libinotifytools0-dev"])]),
  .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
  .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CTLS", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CISAL", providers: [.apt(["libisal-dev"])]),
  .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
  .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
]

let cTargets: [Target] = [
  .target(name: "CBerthSys", cSettings: strictC),
  .target(name: "CBerthInit", cSettings: strictC),
  // For a program that puts processes into containers: linking it is enough.
  .target(name: "CBerthSealed", cSettings: strictC),
  // Apart from CBerthSys, which programs without tasks link.
  .target(name: "CBerthTasks", cSettings: strictC),
  // For a program that containers can have as their init.
  .target(name: "CBerthReaper", dependencies: ["CBerthSealed"], cSettings: strictC),
  // For static programs: what they leave out of the standard library's start.
  .target(name: "CBerthStart", cSettings: strictC),
  .target(name: "CBerthCurl", dependencies: ["CCurl"], cSettings: strictC, linkerSettings: [.linkedLibrary("ssl")]),
]

let vocabulary: [Target] = [
  library("BerthCore", []),
  library("BerthOCI", ["BerthCore"]),
  library("BerthManifest", ["BerthCore"]),
  library("BerthPlan", ["BerthCore", "BerthManifest"]),
]

let platform: [Target] = [
  library("BerthLinux", ["BerthCore", "CBerthSys"])
]

let mechanisms: [Target] = [
  library("BerthStore", ["BerthCore", "BerthLinux", "CSQLite", "CCrypto"]),
  library("BerthArchive", ["BerthCore", "BerthLinux", "CISAL", "CZstd"]),
  library("BerthRuntime", ["BerthCore", "BerthOCI", "BerthLinux", "CBerthInit"]),
  // Apart from BerthRuntime so that the shim doesn't link libseccomp: filters are compiled once, in the daemon.
  library("BerthSeccomp", ["BerthCore", "BerthOCI", "BerthLinux", "CSeccomp"]),
]

let services: [Target] = [
  library("BerthImages", ["BerthCore", "BerthOCI", "BerthManifest", "BerthLinux", "BerthStore", "BerthArchive"]),
  // Apart from BerthImages so that the daemon doesn't link libcurl: only berth-worker talks to registries.
  library("BerthRegistry", ["BerthCore", "BerthOCI", "BerthLinux", "BerthStore", "BerthImages", "CBerthCurl"]),
  library("BerthRuntimeCLI", ["BerthCore", "BerthOCI", "BerthLinux", "BerthRuntime", "BerthSeccomp"]),
  // Apart from BerthPods so that networks can be tested without pods.
  library("BerthNetwork", ["BerthCore", "BerthManifest", "BerthLinux"]),
  library(
    "BerthPods",
    [
      "BerthCore", "BerthOCI", "BerthManifest", "BerthPlan", "BerthLinux", "BerthRuntime", "BerthSeccomp", "BerthStore", "BerthImages",
      "BerthNetwork",
    ]),
]

let engine: [Target] = [
  library(
    "BerthNode",
    [
      "BerthCore", "BerthOCI", "BerthManifest", "BerthPlan", "BerthLinux", "BerthStore", "BerthImages", "BerthPods", "BerthRuntime",
      "BerthSeccomp", "CBerthTasks", "CInotifyTools", "CTLS",
    ])
]

let surfaces: [Target] = [
  .target(
    name: "BerthServer",
    dependencies: [
      "BerthCore", "BerthManifest", "BerthPlan", "BerthNode", "BerthImages", "BerthPods", "BerthNetwork", "BerthLinux",
      .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
    ], swiftSettings: strict),
  library("BerthClient", ["BerthCore", "BerthManifest", "BerthLinux", "BerthArchive", "BerthRuntime"]),
]

let executables: [Target] = [
  .executableTarget(
    name: "berthd",
    dependencies: [
      "BerthCore", "BerthLinux", "BerthManifest", "BerthNode", "BerthServer", "BerthImages", "BerthPods", "BerthRuntime", "BerthNetwork",
      .product(name: "ArgumentParser", package: "swift-argument-parser"), .product(name: "Logging", package: "swift-log"),
    ],
    swiftSettings: strict),
  .executableTarget(
    name: "berth",
    dependencies: [
      "BerthCore", "BerthLinux", "BerthManifest", "BerthArchive", "BerthRuntime", "BerthClient",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: strict),
]

let lowerExecutables: [Target] = [
  .executableTarget(
    name: "berth-shim", dependencies: ["BerthCore", "BerthLinux", "BerthRuntime", "CBerthReaper", "CBerthStart"], exclude: ["data.order"],
    swiftSettings: strict, linkerSettings: staticExecutable + ordered(by: "berth-shim/data.order") + initEntry),
  // runc's command line over the shim's code.
  .executableTarget(
    name: "berth-runtime", dependencies: ["BerthLinux", "BerthRuntimeCLI", "CBerthSealed", "CBerthStart"], exclude: ["symbols.order"],
    swiftSettings: strict, linkerSettings: staticExecutable + ordered(by: "berth-runtime/symbols.order") + sealed),
  .executableTarget(
    name: "berth-worker",
    dependencies: ["BerthCore", "BerthOCI", "BerthLinux", "BerthStore", "BerthArchive", "BerthImages", "BerthRegistry"],
    swiftSettings: strict),
]

/// Tests of the whole: what they share, the layering, and the built programs from outside.
let wholeTests: [Target] = [
  .target(name: "BerthTestSupport", dependencies: ["BerthCore", "BerthLinux"], path: "Tests/BerthTestSupport", swiftSettings: strict),
  tests("BerthTestSupportTests", ["BerthCore", "BerthLinux", "BerthTestSupport"]),
  tests("LayeringTests", ["BerthCore", "BerthLinux", "BerthTestSupport"]),
  tests("IntegrationTests", ["BerthCore", "BerthLinux", "BerthTestSupport"]),
]

let testTargets: [Target] = [
  tests("BerthCoreTests", ["BerthCore", "BerthTestSupport"]),
  tests("BerthManifestTests", ["BerthManifest", "BerthCore", "BerthLinux", "BerthTestSupport"]),
  tests("BerthRuntimeTests", ["BerthCore", "BerthOCI", "BerthLinux", "BerthRuntime", "CBerthInit", "BerthSeccomp", "BerthTestSupport"]),
  // Doesn't depend on berth-runtime, which it runs: the linker settings of a program become those of the test bundle.
  tests(
    "BerthRuntimeCLITests", ["BerthCore", "BerthOCI", "BerthLinux", "BerthRuntime", "BerthRuntimeCLI", "BerthTestSupport"]),
  tests("BerthSeccompTests", ["BerthCore", "BerthOCI", "BerthSeccomp"]),
  .testTarget(
    name: "RuntimeSpecTests", dependencies: ["BerthCore", "BerthLinux", "BerthOCI", "BerthRuntime", "BerthTestSupport"],
    swiftSettings: strict),
  tests("BerthNetworkTests", ["BerthCore", "BerthManifest", "BerthLinux", "BerthNetwork", "BerthTestSupport"]),
  tests("BerthPodsTests", ["BerthCore", "BerthOCI", "BerthLinux", "BerthRuntime", "BerthPods", "BerthTestSupport"]),
  tests(
    "BerthNodeTests",
    [
      "BerthNode", "BerthPods", "BerthImages", "BerthArchive", "BerthStore", "BerthPlan", "BerthManifest", "BerthOCI", "BerthLinux",
      "BerthCore", "BerthTestSupport", "ImageFixtures", "berth-worker",
    ]),
  tests("BerthPlanTests", ["BerthPlan", "BerthManifest", "BerthCore", "BerthTestSupport"]),
  // A parent with one thread, as the shim is: tests of the runtime start it.
  .executableTarget(
    name: "runtime-probe", dependencies: ["BerthCore", "BerthLinux", "BerthRuntime", "CBerthReaper"], swiftSettings: strict,
    linkerSettings: staticExecutable + initEntry),
  .target(
    name: "ImageFixtures",
    dependencies: ["BerthCore", "BerthOCI", "BerthLinux", "BerthStore", "BerthArchive", "BerthImages", "BerthTestSupport"],
    path: "Tests/ImageFixtures", swiftSettings: strict),
  tests("BerthOCITests", ["BerthCore", "BerthOCI"]),
  tests("BerthLinuxTests", ["BerthCore", "BerthLinux", "ImageFixtures"]),
  tests("BerthArchiveTests", ["BerthCore", "BerthLinux", "BerthArchive", "ImageFixtures"]),
  .testTarget(
    name: "BerthStoreTests", dependencies: ["BerthCore", "BerthLinux", "BerthStore", "ImageFixtures", "CSQLite"], exclude: ["Fixtures"],
    swiftSettings: strict),
  tests(
    "BerthImagesTests",
    ["BerthCore", "BerthOCI", "BerthLinux", "BerthStore", "BerthArchive", "BerthImages", "ImageFixtures", "berth-worker"]),
  tests(
    "BerthRegistryTests",
    [
      "BerthCore", "BerthOCI", "BerthLinux", "BerthStore", "BerthImages", "BerthRegistry", "BerthTestSupport", "ImageFixtures",
      "berth-worker",
    ]),
]

let surfaceTests: [Target] = [
  tests("BerthServerTests", ["BerthCore", "BerthLinux", "BerthManifest", "BerthNode", "BerthServer"]),
  tests("BerthClientTests", ["BerthCore", "BerthLinux", "BerthManifest", "BerthClient", "BerthTestSupport"]),
  tests("BerthCommandTests", ["berth"]),
]

let package = Package(
  name: "berth",
  products: isFuzzed
    ? [.library(name: "BerthFuzzed", type: .static, targets: (vocabulary + platform + mechanisms + services).map(\.name))] : [],
  dependencies: lowerOnly
    ? []
    : [
      .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
      .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
      .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
  targets: systemLibraries + cTargets + vocabulary + platform + mechanisms + services + engine + lowerExecutables + wholeTests + testTargets
    + (lowerOnly ? [] : surfaces + executables + surfaceTests),
  cLanguageStandard: .gnu11
)
