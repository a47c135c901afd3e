import Foundation
import Testing

extension ProductTests.Soak {
  @Test(
    "1 and 10 % of 200 peers stop reading for 20 MB: the others' p99 stays within 1.5 times",
    .timeLimit(.minutes(10)), arguments: [1, 10])
  func frozen(percent: Int) throws {
    // The p99 of a single run depends on the machine as much as on the relay
    // (Benchmarks/README.md).
    let ratios = try (1...3).map { _ in try ratio(percent: percent) }.sorted()
    print("\(percent) % frozen: p99 with ÷ without, three times: \(ratios)")
    #expect(ratios[1] <= 1.5)
  }

  private func ratio(percent: Int) throws -> Double {
    // Past a quarter of MAX_BACKLOG public lines wait, and some of these would be dropped. In the 5
    // s until the relay stops waiting, the backlogs of 20 frozen readers grow to 150 MB.
    let settings = ["MESSAGE_BURST_LIMIT": "10000000", "MAX_BACKLOG": "1GiB"]
    let relay = try RelayProcess(RelayProcess.unlimited.merging(settings) { $1 })
    // The load generator checks that every line arrives at every reader, in order, or ends with 1.
    let run = try Product.bench.run(
      [
        "run", "--scenario", "frozen", "--json", "--tcp", "127.0.0.1:\(try relay.port)", "--pid",
        "\(relay.child.pid)",
        "--frozen-peers", "200", "--frozen-percent", "\(percent)", "--frozen-megabytes", "20",
      ], ["PATH": "/usr/bin:/bin"], within: 300)
    #expect(run.status == 0, "\(run.error)")
    let figures = try JSONDecoder().decode([Figure].self, from: Data(run.out.utf8))
    for figure in figures { print("\(percent) % frozen: \(figure.name) \(figure.value)") }
    return try #require(figures.first { $0.name == "p99 with ÷ without" }).value
  }

  private struct Figure: Decodable {
    let name: String
    let value: Double
  }
}
