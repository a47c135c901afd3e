"""A small JoinMarket peer that dials a directory node through a SOCKS port.

It does what real makers and takers do on the wire: handshake first, one JSON object on a line, an
answer to every PING. A thread reads until the connection ends, so a peer stays active while the
test does not use it. `received` has all messages in order; `expect` waits for one
message.
"""

import base64
import hashlib
import json
import secrets
import socket
import threading
import time

from jm_keys import Key
from tor_network import Problem

PRIVMSG, PUBMSG, PEERLIST, GETPEERLIST = 685, 687, 789, 791
HANDSHAKE, DN_HANDSHAKE, PING, PONG, DISCONNECT = 793, 795, 798, 799, 801
CHALLENGE, PROOF, RESULT = 803, 805, 807

NOWHERE = "NOT-SERVING-ONION"


def random_onion():
    """Returns a random v3 onion address with a valid checksum."""
    key = secrets.token_bytes(32)
    check = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + check + b"\x03").decode().lower() + ".onion"


class Unreachable(Problem):
    """Tor could not reach the service in this attempt."""


def dial(socks_port, host, port, circuit, seconds):
    """Opens a stream through Tor, with several attempts. Another `circuit` name gives another
    circuit, because tor separates SOCKS users."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return dial_once(socks_port, host, port, circuit, max(1, deadline - time.monotonic()))
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def dial_once(socks_port, host, port, circuit, seconds):
    stream = socket.create_connection(("127.0.0.1", socks_port), timeout=seconds)
    try:

        def take(count):
            data = b""
            while len(data) < count:
                if not (more := stream.recv(count - len(data))):
                    raise Problem("SOCKS port closed the connection")
                data += more
            return data

        def text(value):
            return bytes([len(value)]) + value.encode()

        stream.sendall(b"\x05\x01\x02")
        if take(2) != b"\x05\x02":
            raise Problem("SOCKS port takes no user name")
        stream.sendall(b"\x01" + text(circuit) + text("x"))
        if take(2) != b"\x01\x00":
            raise Problem("SOCKS port refused the user name")
        stream.sendall(b"\x05\x01\x00\x03" + text(host) + port.to_bytes(2, "big"))
        if (answer := take(10))[1] != 0:
            raise Unreachable(f"SOCKS answer {answer[1]}")
        stream.settimeout(None)
        return stream
    except BaseException:
        stream.close()
        raise


class Peer:
    """One connection of one peer. Without `features` it acts as joinmarket-clientserver does."""

    def __init__(
        self,
        name,
        location=None,
        features=("peerlist_features", "ping"),
        network="mainnet",
        key=None,
    ):
        self.name, self.key, self.network, self.features = name, key or Key(), network, features
        self.location = location or NOWHERE
        self.nick = self.key.nick
        self.received, self.changed = [], threading.Condition()
        self.closed_at = self.stream = None

    def connect(self, network, client, circuit=None, seconds=60, onion=None):
        """Dials through Tor and sends a handshake. Returns the relay's answer, accepted or not."""
        begun = time.monotonic()
        stream = dial(
            client.ports["socks"], onion or network.onion, 5222, circuit or self.name, seconds
        )
        answer = self.shake_hands(stream, seconds)
        self.needed = time.monotonic() - begun
        return answer

    def connect_unix(self, path, circuit, seconds=60):
        """Does the same over the relay's Unix socket, with a PROXY line as from Tor."""
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(path)
        source = f"fc00:dead:beef:4dad::{circuit >> 16:x}:{circuit & 0xffff:x}"
        stream.sendall(f"PROXY TCP6 {source} ::1 {circuit & 0xffff} 5222\r\n".encode())
        return self.shake_hands(stream, seconds)

    def shake_hands(self, stream, seconds):
        self.received, self.closed_at = [], None
        self.stream = stream
        threading.Thread(target=self.read, args=(self.stream,), daemon=True).start()
        line = json.dumps(
            {
                "app-name": "joinmarket",
                "directory": False,
                "location-string": self.location,
                "proto-ver": 5,
                "features": {name: True for name in self.features},
                "nick": self.nick,
                "network": self.network,
            }
        )
        self.send(HANDSHAKE, line)
        self.answer = json.loads(
            self.expect("the relay's handshake", DN_HANDSHAKE, seconds=seconds)
        )
        if (
            self.answer["accepted"]
            and "nick_auth" in self.features
            and self.answer["features"].get("nick_auth")
        ):
            self.prove(line, seconds)
        return self.answer

    def prove(self, handshake_line, seconds):
        challenge = json.loads(self.expect("a challenge", CHALLENGE, seconds=seconds))
        public, signature = self.key.prove(
            challenge["challenge"], challenge["directory-id"], handshake_line
        )
        self.send(
            PROOF, json.dumps({"pubkey": public, "signature": signature}, separators=(",", ":"))
        )
        self.verdict = json.loads(self.expect("the verdict on the proof", RESULT, seconds=seconds))

    def read(self, stream):
        try:
            for line in stream.makefile("rb"):
                frame = json.loads(line)
                assert line == json.dumps(frame).encode() + b"\r\n", f"not canonical: {line!r}"
                if frame["type"] == PING:
                    self.send(PONG, "", stream)
                with self.changed:
                    self.received.append((frame["type"], frame["line"]))
                    self.changed.notify_all()
        except (OSError, ValueError, Problem):
            pass
        finally:
            stream.close()
            with self.changed:
                if stream is self.stream:
                    self.closed_at = time.monotonic()
                self.changed.notify_all()

    def send(self, code, line, stream=None):
        """Raises a Problem if the relay has closed; `read` may have closed our end, too."""
        try:
            (stream or self.stream).sendall(
                json.dumps({"type": code, "line": line}).encode() + b"\r\n"
            )
        except OSError as error:
            raise Problem(
                f"{self.name} could not send a message of type {code}: {error}"
            ) from error

    def send_public(self, text):
        self.send(PUBMSG, f"{self.nick}!PUBLIC!{text}")

    def tell(self, other, text):
        self.send(PRIVMSG, f"{self.nick}!{other.nick}!{text}")

    def mark(self):
        """The index of the next message, for `expect(after=...)`."""
        with self.changed:
            return len(self.received)

    def expect(self, what, code, matches=lambda line: True, after=0, seconds=30):
        """Returns the line of the first message that has this code and matches."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                for kind, line in self.received[after:]:
                    if kind == code and matches(line):
                        return line
                left = deadline - time.monotonic()
                if self.closed_at or left <= 0:
                    why = "the connection was closed" if self.closed_at else f"waited {seconds} s"
                    raise Problem(f"{self.name} did not get {what}: {why}")
                self.changed.wait(left)

    def expect_close(self, seconds=30):
        with self.changed:
            if not self.changed.wait_for(lambda: self.closed_at, seconds):
                raise Problem(f"{self.name} is still connected after {seconds} s")
            return self.closed_at

    def peerlist(self, seconds=30):
        """Requests the peerlist. Returns {nick: rest of the entry}, without `D` entries."""
        after = self.mark()
        self.send(GETPEERLIST, "")
        line = self.expect("a peerlist", PEERLIST, after=after, seconds=seconds)
        entries = [entry.split(";", 1) for entry in line.split(",") if entry]
        return {nick: rest for nick, rest in entries if not rest.endswith(";D")}

    def leave(self):
        self.send(DISCONNECT, "")
        self.expect_close()

    def drop(self):
        """Closes without a DISCONNECT."""
        if self.stream and not self.closed_at:
            try:
                self.stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
