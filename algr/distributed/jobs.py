"""The same command line as a Ray job: sent to a cluster's head, its output shown here."""

import asyncio
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from algr.distributed.session import CREDENTIAL_ADVICE, use_token_if_there_is_one
from algr.errors import ClusterError, Interrupted

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_ADDRESS_VARIABLE = "RAY_API_SERVER_ADDRESS"
_PASSED_ON = ("ALGR_HOME", "ALGR_KEY_FILE", "MLFLOW_TRACKING_URI")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KNOCK_S = 5.0
_POLL_S = 0.5


def submit_job(words: Sequence[str], *, address: str | None, show: Callable[[str], None]) -> int:
    """Run `algr WORDS` on a cluster and show its output until it ends.

    On this machine's own head it runs in this folder with this Python; elsewhere the head's
    `algr` runs, and paths are the head's.

    Args:
        words: The command line after `algr`.
        address: URL of the head's job server; None for `RAY_API_SERVER_ADDRESS`, else port 8265
            of this machine.
        show: Takes the output, both streams together, piece by piece.

    Returns:
        The command's exit code.

    Raises:
        ClusterError: The server does not answer, refuses, or the job could not be started.
        Interrupted: The user stopped watching; the job goes on.
    """
    url = address or os.environ.get(_ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    host = _knock(url)
    client = _connect(url)
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        job = client.submit_job(
            entrypoint=entrypoint(words, is_local=host in _LOOPBACK),
            runtime_env={"env_vars": {**variables, "PYTHONUNBUFFERED": "1"}},
        )
    except (OSError, RuntimeError) as error:
        raise ClusterError(f"the cluster at {url} did not take the job: {error}") from None
    try:
        asyncio.run(_follow(client, job, show))
    except KeyboardInterrupt:
        raise Interrupted(
            f"job {job} goes on without being watched",
            advice=f"{_ADDRESS_VARIABLE}={url} ray job logs {job} --follow, or ray job stop {job}",
        ) from None
    return _exit_code(client, job)


def entrypoint(words: Sequence[str], *, is_local: bool) -> str:
    """The shell command of the job."""
    if not is_local:
        return shlex.join(["algr", *words])
    command = shlex.join([sys.executable, "-m", "algr", *words])
    return f"cd {shlex.quote(str(Path.cwd()))} && exec {command}"


def _knock(url: str) -> str:
    """The host of a URL at which something listens."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise ClusterError(
            f"--address {url} is not the address of a job server",
            expected=f"a URL such as {DEFAULT_ADDRESS}",
        )
    try:
        socket.create_connection((parts.hostname, port), timeout=_KNOCK_S).close()
    except OSError as error:
        raise ClusterError(
            f"no job server answers at {url}: {error}",
            expected="the dashboard of a running head",
            advice="start one with `ray start --head`, or give its URL with --address",
        ) from None
    return parts.hostname


def _connect(url: str) -> "JobSubmissionClient":
    use_token_if_there_is_one()
    import requests
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        with _variable(_ADDRESS_VARIABLE, url):  # Ray lets it override the argument
            return JobSubmissionClient(url)
    except AuthenticationError:
        raise ClusterError(
            f"the job server at {url} refuses this user: its token is missing or wrong",
            expected="the token that the cluster was started with",
            advice=CREDENTIAL_ADVICE,
        ) from None
    except (OSError, RuntimeError, KeyError, ValueError, requests.RequestException) as error:
        raise ClusterError(
            f"what answers at {url} is no Ray job server: {error}",
            expected="the dashboard of a running head, with ray[default] installed",
        ) from None


async def _follow(client: "JobSubmissionClient", job: str, show: Callable[[str], None]) -> None:
    """Show the job's output from its beginning to its end, across broken connections."""
    import aiohttp

    shown = 0
    while True:
        is_over = client.get_job_status(job).is_terminal()
        received = 0
        try:
            async for text in client.tail_job_logs(job):
                fresh = text[max(0, shown - received) :]
                received += len(text)
                if fresh:
                    show(fresh)
                    shown = max(shown, received)
        except (RuntimeError, aiohttp.ClientError):
            await asyncio.sleep(_POLL_S)
            continue
        if is_over or client.get_job_status(job).is_terminal():
            return


def _exit_code(client: "JobSubmissionClient", job: str) -> int:
    """The command's own exit code.

    Raises:
        ClusterError: The command did not run to its end.
    """
    while not (status := client.get_job_status(job)).is_terminal():
        time.sleep(_POLL_S)
    details = client.get_job_info(job)
    if details.driver_exit_code is not None:
        return int(details.driver_exit_code)
    if str(status.value) == "SUCCEEDED":
        return 0
    raise ClusterError(
        f"job {job} ended as {status.value}: {details.message}",
        advice="look at its log in the cluster's dashboard",
    )


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
