"""A cluster of several nodes for a test; see `nodes_host`."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Nodes:
    """Starts nodes and kills them. The token of the cluster stands in the environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        Path("/tmp/ray").mkdir(exist_ok=True)  # Ray writes there, and does not make it
        self._host = subprocess.Popen(
            [sys.executable, str(HERE / "nodes_host.py")],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.address = self._hear()

    def add(self) -> str:
        """Start a node of one CPU; its id."""
        return self._tell("add")

    def kill(self, *nodes: str) -> None:
        """End nodes as a power cut would."""
        self._tell(f"kill {' '.join(nodes)}")

    def close(self) -> None:
        """End all."""
        with self._host:
            self._host.communicate(timeout=60)

    def _tell(self, line: str) -> str:
        assert self._host.stdin is not None
        self._host.stdin.write(f"{line}\n")
        self._host.stdin.flush()
        return self._hear()

    def _hear(self) -> str:
        assert self._host.stdout is not None
        return self._host.stdout.readline().strip()
