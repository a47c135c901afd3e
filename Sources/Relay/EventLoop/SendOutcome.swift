/// What came of handing bytes to a socket.
package enum SendOutcome: Equatable {
  /// Taken or kept. `left`: how many of them the kernel has not taken.
  case accepted(left: Int)
  case failed(errno: Int32)
}
