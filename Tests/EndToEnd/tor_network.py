"""A private Tor network on this machine: one directory authority, a few relays, the tor that
carries the directory node's onion service, and clients with a SOCKS port each. It has no contact
with the real network.

Used by `run` beside this file, and by the container test, whose Tor joins from outside. Needs
Debian's `tor` package and Python's standard library. Always holds: every process started here is a
child that `stop` ends, by its id, and all files lie under one directory that the caller owns.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from http.client import HTTPException
from urllib.request import urlopen

# The settings of every tor. Guards, conflux and learnt timeouts are for large networks; with
# five relays they make paths impossible.
EVERYWHERE = """
TestingTorNetwork 1
Nickname {name}
DataDirectory {home}
Log notice file {home}/log
ControlSocket {home}/control
CookieAuthentication 1
AvoidDiskWrites 1
ShutdownWaitLength 0
NumCPUs 1
GeoIPFile /dev/null
GeoIPv6File /dev/null
ConfluxEnabled 0
VanguardsLiteEnabled 0
LearnCircuitBuildTimeout 0
CircuitBuildTimeout 30
__OwningControllerProcess {parent}
"""

# A day between bandwidth reports: relays that have measured nothing weigh the same. With real
# numbers, the relay with the first traffic would have all the weight.
RELAY = """
Address {address}
ORPort {address}:{or_port} IPv4Only
SocksPort 0
AssumeReachable 1
ExitPolicy reject *:*
ContactInfo private test network
TestingMinTimeToReportBandwidth 1 day
"""

# The first vote must find all relays, so it is put off until they are known; `start` then asks for
# it.
AUTHORITY = """
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
DirPort {address}:{dir_port} IPv4Only
AuthDirTestReachability 0
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingV3AuthInitialVotingInterval 1800
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 300
V3AuthVoteDelay 20
V3AuthDistDelay 20
"""


class Problem(Exception):
    """A step failed; the text names it and the place to look."""


def wait_until(what, condition, seconds, pause=0.1):
    """Returns the value of `condition` once it is true. Raises a Problem after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Problem(f"not within {seconds} s: {what}")
        time.sleep(pause)
    return result


class Ports:
    """Returns free ports, each one once."""

    def __init__(self, first):
        self.following = first

    def take(self):
        while True:
            port, self.following = self.following, self.following + 1
            with socket.socket() as probe:
                try:
                    probe.bind(("", port))
                except OSError:
                    continue
                return port


class Tor:
    """One tor process and its control connection."""

    def __init__(self, network, name, **ports):
        self.network, self.name, self.ports = network, name, ports
        self.home = os.path.join(network.root, name)
        self.process = self.channel = None
        network.make_directory(self.home)

    def launch(self, *texts):
        with open(f"{self.home}/torrc", "w") as file:
            values = dict(
                name=self.name,
                home=self.home,
                parent=os.getpid(),
                address=self.network.address,
                **self.ports,
            )
            file.write(
                "".join(text.format(**values) for text in texts) + self.network.authority_line
            )
        with open(f"{self.home}/output", "w") as output:
            command = ["tor", "--defaults-torrc", "/nonexistent", "-f", f"{self.home}/torrc"]
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **self.network.identity,
            )

    def ask(self, command):
        """Returns the first line of a control command's reply. OSError until tor listens."""
        if self.channel is None:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(10)
            try:
                link.connect(f"{self.home}/control")
                self.channel = (link, link.makefile("rb"))
                with open(f"{self.home}/control_auth_cookie", "rb") as cookie:
                    answer = self.ask("AUTHENTICATE " + cookie.read().hex())
                if not answer.startswith("250"):
                    raise OSError(answer)
            except OSError:
                self.hang_up()
                link.close()
                raise
        link, lines = self.channel
        try:
            link.sendall(command.encode() + b"\r\n")
            first = None
            while True:
                line = lines.readline()
                if not line:
                    raise OSError(f"{self.name}: control connection closed")
                first = first or line.decode().rstrip()
                if line[3:4] == b"+":
                    while lines.readline().rstrip() not in (b".", b""):
                        pass
                if line[3:4] == b" ":
                    return first
        except OSError:
            self.hang_up()
            raise

    def says_yes(self, key):
        try:
            return self.ask("GETINFO " + key).endswith("=1")
        except OSError:
            return False

    def hang_up(self):
        if self.channel:
            for part in self.channel:
                part.close()
            self.channel = None

    def end(self, how=signal.SIGTERM):
        self.hang_up()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class TorNetwork:
    """`with TorNetwork(root, service=[...], clients=3) as network:` gives network.onion and
    network.clients.

    Without a `service` there are only relays and clients; `outsider` then says how a tor elsewhere
    joins, at an `address` of this machine that it can reach.
    """

    def __init__(
        self,
        root,
        service=(),
        clients=2,
        relays=4,
        first_port=7100,
        user=None,
        seconds=150,
        report=print,
        address="127.0.0.1",
    ):
        self.root, self.service, self.seconds, self.report = root, service, seconds, report
        self.address = address
        self.counts, self.free = (relays, clients), Ports(first_port)
        self.identity, self.owner = {}, None
        if user and os.geteuid() == 0:
            entry = pwd.getpwnam(user)
            self.owner = (entry.pw_uid, entry.pw_gid)
            self.identity = dict(user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])
        self.authority_line = self.onion = None
        self.nodes, self.clients = [], []

    def make_directory(self, path):
        os.makedirs(path, mode=0o700, exist_ok=True)
        if self.owner:
            os.chown(path, *self.owner)

    def add(self, name, *texts, **ports):
        node = Tor(self, name, **ports)
        self.nodes.append(node)
        node.launch(*texts)
        return node

    def run_tool(self, command, given="", directory=None):
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            cwd=directory,
            timeout=60,
            **self.identity,
        )
        if done.returncode:
            raise Problem(f"{command[0]} exited {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def found_authority(self):
        """Makes the authority's keys and the torrc line by which the others know it."""
        ports = dict(or_port=self.free.take(), dir_port=self.free.take())
        node = Tor(self, "authority", **ports)
        self.make_directory(f"{node.home}/keys")
        address = f"{self.address}:{ports['dir_port']}"
        self.run_tool(
            ["tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-a", address],
            "only for this test\n",
            f"{node.home}/keys",
        )
        with open(f"{node.home}/keys/authority_certificate") as file:
            voter = re.search(r"^fingerprint (\w+)$", file.read(), re.MULTILINE)[1]
        listing = self.run_tool(
            [
                "tor",
                "-f",
                "/nonexistent",
                "--ignore-missing-torrc",
                "--defaults-torrc",
                "/nonexistent",
                "--quiet",
                "--DataDirectory",
                node.home,
                "--Nickname",
                node.name,
                "--ORPort",
                "1",
                "--DirAuthority",
                f"x 127.0.0.1:1 {'0' * 40}",
                "--list-fingerprint",
            ]
        )
        router = "".join(listing.split()[1:])
        self.authority_line = (
            f"DirAuthority {node.name} orport={ports['or_port']} no-v2 v3ident={voter} "
            f"{address} {router}\n"
        )
        self.nodes.append(node)
        node.launch(EVERYWHERE, RELAY, AUTHORITY)
        return node

    def known_relays(self, authority):
        try:
            with urlopen(
                f"http://{self.address}:{authority.ports['dir_port']}/tor/server/all", timeout=5
            ) as reply:
                return reply.read().count(b"\nrouter-signature\n")
        except (HTTPException, OSError):
            return 0

    def wait(self, what, condition):
        def step():
            for node in self.nodes:
                if node.process.poll() is not None:
                    raise Problem(
                        f"{node.name} exited {node.process.returncode}, "
                    f"see {node.home}/log and output"
                    )
            return condition()

        wait_until(what, step, self.seconds)
        self.report(f"{what} after {time.monotonic() - self.begun:.1f} s")

    def wait_for_all(self, what, nodes, key):
        """Waits until every node answers 1. HUP makes a tor retry its downloads at once."""
        nudged = time.monotonic()

        def step():
            nonlocal nudged
            late = [node for node in nodes if not node.says_yes(key)]
            if late and time.monotonic() - nudged > 1.5:
                nudged = time.monotonic()
                for node in late:
                    node.process.send_signal(signal.SIGHUP)
            return not late

        self.wait(what, step)

    def start(self):
        self.begun = time.monotonic()
        relays, clients = self.counts
        # Votes happen at multiples of half an hour until they are requested: not while the relays
        # start.
        if (left := 1800 - time.time() % 1800) < 20:
            time.sleep(left + 1)
        self.make_directory(self.root)
        authority = self.found_authority()
        backbone = [authority] + [
            self.add(f"relay{number}", EVERYWHERE, RELAY, or_port=self.free.take())
            for number in range(relays)
        ]
        self.wait(
            "the authority knows all relays", lambda: self.known_relays(authority) == len(backbone)
        )
        authority.ask("SETCONF TestingV3AuthInitialVotingInterval=5")
        self.wait(
            "consensus", lambda: os.path.exists(f"{authority.home}/cached-microdesc-consensus")
        )
        self.wait_for_all("relays follow it", backbone, "status/enough-dir-info")
        if self.service:
            self.front = self.add("service", EVERYWHERE, self.service_text("service", self.service))
        self.clients = [
            self.add(
                f"client{number}",
                EVERYWHERE,
                "SocksPort 127.0.0.1:{socks}\n",
                socks=self.free.take(),
            )
            for number in range(clients)
        ]
        self.wait_for_all(
            "clients (and the service) have circuits",
            [*self.clients, *([self.front] if self.service else [])],
            "status/circuit-established",
        )
        if self.service:
            self.find_service(self.front)
        return self

    def add_service(self, name, lines):
        """Starts another tor with its own onion service, and returns it when clients find it."""
        node = self.add(name, EVERYWHERE, self.service_text(name, lines))
        self.wait_for_all(f"{name} has circuits", [node], "status/circuit-established")
        self.find_service(node)
        return node

    def service_text(self, name, lines):
        return "\n".join(["SocksPort 0", f"HiddenServiceDir {self.root}/{name}/onion", *lines, ""])

    def find_service(self, node):
        """Waits until all clients find the service of this node."""
        with open(f"{self.root}/{node.name}/onion/hostname") as file:
            node.onion = file.read().strip()
        self.find(node.onion)

    def find(self, onion):
        """Waits until all clients find the service with this onion name."""
        self.onion = onion
        self.wait(
            "clients find the service",
            lambda: all(self.finds_service(client) for client in self.clients),
        )

    def outsider(self):
        """Returns command line arguments that make a tor elsewhere part of this network."""
        name, rest = self.authority_line.split(" ", 1)
        return [
            "--TestingTorNetwork",
            "1",
            "--ConfluxEnabled",
            "0",
            "--VanguardsLiteEnabled",
            "0",
            "--LearnCircuitBuildTimeout",
            "0",
            "--CircuitBuildTimeout",
            "30",
            f"--{name}",
            rest.strip(),
        ]

    def finds_service(self, client):
        name = self.onion.removesuffix(".onion")
        try:
            if client.ask(f"GETINFO hs/client/desc/id/{name}").startswith("250"):
                return True
            client.ask(f"HSFETCH {name}")
        except OSError:
            pass
        return False

    def stop(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
                node.process.terminate()
        for node in self.nodes:
            node.end()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
        if self.owner is None or os.geteuid() == 0:
            shutil.rmtree(self.root, ignore_errors=True)
