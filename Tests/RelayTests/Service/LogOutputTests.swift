import Glibc
import Testing

@testable import Service

@Suite("The log's output")
struct LogOutputTests {
  /// A stream with a buffer of a few kilobytes, and its two ends.
  private final class Stream {
    enum Kind: CaseIterable { case pipe, nonBlockingPipe, socket }

    let reader: Int32
    let writer: Int32

    init(_ kind: Kind) throws {
      var ends: [Int32] = [-1, -1]
      switch kind {
      case .pipe, .nonBlockingPipe:
        try #require(pipe(&ends) == 0)
        // F_SETPIPE_SZ
        try #require(fcntl(ends[1], 1031, 4096) >= 0)
        if kind == .nonBlockingPipe { _ = fcntl(ends[1], F_SETFL, O_NONBLOCK) }
      case .socket:
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var size: Int32 = 4096
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, 4)
      }
      (reader, writer) = (ends[0], ends[1])
      _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    deinit {
      close(reader)
      close(writer)
    }

    /// Reads the bytes that are available now, at most `limit`.
    func read(_ limit: Int = 1 << 20) -> String {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: min(limit, 65_536))
      while bytes.count < limit {
        let count = Glibc.read(reader, &chunk, min(chunk.count, limit - bytes.count))
        guard count > 0 else { break }
        bytes += chunk[..<count]
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  private func line(_ number: Int, length: Int) -> String {
    let start = "\(number) "
    return start + String(repeating: "x", count: length - start.count - 1) + "\n"
  }

  @Test(
    "Lines that are not taken are dropped and counted, the count comes first, and no line is cut",
    arguments: Stream.Kind.allCases, [100, 1_000, 10_000])
  private func dropping(kind: Stream.Kind, length: Int) throws {
    let stream = try Stream(kind)
    var output = LogOutput(stream.writer)
    var text = ""
    var reported = 0
    for number in 0..<400 {
      output.write(line(number, length: length)) { "dropped \($0)\n" }
      // The reader sometimes reads a little, like one that stops and resumes.
      if number % 40 == 39 { text += stream.read(3_000) }
    }
    #expect(output.dropped > 0)
    for _ in 0..<100 where output.unreported > 0 || !text.hasSuffix("\n") {
      text += stream.read()
      output.catchUp { "dropped \($0)\n" }
      text += stream.read()
    }
    var seen: [Int] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("dropped ") {
        reported += Int(line.dropFirst(8)) ?? 0
      } else {
        #expect(line.count == length - 1)
        seen.append(Int(line.prefix { $0 != " " }) ?? -1)
      }
    }
    #expect(seen == seen.sorted())
    #expect(reported == output.dropped)
    #expect(seen.count + reported == 400)
  }

  @Test("A closed reader neither blocks nor ends the process", arguments: Stream.Kind.allCases)
  private func gone(kind: Stream.Kind) throws {
    signal(SIGPIPE, SIG_IGN)
    let stream = try Stream(kind)
    var output = LogOutput(stream.writer)
    // Another test could get the descriptor's number after a close, so the descriptor is replaced.
    let null = open("/dev/null", O_RDONLY)
    dup2(null, stream.reader)
    close(null)
    for number in 0..<10 { output.write(line(number, length: 100)) { "dropped \($0)\n" } }
    #expect(output.dropped == 10)
  }

  @Test("A file takes everything")
  func file() throws {
    var template = Array("/tmp/jm-log-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    try #require(file >= 0)
    unlink(template)
    defer { close(file) }
    var output = LogOutput(file)
    for number in 0..<100 { output.write(line(number, length: 9_000)) { "dropped \($0)\n" } }
    #expect(output.dropped == 0)
    #expect(lseek(file, 0, SEEK_END) == 900_000)
  }
}
