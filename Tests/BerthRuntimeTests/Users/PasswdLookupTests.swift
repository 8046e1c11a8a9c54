import BerthCore
import BerthRuntime
import Testing

struct PasswdLookupTests {
  private static let passwd = Array(
    "# comment\nroot:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n1000000:x:0:0::/evil:/bin/sh\nshort:x\nnohome:x:5:6::rel:\n"
      .utf8)
  private static let group = Array("root:x:0:\napp:x:1001:\nextra:x:77:app,other\nmore:x:78:app\n".utf8)

  private func resolve(_ user: String) throws -> ResolvedUser { try PasswdLookup.resolve(user, passwd: Self.passwd, group: Self.group) }

  @Test(
    "names, numbers and groups",
    arguments: [
      ("", ResolvedUser(uid: 0, gid: 0, additionalGids: [0], home: "/root")),
      ("app", ResolvedUser(uid: 1000, gid: 1001, additionalGids: [1001, 77, 78], home: "/home/app")),
      ("1000", ResolvedUser(uid: 1000, gid: 1001, additionalGids: [1001, 77, 78], home: "/home/app")),
      ("app:extra", ResolvedUser(uid: 1000, gid: 77, additionalGids: [77], home: "/home/app")),
      ("1000:5", ResolvedUser(uid: 1000, gid: 5, additionalGids: [5], home: "/home/app")),
      ("4242", ResolvedUser(uid: 4242, gid: 0, additionalGids: [0], home: "/")),
      // A user of that name is root: numbers are numbers.
      ("1000000", ResolvedUser(uid: 1_000_000, gid: 0, additionalGids: [0], home: "/")),
      ("nohome", ResolvedUser(uid: 5, gid: 6, additionalGids: [6], home: "/")),
      ("app:", ResolvedUser(uid: 1000, gid: 1001, additionalGids: [1001, 77, 78], home: "/home/app")),
    ])
  func resolves(_ user: String, _ expected: ResolvedUser) throws { #expect(try resolve(user) == expected) }

  @Test(
    "numbers outside 32 bits, signs and unknown names are errors",
    arguments: [
      "4294967295", "4294967296", "2147483648000", "-1", "+0", "0:4294967296", "0:-1", "nobody", "app:nogroup", "short",
    ])
  func refuses(_ user: String) { #expect(throws: BerthError.self) { try resolve(user) } }

  @Test("numbers work without any file, names don't")
  func withoutFiles() throws {
    #expect(try PasswdLookup.resolve("5:6", passwd: nil, group: nil) == ResolvedUser(uid: 5, gid: 6, additionalGids: [6], home: "/"))
    #expect { try PasswdLookup.resolve("app", passwd: nil, group: nil) } throws: { ($0 as? BerthError)?.code == .notFound }
  }

  @Test("a huge file is refused, hostile bytes are passed over")
  func hostile() throws {
    let huge = [UInt8](repeating: 58, count: PasswdLookup.limit + 1)
    #expect(throws: BerthError.self) { try PasswdLookup.resolve("app", passwd: huge, group: nil) }
    let bytes: [UInt8] = [0xff, 0xfe, 58, 10, 0, 58, 58, 10] + Self.passwd
    #expect(try PasswdLookup.resolve("app", passwd: bytes, group: nil).uid == 1000)
  }
}
