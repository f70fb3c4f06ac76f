"""One Ray session: started in this process, or attached to a running cluster.

Nothing here or in the package imports ray before the settings below are in the environment.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from algr.errors import ClusterError

_QUIET: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else a worker's death is printed to standard output
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # start workers side by side; the search sets the limit
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "0",
    "TUNE_WARN_THRESHOLD_S": "60",
}
_LOCAL: Mapping[str, str] = {
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.05",
    "RAY_worker_niceness": "0",
}
_CLUSTER: Mapping[str, str] = {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.25"}

_OBJECT_STORE_BYTES = 256 * 1024**2
_KNOCK_S = 5.0
_HEALTH_S = 20.0
_START_ADVICE = "start one with `ray start --head`, or leave --address out to train on this machine"
CREDENTIAL_ADVICE = (
    "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the cluster's token or RAY_AUTH_TOKEN_PATH to "
    "its file (on the head: ~/.ray/auth_token, or `ray get-auth-token`)"
)


@dataclass(frozen=True)
class Devices:
    """What a session has in all."""

    cpus: int
    gpus: int

    @property
    def count(self) -> int:
        """GPUs where there are some, else CPUs."""
        return self.gpus or self.cpus


@contextmanager
def ray_session(*, address: str | None, num_cpus: int | None = None) -> Iterator[Devices]:
    """Run the block within Ray; it ends with the block, whatever happens.

    Args:
        address: HOST:PORT of a running cluster; None for `RAY_ADDRESS` if that is set (as it is
            inside a Ray job), else for a Ray of this process's own, as "local" always is.
        num_cpus: CPUs of Ray's own start; by default all of the machine.

    Raises:
        ClusterError: The cluster does not answer, refuses, or runs another version.
    """
    chosen = address or os.environ.get("RAY_ADDRESS") or "local"
    is_local = chosen == "local"
    _set_environment(is_local=is_local)
    if not is_local:
        _check_reachable(chosen)
    import ray

    try:
        if is_local:
            ray.init(
                address="local",
                num_cpus=num_cpus,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level="ERROR",
            )
        else:
            ray.init(address=chosen, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # noqa: BLE001 - a slow start raises a bare Exception
        ray.shutdown()
        raise _refused(chosen, str(error)) from None
    try:
        with _terminated_like_ctrl_c():
            yield cluster_devices()
    finally:
        ray.shutdown()


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """Stop cleanly on SIGTERM too, which is what schedulers and `kill` send.

    Ray's own handler, which `ray.init` puts in place, ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def cluster_devices() -> Devices:
    """CPUs and GPUs of the current session."""
    import ray

    resources = ray.cluster_resources()
    return Devices(cpus=int(resources.get("CPU", 0)), gpus=int(resources.get("GPU", 0)))


def devices_at(address: str | None) -> Devices:
    """What a session would have: a cluster is asked, this machine is not started for it.

    Raises:
        ClusterError: The cluster does not answer.
    """
    chosen = address or os.environ.get("RAY_ADDRESS") or "local"
    if chosen != "local":
        with ray_session(address=chosen) as devices:
            return devices
    import torch

    return Devices(cpus=os.cpu_count() or 1, gpus=torch.cuda.device_count())


def use_token_if_there_is_one() -> None:
    """Make Ray's clients send the token: without RAY_AUTH_MODE they do not, even if they have it.

    Measured with Ray 2.60: `ray.init(address=...)` with a token file but without the mode tries for
    20 s and fails; a cluster without authentication does not mind a token.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if named or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ["RAY_AUTH_MODE"] = "token"


def _set_environment(*, is_local: bool) -> None:
    """Ray's settings; what the user has set stays."""
    for name, value in {**_QUIET, **(_LOCAL if is_local else _CLUSTER)}.items():
        os.environ.setdefault(name, value)
    if not is_local:
        use_token_if_there_is_one()


def _check_reachable(address: str) -> None:
    """Knock before `ray.init`, which would try for minutes."""
    if "://" in address:
        raise ClusterError(
            f"--address {address} is not the address of a cluster's head",
            expected="HOST:PORT, for instance 10.0.0.1:6379, from a machine of the cluster",
            advice="from outside of the cluster: algr submit --address http://HEAD:8265 -- …",
        )
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"--address {address} has no port", expected="HOST:PORT, for instance 10.0.0.1:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from None
    _check_health(address)


def _check_health(address: str) -> None:
    """Ask whether a Ray head answers there, and whether it takes our token."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, capture_output=True, text=True, timeout=_HEALTH_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(address, "something listens there, but it is not Ray") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["the head is not healthy"]
        raise _refused(address, lines[-1])


def _unreachable(address: str, reason: str) -> ClusterError:
    return ClusterError(
        f"no Ray cluster answers at {address}: {reason}",
        expected="HOST:PORT of a running head, as `ray start --head` prints it",
        advice=_START_ADVICE,
    )


def _refused(address: str, reason: str) -> ClusterError:
    if any(word in reason for word in ("AuthToken", "Authentication", "authentication token")):
        return ClusterError(
            f"the Ray cluster at {address} refuses this user: its token is missing or wrong",
            expected="the token that the cluster was started with",
            advice=CREDENTIAL_ADVICE,
        )
    if address == "local":
        return ClusterError(
            f"Ray does not start on this machine: {reason}",
            expected="a machine with some free memory and processor time",
            advice="end what keeps it busy, then repeat the command, with --resume if it was begun",
        )
    if "Version mismatch" in reason or "version" in reason.lower():
        return ClusterError(
            f"the Ray cluster at {address} runs other versions: {reason}",
            expected="the same versions of Ray and Python on all machines",
            advice="install the same constraints.txt there, or use `algr submit`",
        )
    return ClusterError(
        f"the Ray cluster at {address} cannot be used: {reason}",
        expected="a running cluster, of which this machine is a node",
        advice=_START_ADVICE + "; from outside of the cluster use `algr submit`",
    )
