import Testing

@testable import Service
@testable import Wire

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Lines of the admin socket")
struct AdminCommandTests {
  @Test("the known lines")
  func known() {
    #expect(AdminCommand("peers") == .peers)
    #expect(AdminCommand("close circuit 22") == .closeCircuit(listener: nil, number: 22))
    #expect(
      AdminCommand("close circuit tor-2:4294967295")
        == .closeCircuit(listener: "tor-2", number: .max))
    #expect(
      AdminCommand("close nick J5reLayreLayreLa")
        == Nick("J5reLayreLayreLa").map { .closeNick($0) })
  }

  @Test(
    "any other line is refused",
    arguments: [
      "", " peers", "peers ", "Peers", "close", "close circuit", "close circuit ",
      "close circuit tor:", "close circuit -1", "close circuit 0x1", "close circuit 4294967296",
      "close circuit a:b:1", "close nick J5", "close nick J5reLayreLayreLa ", "open nick 1",
    ])
  func unknown(line: String) { #expect(AdminCommand(line) == nil) }

  @Test("only the relay's own user and root are accepted")
  func users() {
    #expect(AdminSocket.isAllowed(0))
    #expect(AdminSocket.isAllowed(geteuid()))
    #expect(!AdminSocket.isAllowed(geteuid() + 1))
    #expect(!AdminSocket.isAllowed(.max))
    #expect(!AdminSocket.isAllowed(nil))
  }
}
