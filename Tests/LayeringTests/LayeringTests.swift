import BerthCore
import BerthLinux
import Testing

@Suite("the layers")
struct LayeringTests {
  /// The folder of Package.swift, from this file's own place.
  static let package = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))

  private func files(below folder: String) throws -> [SourceFile] {
    try Files.list("\(Self.package)/\(folder)").flatMap { name -> [SourceFile] in
      let path = "\(folder)/\(name)"
      if try Files.linkStatus("\(Self.package)/\(path)").kind == .directory { return try files(below: path) }
      guard [".swift", ".c", ".h"].contains(where: { name.hasSuffix($0) }) else { return [] }
      return [SourceFile(path: path, text: try Files.readText("\(Self.package)/\(path)"))]
    }
  }

  @Test("every file of the package keeps to its layer, its length and its name")
  func package() throws {
    let files = try files(below: "Sources") + files(below: "Tests")
    #expect(files.count > 30)
    let violations = files.flatMap(SourceRules.violations)
    #expect(violations.isEmpty, "\(violations.map(\.description).joined(separator: "\n"))")
  }

  @Test("every target with Swift sources has a place in the layers")
  func everyTargetIsKnown() throws {
    for target in try Files.list("\(Self.package)/Sources") where !target.hasPrefix("C") {
      #expect(Layers.ranks[target] != nil, "\(target)")
    }
  }

  @Test(
    "a violation that is sown is found",
    arguments: [
      ("BerthCore", "import BerthLinux", "not below it"),
      ("BerthManifest", "import BerthOCI", "not below it"),
      ("BerthRuntime", "@testable import BerthPods", "not below it"),
      ("BerthNode", "  public import struct BerthServer.Router", "not below it"),
      ("BerthImages", "import Glibc", "which is for"),
      ("BerthPods", "import CSeccomp", "which is for"),
      ("BerthNode", "import NIOCore", "which is for"),
      ("BerthClient", "import ArgumentParser", "which is for"),
      ("berth-shim", "import Foundation", "which nobody may"),
      ("berthd", "import FoundationEssentials", "which nobody may"),
      ("BerthLinux", "import Dispatch", "which nobody may"),
      ("BerthNovel", "import BerthCore", "no place in the layers"),
      ("BerthCore", "let x = try! f()", "'try!'"),
      ("BerthCore", "let x = y as! Int", "'as!'"),
      ("BerthNode", "try await Task.sleep(for: pause)", "'Task.sleep'"),
      ("BerthCore", "f(try! g(\"a\"), \"b\")", "'try!'"),
    ])
  func sown(target: String, line: String, reason: String) {
    let file = SourceFile(path: "Sources/\(target)/Some.swift", text: "// A file.\n\(line)\n")
    let found = SourceRules.violations(in: file)
    #expect(found.count == 1)
    #expect(found.first?.line == 2)
    #expect(found.first?.reason.contains(reason) == true)
  }

  @Test("a file that is too long or named for nothing is found")
  func shape() {
    let long = SourceFile(path: "Sources/CBerthSys/sys.c", text: String(repeating: "\n", count: SourceRules.maximumLines + 1))
    #expect(SourceRules.violations(in: long).count == 1)
    let fits = SourceFile(path: "Sources/CBerthSys/sys.c", text: String(repeating: "\n", count: SourceRules.maximumLines))
    #expect(SourceRules.violations(in: fits).isEmpty)
    #expect(SourceRules.violations(in: SourceFile(path: "Sources/BerthCore/StringUtils.swift", text: "")).count == 1)
  }

  @Test(
    "what is allowed is not found",
    arguments: [
      ("BerthPods", "import BerthCore"), ("BerthLinux", "import Glibc"), ("berth-shim", "import Glibc"), ("BerthServer", "import NIOHTTP1"),
      ("BerthCore", "// try! this at home"), ("BerthCore", "let text = \"never try! or as! here\""), ("BerthCore", "let importance = 1"),
    ])
  func allowed(target: String, line: String) {
    #expect(SourceRules.violations(in: SourceFile(path: "Sources/\(target)/Some.swift", text: line)).isEmpty)
  }
}
