"""A relay under test and some peers, for the tests of the operators' tools."""

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RELAY_BUILD", os.path.join(ROOT, ".build", "debug"))


GIVEN = set()


def free_port():
    """Returns a free port that was not returned before."""
    for port in range(7600, 7990):
        if port in GIVEN:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
                GIVEN.add(port)
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class Relay:
    def __init__(self, limit=None, **settings):
        """`limit` is called in the new process before the relay is executed."""
        self.limit = limit
        self.settings = settings
        self.port, self.status_port = free_port(), free_port()
        self.start()

    def start(self):
        environment = {
            "PATH": os.environ["PATH"],
            "NETWORK": "regtest",
            "ALLOW_ROOT": "true",
            "LOG_LEVEL": "warning",
            "PORT": str(self.port),
            "HEALTH_CHECK_PORT": str(self.status_port),
            "SHUTDOWN_GRACE": "0",
            **self.settings,
        }
        self.url = f"http://127.0.0.1:{self.status_port}"
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "jm-directory-server")],
            env=environment,
            stderr=subprocess.DEVNULL,
            preexec_fn=self.limit,
        )
        until(lambda: self.get("/health") is not None, 20, "the relay answers")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def get(self, path, accept=None):
        request = urllib.request.Request(
            self.url + path, headers={"Accept": accept} if accept else {}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except (http.client.HTTPException, OSError):
            return None

    def metrics(self):
        """Returns {name with labels: value}."""
        rows = (
            line.rsplit(" ", 1)
            for line in self.get("/metrics").splitlines()
            if not line.startswith("#")
        )
        return {name: float(value) for name, value in rows}


class Peer:
    """Completes the handshake at once. The nick is made from a number."""

    def __init__(self, relay, number, onion=True, handshake=True, features=()):
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        letters = ""
        while number:
            number, rest = divmod(number, len(digits))
            letters += digits[rest]
        self.nick = "J5" + letters.ljust(14, "O")
        self.socket = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
        self.buffer = b""
        if not handshake:
            return
        self.send(
            793,
            json.dumps(
                {
                    "app-name": "joinmarket",
                    "directory": False,
                    "proto-ver": 5,
                    "network": "regtest",
                    "location-string": "127.0.0.1:5222" if onion else "NOT-SERVING-ONION",
                    "features": {name: True for name in features},
                    "nick": self.nick,
                }
            ),
        )
        self.welcome = self.receive()

    def send(self, code, line):
        self.socket.sendall(json.dumps({"type": code, "line": line}).encode() + b"\r\n")

    def public(self, text):
        self.send(687, f"{self.nick}!PUBLIC!{text}")

    def receive(self):
        while b"\n" not in self.buffer:
            some = self.socket.recv(1 << 16)
            if not some:
                return None
            self.buffer += some
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.socket.close()


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never within {seconds} s: {what}")
        time.sleep(0.05)
