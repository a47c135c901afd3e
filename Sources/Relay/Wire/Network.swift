/// The Bitcoin network whose coins the peers join.
public enum Network: String, CaseIterable, Sendable {
  case mainnet, testnet, signet, regtest

  /// The network of this name, in any letter case.
  init?(name: UnsafeRawBufferPointer) {
    for network in Network.allCases
    where network.rawValue.utf8.elementsEqual(name.lazy.map(\.lowercased)) {
      self = network
      return
    }
    return nil
  }
}
