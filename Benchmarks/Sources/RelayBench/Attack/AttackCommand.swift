#if os(Linux)
  import ArgumentParser
  import Glibc

  struct AttackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "attack",
      abstract: "Attacks a relay that it starts, and shows what honest peers notice.",
      discussion: """
        Each attack has a relay of its own on a Unix socket with PROXY_PROTOCOL and default \
        limits, 100 honest makers, 20 takers and a watcher in this process, and the attackers in \
        another. Nothing leaves this machine. The row of each attack is compared with the run \
        without one; exit code 1 when a goal is missed. Two free cores are needed. \
        docs/attacks.md tells more.
        """)

    @Option(help: "Path of jm-directory-server.") var server: String
    @Option(help: "An attack, several times for several (default: all).") var attack: [Attack] = []
    @Option(help: "Seconds of each attack.") var seconds = 20
    @Option(help: "Of nicks and order; the same seed makes the same run.") var seed: UInt64?
    @Option(help: "Honest makers.") var honestMakers = HonestSizes().makers
    @Option(help: "Honest takers.") var honestTakers = HonestSizes().takers
    @Option(help: "Honest joiners of (d) and (e).") var joiners = HonestSizes().joiners
    @Option(help: "Divides the number of attackers.") var scale = 1
    @Flag(help: "Prints JSON in place of a table.") var json = false

    private var sizes: HonestSizes {
      HonestSizes(makers: honestMakers, takers: honestTakers, joiners: joiners)
    }

    func validate() throws {
      if let fault = sizes.fault { throw ValidationError(fault) }
      if seconds < 1 || seconds > 600 { throw ValidationError("--seconds: 1 to 600") }
      if scale < 1 || scale > 100 { throw ValidationError("--scale: 1 to 100") }
    }

    func run() throws {
      Interruption.watch()
      let seed = seed ?? UInt64(bitPattern: Clock.now()) % 1_000_000
      let chosen = attack.isEmpty ? Attack.allCases.filter { $0 != .quiet } : attack
      Report.progress("seed \(seed): the same run with --seed \(seed)")
      var rows: [AttackRow] = []
      var failed = false
      var quiet: [Attack.Reference: AttackRow] = [:]
      for reference in [Attack.Reference.fast, .slow]
      where chosen.contains(where: { $0.reference == reference }) {
        let row = try measure(.quiet, reference, seed)
        quiet[reference] = row
        rows.append(row)
      }
      for attack in chosen where attack != .quiet && !Interruption.isRequested {
        do {
          var row = try measure(attack, attack.reference, seed)
          if let quiet = quiet[attack.reference] { row.judge(by: quiet) }
          rows.append(row)
        } catch {
          failed = true
          Report.progress("\(attack.rawValue): \(error)")
        }
      }
      Report.put(
        json ? try JSON.text(rows) : Report.table([AttackRow.head] + rows.map(\.cells)), to: 1)
      if failed || rows.contains(where: { $0.goals.contains { !$0.met } }) { throw ExitCode(1) }
    }

    private func measure(
      _ attack: Attack, _ reference: Attack.Reference, _ seed: UInt64
    ) throws(BenchError) -> AttackRow {
      Report.progress("\(attack.rawValue): \(attack.text) …")
      let row = try AttackRun(
        server: server, attack: attack, reference: reference, sizes: sizes, seconds: seconds,
        seed: seed, scale: scale
      ).run()
      Report.progress(details(row))
      return row
    }

    private func details(_ row: AttackRow) -> String {
      let number = Report.number
      var text = "  relay \(number(row.relayCPU)) %, honest peers \(number(row.honestCPU)) %"
      text += ", the relay waits \(number(row.relayWait)) % of the time for a core"
      if let attackers = row.attackers {
        text +=
          ", attackers \(number(row.attackerCPU)) % of a core: \(attackers.opened) connections"
        text += ", \(attackers.accepted) accepted, \(attackers.rejected) rejected"
        text += ", \(attackers.refused) refused, \(attackers.closed) closed"
        text += ", \(attackers.lines) lines, \(attackers.stolen) nicks stolen"
      }
      for (name, pair) in [("relay", row.relayPair), ("floor", row.floorPair)] {
        text += "\n  paced lines over the \(name): p50 \(number(pair.p50)), p99 \(number(pair.p99))"
        text += ", longest \(number(pair.highest)) ms"
      }
      let closes = row.closes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      text += "\n  closed by reason: " + closes.joined(separator: ", ")
      text +=
        "\n  loop lag at most \(number(row.loopLag * 1000)) ms"
        + ", fan-out budget at least \(number(row.narrowestBudget)) %"
        + ", not healthy in \(row.statusUnhealthy)"
      text += " of \(row.statusAnswers) answers"
      return text
    }
  }
#endif
