import Testing
import Units

@testable import Service
@testable import Settings
@testable import Wire

@Suite("Tor's control port")
struct TorControlTests {
  private func reply(_ text: String) -> Int? {
    Array(text.utf8).withView { TorReply($0)?.code }
  }

  @Test("a reply of one line has three digits and a space")
  func replies() {
    #expect(reply("250 OK") == 250)
    #expect(reply("552 Unknown circuit \"9\"") == 552)
    #expect(reply("250 ") == 250)
    for text in ["", "250", "25 OK", "2500 OK", "250-OK", "250+OK", "25x OK", "+50 OK", " 250 OK"] {
      #expect(reply(text) == nil, "\(text)")
    }
  }

  @Test("the listener of this Tor is the named one, or the only one with circuits")
  func listener() throws {
    let one = [("tcp", false), ("unix", true)]
    let two = [("a", true), ("tcp", false), ("b", true)]
    func position(_ name: String?, _ listeners: [(String, Bool)]) throws(TorControlFault) -> Int {
      try TorControlSetting(.unix(path: "/c"), listener: name)
        .position(among: listeners.map { (name: $0.0, hasProxyLine: $0.1) })
    }
    #expect(try position(nil, one) == 1)
    #expect(try position("b", two) == 2)
    #expect(throws: TorControlFault.severalListeners) { try position(nil, two) }
    #expect(throws: TorControlFault.noListener("tcp")) { try position("tcp", two) }
    #expect(throws: TorControlFault.noListener(nil)) { try position(nil, [("tcp", false)]) }
  }
}
