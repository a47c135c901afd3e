"""A JoinMarket peer's key: derives its nick, and proves that the peer owns it (docs/protocol.md,
section 8).

secp256k1 in plain Python: slow and not constant-time, which does not matter for keys of a single
test.
"""

import base64
import hashlib
import secrets

FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % FIELD == 0:
            return None
        slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, FIELD)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, FIELD)
    x = (slope * slope - p[0] - q[0]) % FIELD
    return x, (slope * (p[0] - x) - p[1]) % FIELD


def multiply(point, factor):
    result = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point, factor = add(point, point), factor >> 1
    return result


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def der_integer(number):
    data = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(data)]) + data


def double_sha256(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Key:
    def __init__(self):
        self.secret = secrets.randbelow(ORDER - 1) + 1
        x, y = multiply(BASE, self.secret)
        self.public = f"{2 + y % 2:02x}{x:064x}"
        self.nick = "J5" + base58(hashlib.sha256(self.public.encode()).digest()[:10]).ljust(14, "O")

    def sign(self, digest):
        """Returns base64 of a DER signature with the lower of both possible s."""
        hidden = secrets.randbelow(ORDER - 1) + 1
        r = multiply(BASE, hidden)[0] % ORDER
        s = pow(hidden, -1, ORDER) * (int.from_bytes(digest, "big") + r * self.secret) % ORDER
        body = der_integer(r) + der_integer(min(s, ORDER - s))
        return base64.b64encode(b"\x30" + bytes([len(body)]) + body).decode()

    def prove(self, challenge, directory, handshake_line):
        """Returns the public key and the signature for a challenge."""
        handshake = hashlib.sha256(handshake_line.encode()).hexdigest()
        fields = ["nick-auth", challenge, directory, handshake, self.nick, self.public]
        text = ("|".join(fields) + "nick-auth-v1").encode()
        size = bytes([len(text)]) if len(text) < 253 else b"\xfd" + len(text).to_bytes(2, "little")
        return self.public, self.sign(double_sha256(b"\x18Bitcoin Signed Message:\n" + size + text))
