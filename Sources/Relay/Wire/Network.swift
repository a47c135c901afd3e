import Units

/// The Bitcoin network of the peers' coins.
package enum Network: String, CaseIterable, Sendable {
  case mainnet, testnet, signet, regtest

  /// Returns the network of this name, in any letter case.
  package init?(name: ByteView) {
    for network in Network.allCases
    where network.rawValue.utf8.elementsEqual(name.lazy.map(\.lowercased)) {
      self = network
      return
    }
    return nil
  }
}
