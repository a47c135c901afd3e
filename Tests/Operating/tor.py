"""A real Tor with the directory's onion service and a metrics port, on a private network without
other nodes: all metrics exist, with value zero. Also serves the same text with other numbers,
for conditions that take hours in a real network.
"""

import http.server
import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.request

from relay import free_port, until

TORRC = """
SocksPort 0
DataDirectory {folder}/data
DirAuthority nobody 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff
HiddenServiceDir {folder}/data/onion
HiddenServicePort 5222 unix:{folder}/relay.sock
HiddenServicePoWDefensesEnabled 1
MetricsPort 127.0.0.1:{port}
MetricsPortPolicy accept 127.0.0.1
"""


class Tor:
    def __init__(self):
        self.folder, self.port = tempfile.mkdtemp(prefix="tor-test-"), free_port()
        with open(f"{self.folder}/torrc", "w") as file:
            file.write(TORRC.format(folder=self.folder, port=self.port))
        self.process = subprocess.Popen(
            [
                "tor",
                "-f",
                f"{self.folder}/torrc",
                "--defaults-torrc",
                "/nonexistent",
                "--ignore-missing-torrc",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(self.metrics, 60, "Tor's metrics port answers")
        except AssertionError:
            self.stop()
            raise

    def metrics(self):
        """The text of Tor's metrics, or None while there is none."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/metrics", timeout=5
            ) as reply:
                return reply.read().decode() or None
        except OSError:
            return None

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class TorNumbers:
    """Serves Tor's metrics with some values replaced: a healthy Tor has six introduction points."""

    def __init__(self):
        tor = Tor()
        self.text, self.values = tor.metrics(), {"tor_hs_intro_established_count": 6}
        tor.stop()
        numbers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = numbers.current().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def current(self):
        text = self.text
        for name, value in self.values.items():
            text, count = re.subn(
                rf"^({name}(?:{{.*}})?) .*$", rf"\1 {value}", text, flags=re.MULTILINE
            )
            assert count, f"Tor has no {name}"
        return text

    def set(self, name, value):
        self.values[name] = value

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
