// Replays every seed of the fuzzer and every input that it has found.

import Foundation
import Testing

@Suite struct ReplayTests {
  @Test("No input that was ever found breaks a promise again", arguments: FuzzTarget.allCases)
  func corpus(target: FuzzTarget) throws {
    let folder = try #require(
      Bundle.module.url(forResource: "Corpus/\(target.rawValue)", withExtension: nil))
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files.sorted(by: { $0.path < $1.path }) {
      let input = [UInt8](try Data(contentsOf: file))
      do {
        try input.withView { try target.run($0) }
      } catch {
        Issue.record("\(target.rawValue)/\(file.lastPathComponent): \(error)")
      }
    }
  }

  @Test("Random inputs break no promise", arguments: FuzzTarget.allCases)
  func noise(target: FuzzTarget) throws {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for length in 0..<400 {
      let input = (0..<length).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
      try input.withView { try target.run($0) }
    }
  }
}
