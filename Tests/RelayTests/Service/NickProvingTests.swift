/// The relay reads its own onion name from the file that Tor writes.
import Foundation
import Testing

@testable import EventLoop
@testable import Server
@testable import Service
@testable import Settings
@testable import Units
@testable import Wire

@Suite("The relay's own onion name", .serialized)
struct NickProvingTests: ~Copyable {
  private let loop: EventLoop
  private let place = TemporaryPath()

  private static let names = [
    "nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd.onion",
    "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
  ]

  init() throws { loop = try EventLoop() }

  private func node(location: String? = nil) throws -> DirectoryNode {
    var settings = Settings()
    settings.onionHostnameFile = place.path
    settings.directoryLocation = location
    settings.nickAuthDirectoryID = .automatic
    return DirectoryNode(
      loop: loop, settings: settings, nick: try #require(Nick(DirectoryHarness.relayNick)))
  }

  private func write(_ name: String) throws {
    try Data((name + "\n").utf8).write(to: URL(filePath: place.path), options: .atomic)
  }

  @Test("It is read once the file exists, and again when the file has changed")
  func learned() throws {
    let node = try node()
    let proving = NickProving(for: node, rereading: .milliseconds(20))
    #expect(node.directory.policy == nil && node.directory.identity.location == nil)
    for name in Self.names {
      try write(name)
      #expect(loop.turns { node.directory.policy?.directoryID.description == name + ":5222" })
      #expect(node.directory.identity.location?.description == name + ":5222")
    }
    withExtendedLifetime(proving) {}
  }

  @Test("A file without a valid name changes nothing, and is read again")
  func unreadable() throws {
    let node = try node()
    try write(Self.names[0])
    let proving = NickProving(for: node, rereading: .milliseconds(20))
    try write("half")
    let end = loop.now + .milliseconds(100)
    #expect(loop.turns { loop.now > end })
    #expect(node.directory.identity.location?.description == Self.names[0] + ":5222")
    try write(Self.names[1])
    #expect(
      loop.turns { node.directory.identity.location?.description == Self.names[1] + ":5222" })
    withExtendedLifetime(proving) {}
  }

  @Test("DIRECTORY_LOCATION overrides it in peerlists")
  func given() throws {
    let node = try node(location: Self.names[1] + ":80")
    node.directory.identity.location = node.settings.ownLocation
    try write(Self.names[0])
    let proving = NickProving(for: node)
    #expect(node.directory.policy?.directoryID.description == Self.names[0] + ":5222")
    #expect(node.directory.identity.location?.description == Self.names[1] + ":80")
    withExtendedLifetime(proving) {}
  }
}
