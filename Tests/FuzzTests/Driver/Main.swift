// `RelayFuzz TARGET [libFuzzer's arguments]`: lets libFuzzer search for an input that breaks a
// promise or traps. Built only with RELAY_FUZZ in the environment, as `make fuzz` does.

import CFuzzer
import Glibc

/// Set once before the fuzzer starts. A global, because libFuzzer's callback has no context
/// argument. It runs on this thread only.
private nonisolated(unsafe) var target = FuzzTarget.frame

@main struct RelayFuzz {
  nonisolated static func main() {
    guard CommandLine.arguments.count > 1,
      let chosen = FuzzTarget(rawValue: CommandLine.arguments[1])
    else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
      print("usage: RelayFuzz TARGET [libFuzzer's arguments]\ntargets: \(names)")
      exit(64)
    }
    target = chosen
    // Removes the target's name from libFuzzer's arguments: the program's name takes its place.
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
    arguments?[0] = CommandLine.unsafeArgv[0]
    var count = CommandLine.argc - 1
    exit(LLVMFuzzerRunDriver(&count, &arguments, callback))
  }

  nonisolated private static let callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt = {
    bytes, count in
    do {
      try target.run(ByteView(UnsafeRawBufferPointer(start: bytes, count: count)))
    } catch {
      print("broken promise: \(error)")
      fflush(nil)
      abort()
    }
    return 0
  }
}
