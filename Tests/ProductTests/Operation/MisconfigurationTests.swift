import Foundation
import Glibc
import Testing

extension ProductTests {
  /// Settings that would admit no peer must be logged. With settings that cannot be right the relay
  /// must not start.
  @Suite("Configuration that would refuse everybody")
  struct MisconfigurationTests {
    private static let onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
    private static let badOnion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wie.onion"

    /// Starts a relay that must exit, and returns its one line with the reason.
    private func refusal(
      _ settings: [String: String], limits: Limits = Limits(), arguments: [String] = []
    ) throws -> String {
      let relay = try RelayProcess(
        settings, arguments: arguments, limits: limits, isReady: false)
      #expect(try relay.child.waitForExit(within: 20) == 78, "\(settings): \(relay.log)")
      let errors = relay.logLines.filter { $0.contains("error") }
      #expect(errors.count == 1, "\(relay.log)")
      return errors.first ?? ""
    }

    @Test("With nothing to listen on it does not start")
    func nothing() throws {
      #expect(try refusal(["HOST": ""]).contains("nothing to listen on"))
      // Listening sockets for another process, or for none.
      for variables in [
        ["LISTEN_FDS": "1", "LISTEN_PID": "1"], ["LISTEN_FDS": "0", "LISTEN_PID": "1"],
        ["LISTEN_FDS": "1"],
      ] {
        #expect(
          try refusal(variables.merging(["HOST": ""]) { $1 }).contains("nothing to listen on"))
      }
    }

    @Test("Variables of the service manager that cannot be right are one line each")
    func serviceManager() throws {
      for count in ["2147483647", "99999999999999999999", "-1", "1e3", "1000001"] {
        let line = try refusal([:], limits: Limits(variables: ["LISTEN_FDS": count]))
        #expect(line.contains("LISTEN_FDS: \(count) is not a whole number, 0 to 1000000"))
      }
      let line = try refusal([:], limits: Limits(variables: ["LISTEN_FDS": "500"]))
      #expect(line.contains("LISTEN_FDS: 500, but descriptor"))
    }

    @Test("A descriptor that is handed over and does not listen is a fault")
    func notListening() throws {
      let bound = try ListeningSocket(listens: false)
      let connected = try Pipe()
      let file = OwnedDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
      for descriptor in [bound.descriptor, connected.kept, file.number] {
        let line = try refusal(["HOST": ""], limits: Limits(listening: [descriptor]))
        #expect(line.contains("LISTEN_FDS: descriptor 3 is not a stream socket that listens"))
      }
      withExtendedLifetime((bound, connected, file)) {}
    }

    @Test("A watchdog's time that cannot be right is a fault")
    func watchdogTime() throws {
      for time in ["9223372036854775807", "99999999999999999999", "-1", "soon"] {
        #expect(try refusal(["WATCHDOG_USEC": time]).contains("WATCHDOG_USEC: \(time) is not"))
      }
    }

    @Test(
      "A NICK_AUTH_DIRECTORY_ID that cannot be dialled is a fault",
      arguments: [
        ("your-onion-address.onion:5222", "is not an onion name"), (onion, "has no port"),
        ("\(onion):0", "has no port"), ("\(onion):70000", "has no port"),
        ("abcdefghijklmnop.onion:5222", "version 2"), ("\(badOnion):5222", "wrong checksum"),
      ])
    func directoryID(id: String, why: String) throws {
      let line = try refusal(["NICK_AUTH_DIRECTORY_ID": id])
      #expect(line.contains("NICK_AUTH_DIRECTORY_ID=\(id)"))
      #expect(line.contains(why), "\(line)")
    }

    @Test("A clearnet NICK_AUTH_DIRECTORY_ID is a fault unless peers may have clearnet locations")
    func clearnetDirectoryID() throws {
      let settings = ["NICK_AUTH_DIRECTORY_ID": "directory.example:5222", "NETWORK": "signet"]
      #expect(try refusal(settings).contains("directory.example is not an onion name"))
      _ = try RelayProcess(settings.merging(["ALLOW_CLEARNET_LOCATIONS": "true"]) { $1 })
      _ = try RelayProcess(["NICK_AUTH_DIRECTORY_ID": "directory.example:5222"])
    }

    @Test("A NICK_AUTH_DIRECTORY_ID other than the relay's own onion is a warning that names both")
    func otherDirectoryID() throws {
      let other = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:5222"
      let warned = try RelayProcess([
        "NICK_AUTH_DIRECTORY_ID": other, "DIRECTORY_LOCATION": "\(Self.onion):5222",
      ])
      let lines = warned.logLines.filter { $0.contains(" warning ") }
      try #require(lines.count == 1)
      #expect(lines[0].contains(other) && lines[0].contains("\(Self.onion):5222"))
      // The same when the relay's own onion name comes from Tor's file.
      let directory = try TemporaryDirectory()
      try "\(Self.onion)\n".write(
        toFile: directory.path + "/hostname", atomically: true, encoding: .utf8)
      let file = directory.path + "/hostname"
      let learned = try RelayProcess([
        "NICK_AUTH_DIRECTORY_ID": other, "ONION_HOSTNAME_FILE": file,
      ])
      let second = learned.logLines.filter { $0.contains(" warning ") }
      try #require(second.count == 1)
      #expect(second[0].contains(other) && second[0].contains("\(Self.onion):5222"))
      let right = try RelayProcess([
        "NICK_AUTH_DIRECTORY_ID": "\(Self.onion):5222", "ONION_HOSTNAME_FILE": file,
      ])
      #expect(!right.log.contains(" warning "))
    }

    @Test("The reason why ONION_HOSTNAME_FILE cannot be used is logged once")
    func hostnameFile() throws {
      let directory = try TemporaryDirectory()
      let file = directory.path + "/hostname"
      let relay = try RelayProcess(["ONION_HOSTNAME_FILE": file])
      func warnings() -> [String] {
        relay.logLines.filter { $0.contains(" warning ") && $0.contains("no onion name yet") }
      }
      #expect(warnings().count == 1)
      #expect(warnings().first?.contains("No such file or directory") == true)
      #expect(warnings().first?.contains(file) == true)
      try "\(Self.badOnion)\n".write(toFile: file, atomically: true, encoding: .utf8)
      try eventually("the new reason is logged") { warnings().count == 2 }
      #expect(warnings().last?.contains("does not hold a v3 onion name") == true)
      // Enough time for three more reads of the file.
      pause(seconds: 3.2)
      #expect(warnings().count == 2)
      try "\(Self.onion)\n".write(toFile: file, atomically: true, encoding: .utf8)
      try eventually("it is known") { relay.log.contains("own onion name is known") }
      let folder = try RelayProcess(["ONION_HOSTNAME_FILE": directory.path])
      #expect(folder.log.contains("no onion name yet: Is a directory"))
    }

    @Test("A PROXY_PROTOCOL that does not match the input gives one warning with both settings")
    func proxyProtocol() throws {
      for isOn in [true, false] {
        let relay = try RelayProcess(
          ["PROXY_PROTOCOL": "\(isOn)", "NICK_AUTH_MODE": "disabled"])
        let proxyLine = "PROXY TCP6 fc00:dead:beef:4dad::0:16 ::1 22 5222\r\n"
        for number in 0..<5 {
          let peer = try TestPeer(.tcp(try relay.port))
          try peer.send((isOn ? "" : proxyLine) + Hello.taker(number).frame)
          try peer.expectClosed()
        }
        let kind = isOn ? "missing" : "unexpected"
        let count = try relay.metric(#"jm_directory_proxy_mismatches_total{line="\#(kind)"}"#)
        #expect(count == 5)
        let warnings = relay.logLines.filter { $0.contains(" warning ") }
        try #require(warnings.count == 1)
        #expect(warnings[0].contains("PROXY_PROTOCOL"))
        #expect(warnings[0].contains("HiddenServiceExportCircuitID"))
      }
    }

    @Test(
      "On a test network that is called testnet, peers at 127.0.0.1 are let in when that is allowed"
    )
    func clearnetLocations() throws {
      for (allowed, isIn) in [("true", true), ("false", false), ("", false)] {
        let relay = try RelayProcess(
          ["NETWORK": "testnet", "ALLOW_CLEARNET_LOCATIONS": allowed])
        let peer = try TestPeer(.tcp(try relay.port))
        var hello = Hello.oldMaker(1)
        hello.location = "127.0.0.1:18081"
        hello.network = "testnet"
        try peer.send(hello.frame)
        let reply = try peer.nextFrame()
        #expect(reply.contains(#"\"accepted\": \#(isIn)"#))
        guard isIn else {
          #expect(reply.contains("invalid onion address"))
          continue
        }
        let reader = try TestPeer(.tcp(try relay.port))
        var watcher = Hello.oldTaker(2)
        watcher.network = "testnet"
        try reader.send(watcher.frame + Frames.frame(791, ""))
        _ = try reader.nextFrame()
        try reader.expect(Frames.peerlist(hello.entry))
      }
    }
  }
}
