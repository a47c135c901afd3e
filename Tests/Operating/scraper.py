"""Debian's Prometheus scrapes one relay each second, with the rules of deploy/prometheus."""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request

from relay import ROOT, free_port

RULES = os.path.join(ROOT, "deploy", "prometheus")


def target(job, port):
    return f"- {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"


class Prometheus:
    def __init__(self, relay, rules=None, tor=None):
        """`tor` has a metrics port, too."""
        self.folder = tempfile.mkdtemp(prefix="prometheus-test-")
        self.port = free_port()
        if rules is None:
            with open(os.path.join(RULES, "rules.yml")) as file:
                rules = file.read()
        with open(os.path.join(self.folder, "rules.yml"), "w") as file:
            file.write(rules)
        with open(os.path.join(self.folder, "prometheus.yml"), "w") as file:
            file.write(
                "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
                "scrape_configs:\n"
                + target("jm-directory", relay.status_port)
                + (target("jm-directory-tor", tor.port) if tor else "")
            )
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={self.folder}/prometheus.yml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, expression):
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10
            ) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return []

    def value(self, expression):
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None
