// Peers from the nick-authentication vectors (V02, V04, V06). Each signature below proves its nick
// for the challenge below.

@testable import Wire

struct FuzzOwner: Sendable {
  let nick: String
  let challenge: String
  let publicKey: String
  let signature: String

  static let directoryID =
    "nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd.onion:5222"

  /// The text of the 793 that the signature covers.
  var handshake: String {
    #"{"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", "#
      + #""proto-ver": 5, "features": {"peerlist_features": true, "ping": true, "nick_auth": "#
      + #"true}, "#
      + #""nick": "\#(nick)", "network": "mainnet"}"#
  }

  /// The complete 805 frame.
  var proof: [UInt8] {
    var frame: [UInt8] = []
    let line = "{\"pubkey\":\"\(publicKey)\",\"signature\":\"\(signature)\"}"
    Frame.append(.nickAuthProof, line, to: &frame)
    return Array(frame.dropLast(2))
  }

  var challengeBytes: Bytes32? {
    let digits = Array(challenge.utf8).compactMap(\.hexValue)
    return Bytes32(
      stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  static let all = [
    FuzzOwner(
      nick: "J5Ckon1LuuapPSBM",
      challenge: "b16b36bff6d0baefb5cda5f800d778c852cb838fcdca8c35f2bc9214172ae3d1",
      publicKey: "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
      signature:
        "MEUCIQCs1pfZUDx4uquCQQKDL4FB9WYFaMiXLXQ12gqN5ySUTgIgPPQq+lhTnFI9TAKJMg/mu8y8h25YuXb0nj6pmVNLG3I="
    ),
    FuzzOwner(
      nick: "J5BJNkhowJTdHtci",
      challenge: "880c86f10f479baeeda248636dc97e9b04706a3134495b30afaf0c3ac60a446e",
      publicKey: "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
      signature:
        "MEUCIQCx2cG0cvuuXudhGe+ij+c9/bkXnk3Q4EfNZN05RuPlYAIgXPkDNqJKf3a3e4tYFwnDUkpOmNr20SgPnnGgzZciaYc="
    ),
    FuzzOwner(
      nick: "J52bjxcMpFQWZycG",
      challenge: "7e9b59e5e4a752dbaa655b33570d4190f9fcb79bfac4ea0abe30c6fd5aa7852d",
      publicKey: "03c93832e6aa78cfa4a9f3c0776edef6d1486e9fc4f7865714d669dcc03cbdaa88",
      signature:
        "MEUCIQCuXeHZn/20YYYBYvjMCo/88rmRv95u99LV/jsnXzFEjAIgO3YYi5PxxkV2xJTl5hd1JOyWAsWhBJST4PZkNcySobc="
    ),
  ]
}
