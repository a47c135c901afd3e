#if os(Linux)
  import ArgumentParser
  import FoundationEssentials
  import Glibc

  /// The address of the node.
  struct AddressOptions: ParsableArguments {
    @Option(help: ArgumentHelp("IPv4 address and port of the node.", valueName: "host:port"))
    var tcp: String?

    @Option(help: ArgumentHelp("Path of the node's Unix socket.", valueName: "path"))
    var unix: String?

    func addresses() throws -> [Address] {
      let all = [try tcp.map { try Address.tcp($0) }, unix.map { Address.unix(path: $0) }]
      let given = all.compactMap(\.self)
      guard !given.isEmpty else { throw ValidationError("give --tcp HOST:PORT or --unix PATH") }
      return given
    }
  }

  /// The sizes of the scenarios as flags.
  struct SizeOptions: ParsableArguments {
    @Option(help: "Peers of connect, broadcast, burst and leave.") var peers = Sizes().peers
    @Option(help: "broadcast: lines per second.") var rate = Sizes().rate
    @Option(help: "broadcast: seconds.") var seconds = Sizes().seconds
    @Option(help: "Senders of public lines.") var senders = Sizes().senders
    @Option(help: "burst: lines at once, over all senders.") var burstLines = Sizes().burstLines
    @Option(help: "burst: how often.") var bursts = Sizes().bursts
    @Option(help: "private: pairs of a maker and a taker.") var pairs = Sizes().pairs
    @Option(help: "private: lines of each pair.") var linesPerPair = Sizes().linesPerPair
    @Option(help: "orderbook: makers that answer.") var makers = Sizes().makers
    @Option(help: "orderbook: how often the taker asks.") var asks = Sizes().asks
    @Option(help: "orderbook: bytes of an answer.") var answerBytes = Sizes().answerBytes
    @Option(help: "peerlist: makers listed.") var listMakers = Sizes().listMakers
    @Option(help: "peerlist: takers that ask.") var lists = Sizes().lists
    @Option(help: "frozen: peers.") var frozenPeers = Sizes().frozenPeers
    @Option(help: "frozen: percentage that stops reading.") var frozenPercent = Sizes()
      .frozenPercent
    @Option(help: "frozen: MiB of lines in each half.") var frozenMegabytes = Sizes()
      .frozenMegabytes
    @Option(help: "frozen: lines per second, in batches of 10 ms.") var frozenRate = Sizes()
      .frozenRate
    @Option(help: "leave: peers that stay and must hear of it.") var watchers = Sizes().watchers
    @Option(help: "idle: peers.") var idlePeers = Sizes().idlePeers
    @Option(help: "idle: seconds.") var idleSeconds = Sizes().idleSeconds

    var sizes: Sizes {
      Sizes(
        peers: peers, rate: rate, seconds: seconds, senders: senders, burstLines: burstLines,
        bursts: bursts, pairs: pairs, linesPerPair: linesPerPair, makers: makers, asks: asks,
        answerBytes: answerBytes, listMakers: listMakers, lists: lists, frozenPeers: frozenPeers,
        frozenPercent: frozenPercent, frozenMegabytes: frozenMegabytes, frozenRate: frozenRate,
        watchers: watchers, idlePeers: idlePeers, idleSeconds: idleSeconds)
    }

    func validate() throws {
      if let fault = sizes.fault { throw ValidationError(fault) }
    }
  }

  struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run",
      abstract: "Drives the node at an address through scenarios and prints what they came to.",
      discussion: """
        The node must have its rate limits off or high, and room for the peers. For this relay: \
        NETWORK=regtest, MAX_PEERS=19500, MESSAGE_RATE_LIMIT and MESSAGE_BURST_LIMIT high, \
        PUBLIC_RATE_LIMIT=0, ORDERBOOK_RATE_LIMIT=0, PEERLIST_RATE_LIMIT=0. The onions of the \
        makers have no right checksum: test networks only.

        Every receiver checks every line; one missing, doubled or out of order ends the run \
        with exit code 1. More than 19,000 peers: several processes, each with a --source.
        """)

    @OptionGroup var address: AddressOptions
    @Option(help: "Process of the node, for its CPU time and memory.") var pid: Int32?
    @Option(help: "Local IPv4 address of the TCP connections, such as 127.0.0.2.") var source:
      String?
    @Option(help: "Network named in the handshakes.") var network = "regtest"
    @Option(help: "Bytes of a line, with its end.") var lineBytes = 300
    @Option(help: "Scenarios, separated by commas (default: all).") var scenario: String?
    @Flag(help: "Prints JSON in place of a table.") var json = false
    @OptionGroup(title: "Sizes") var sizes: SizeOptions

    func run() throws {
      guard (Lines.smallest...Lines.largest).contains(lineBytes) else {
        throw ValidationError("--line-bytes: \(Lines.smallest) to \(Lines.largest)")
      }
      let addresses = try address.addresses()
      guard addresses.count == 1 else { throw ValidationError("give one of --tcp and --unix") }
      let target = Target(
        address: addresses[0], source: source, process: pid.map { ServerProcess(pid: $0) },
        network: network, lineBytes: lineBytes)
      let runner = Runner(target: target, sizes: sizes.sizes)
      var measured: [Measurement] = []
      var failure: BenchError?
      for scenario in try scenarios() where failure == nil {
        Report.progress("\(scenario.rawValue) …")
        do {
          measured += try runner.run(scenario)
        } catch {
          failure = BenchError("\(scenario.rawValue): \(error)")
        }
      }
      if failure == nil || !measured.isEmpty {
        Report.put(json ? try JSON.text(measured) : Report.table(measured), to: 1)
      }
      if let failure { throw failure }
    }

    private func scenarios() throws -> [Scenario] {
      guard let scenario else {
        return Scenario.allCases.filter { $0 != .restart && ($0 != .idle || pid != nil) }
      }
      return try scenario.split(separator: ",").map { name in
        guard let known = Scenario(rawValue: String(name)) else {
          let names = Scenario.allCases.map(\.rawValue).joined(separator: ", ")
          throw ValidationError("\(name): no scenario; there are \(names)")
        }
        return known
      }
    }
  }

  struct FloorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "floor",
      abstract: "Serves as the floor: what the kernel alone costs. Checks nothing, never for use.")

    @OptionGroup var address: AddressOptions
    @Option(help: "Entries of the prepared peerlist.") var listEntries = Sizes().listMakers
    @Option(help: "Bytes taken from one connection in a turn.") var readBytes = 65_536

    func validate() throws {
      if readBytes < 4096 || readBytes > 1 << 24 {
        throw ValidationError("--read-bytes: 4096 to \(1 << 24)")
      }
      if listEntries < 0 { throw ValidationError("--list-entries: 0 or more") }
    }

    func run() throws {
      try Floor(on: try address.addresses(), listEntries: listEntries, readRoom: readBytes).serve()
    }
  }

  /// Returns JSON with sorted keys and a final newline.
  enum JSON {
    static func text(_ value: some Encodable) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    static func read<T: Decodable>(_ type: T.Type, from path: String) throws -> T {
      guard let text = ServerProcess.read(path) else { throw BenchError("\(path): cannot be read") }
      return try decode(type, text)
    }

    static func decode<T: Decodable>(_ type: T.Type, _ text: some StringProtocol) throws -> T {
      try JSONDecoder().decode(type, from: Data(text.utf8))
    }
  }
#endif
