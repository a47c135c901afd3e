/// Base58 as Bitcoin writes it, without a checksum.
enum Base58 {
  private static let alphabet = Array(
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

  /// A leading zero byte becomes a leading `1`. Quadratic: for the ten bytes of a nick.
  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var digits: [UInt8] = []
    for byte in bytes {
      var carry = Int(byte)
      for i in digits.indices {
        carry += Int(digits[i]) << 8
        digits[i] = UInt8(carry % 58)
        carry /= 58
      }
      while carry > 0 {
        digits.append(UInt8(carry % 58))
        carry /= 58
      }
    }
    let zeros = bytes.prefix { $0 == 0 }.count
    return Array(repeating: alphabet[0], count: zeros) + digits.reversed().map { alphabet[Int($0)] }
  }
}
