"""Runs the relay under test as behind Tor, with its settings, status and log."""

import json
import os
import pwd
import shutil
import signal
import subprocess
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from tor_network import Problem, wait_until

TOR_USER = "debian-tor"


class Relay:
    """The relay under test, run as an operator runs it."""

    def __init__(self, server, directory, ports, **settings):
        """`settings` override the usual ones of a relay behind a Unix socket."""
        self.settings = settings
        self.directory, self.health_port = directory, ports.take()
        self.socket = f"{directory}/meet/relay.sock"
        self.hostname = f"{directory}/hostname"
        self.log_path, self.process, self.identity = f"{directory}/relay.log", None, {}
        self.store = None
        os.makedirs(f"{directory}/meet", mode=0o750)
        # A copy, because the relay's user may not have access to the build folder.
        self.program = shutil.copy(server, f"{directory}/jm-directory-server")
        os.chmod(self.program, 0o755)
        if os.geteuid() == 0:
            group, user = pwd.getpwnam(TOR_USER).pw_gid, pwd.getpwnam("nobody").pw_uid
            self.identity = dict(user=user, group=group, extra_groups=[])
            os.chown(f"{directory}/meet", user, group)

    def start_store(self, program):
        """Starts a descriptor store, which this relay uses from its next start on."""
        path = f"{self.directory}/meet/store.sock"
        copy = shutil.copy(program, f"{self.directory}/jm-fd-store")
        os.chmod(copy, 0o755)
        self.store = subprocess.Popen(
            [copy, "--socket", path],
            cwd=self.directory,
            env={},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.identity,
        )
        self.settings["FD_STORE"] = path
        wait_until("the store listens", lambda: os.path.exists(path), 30)

    def stop_store(self):
        """Stops the store, which closes what it holds. The relay continues without it."""
        if self.store:
            self.store.terminate()
            self.store.wait()
            self.store = None

    def start(self):
        environment = {
            "PATH": os.environ["PATH"],
            "NETWORK": "mainnet",
            "HOST": "",
            "LISTEN_UNIX": self.socket,
            "LISTEN_UNIX_MODE": "0660",
            "PROXY_PROTOCOL": "true",
            "ONION_HOSTNAME_FILE": self.hostname,
            "ONION_PORT": "5222",
            "NICK_AUTH_DIRECTORY_ID": "auto",
            "HEALTH_CHECK_HOST": "127.0.0.1",
            "HEALTH_CHECK_PORT": str(self.health_port),
            "LOG_LEVEL": "info",
            "MOTD": "end to end",
            **self.settings,
        }
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program],
                env=environment,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                **self.identity,
            )
        wait_until("the relay is healthy", self.is_healthy, 30)

    def is_healthy(self):
        if self.process.poll() is not None:
            raise Problem(f"the relay exited {self.process.returncode}")
        try:
            return self.get("/health")["status"] == "healthy"
        except (HTTPException, OSError):
            return False

    def get(self, path):
        try:
            with urlopen(f"http://127.0.0.1:{self.health_port}{path}", timeout=5) as reply:
                return json.load(reply)
        except HTTPError as error:
            return json.load(error)

    def stop(self, how=signal.SIGTERM, seconds=15):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Problem(f"the relay did not stop within {seconds} s")
        return self.process and self.process.returncode

    def metric(self, name):
        with urlopen(f"http://127.0.0.1:{self.health_port}/metrics", timeout=5) as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.rsplit(" ", 1)[1])
        raise Problem(f"no metric {name}")

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()


class Check(Problem):
    pass


def check(condition, text):
    if not condition:
        raise Check(text)
