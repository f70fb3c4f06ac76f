"""Two hosts on one machine: network namespaces joined by a cable, each with its own /tmp/ray.

Needs root and iproute2, and nothing from any network.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HEAD_PORT = 6379
PLUG = "plug0"
"""The network interface of each host."""


@dataclass(frozen=True)
class Host:
    """One of them."""

    name: str
    address: str
    folder: Path
    """Its /tmp/ray."""

    def command(self, *words: str) -> list[str]:
        """Words to run there."""
        there = f"mount --bind {self.folder} /tmp/ray && exec {shlex.join(words)}"
        return ["ip", "netns", "exec", self.name, "sh", "-c", there]

    def processes(self) -> list[int]:
        """Whatever runs there."""
        return [int(word) for word in _ip("netns", "pids", self.name).split()]


class TwoHosts:
    """A head with one CPU and another host with one, of one Ray cluster.

    Args:
        folder: Of the test.
        environment: Of the nodes, and so of their workers; with the token of the cluster.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        Path("/tmp/ray").mkdir(exist_ok=True)
        self.environment = {**environment, "GLOO_SOCKET_IFNAME": PLUG}
        number = os.getpid() % 60000
        self.head = self._host(folder, f"algr-{number}-a", f"10.231.{number % 250}.1")
        self.other = self._host(folder, f"algr-{number}-b", f"10.231.{number % 250}.2")
        self.address = f"{self.head.address}:{HEAD_PORT}"

    def start(self) -> None:
        """Make the hosts, plug in the cable, and start Ray on both."""
        for host in (self.head, self.other):
            _ip("netns", "add", host.name)
            _ip("-n", host.name, "link", "set", "lo", "up")
        ends = ("netns", self.head.name), ("netns", self.other.name)
        _ip("link", "add", PLUG, *ends[0], "type", "veth", "peer", "name", PLUG, *ends[1])
        for host in (self.head, self.other):
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", PLUG)
            _ip("-n", host.name, "link", "set", PLUG, "up")
        self._start_node(self.head, "--head", f"--port={HEAD_PORT}", "--include-dashboard=false")
        self._start_node(self.other, f"--address={self.address}")

    def cut_cable(self) -> None:
        """From now on nothing passes, and nobody is told."""
        _ip("-n", self.other.name, "link", "set", PLUG, "down")

    def kill_other(self) -> None:
        """Take the power from the other host."""
        for pid in self.other.processes():
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all processes on both hosts, then the hosts."""
        for host in (self.head, self.other):
            end = time.monotonic() + 30
            while (left := host.processes()) and time.monotonic() < end:
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.2)
            _ip("netns", "delete", host.name)
            shutil.rmtree(host.folder, ignore_errors=True)

    def _start_node(self, host: Host, *words: str) -> None:
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *words]
        where = [f"--node-ip-address={host.address}", "--num-cpus=1", "--disable-usage-stats"]
        memory = "--object-store-memory=150000000"
        done = subprocess.run(
            host.command(*ray, *where, memory),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"`ray start` on {host.name}: {done.stderr}")

    @staticmethod
    def _host(folder: Path, name: str, address: str) -> Host:
        own = folder / name
        own.mkdir()
        return Host(name, address, own)


def why_no_hosts() -> str | None:
    """What this machine lacks, for a reader of the test's report."""
    if shutil.which("ip") is None:
        return "needs the command `ip`: apt-get install iproute2"
    name = f"algr-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"needs the right to make network namespaces: {made.stderr.strip()}"
    tried = "mount --bind /tmp /tmp"
    mounted = subprocess.run(
        ["ip", "netns", "exec", name, "sh", "-c", tried],
        capture_output=True,
        text=True,
        check=False,
    )
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return f"needs the right to mount: {mounted.stderr.strip()}" if mounted.returncode else None


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
