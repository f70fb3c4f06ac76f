"""Jobs: the same command line on a cluster."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import kill_all, wait_until

from algr.distributed import jobs, submit_job
from algr.errors import ClusterError

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("same_environment_after")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    return _free_port()


def test_on_this_machine_a_job_runs_here_with_this_python(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    command = jobs.entrypoint(["tune", "--name", "a b"], is_local=True)

    assert command == f"cd {tmp_path} && exec {sys.executable} -m algr tune --name 'a b'"


def test_elsewhere_a_job_is_the_heads_own_algr():
    assert jobs.entrypoint(["cv", "--set", "a=1;b"], is_local=False) == "algr cv --set 'a=1;b'"


def test_a_server_that_is_not_there_is_an_error_in_seconds(free_port):
    started = time.monotonic()

    with pytest.raises(ClusterError, match="no job server answers") as caught:
        submit_job(["--version"], address=f"http://127.0.0.1:{free_port}", show=print)

    assert caught.value.exit_code == 7
    assert "ray start --head" in caught.value.advice
    assert time.monotonic() - started < 10


def test_the_address_of_the_environment_is_the_default(monkeypatch, free_port):
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", f"http://127.0.0.1:{free_port}")

    with pytest.raises(ClusterError, match=str(free_port)):
        submit_job(["--version"], address=None, show=print)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8265", "ray://127.0.0.1:1", "http://", "http://a:b"]
)
def test_what_is_no_url_of_a_job_server_is_answered_with_one(address):
    with pytest.raises(ClusterError, match="http://127.0.0.1:8265"):
        submit_job(["--version"], address=address, show=print)


def _environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "RAY_USAGE_STATS_ENABLED": "0", **changes}


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A head with a token, on ports of its own; its URL, address and token."""
    head, dashboard, client, agent = (_free_port() for _ in range(4))
    token = secrets.token_hex(32)
    folder = Path("/tmp") / f"algr-{os.getpid()}"  # short: sockets have at most 107 characters
    process = subprocess.Popen(
        [
            sys.executable,
            *("-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"),
            *("--port", str(head), "--dashboard-port", str(dashboard)),
            *("--ray-client-server-port", str(client), "--dashboard-agent-listen-port", str(agent)),
            *("--temp-dir", str(folder), "--object-store-memory", "100000000"),
        ],
        env=_environment(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield {
            "url": f"http://127.0.0.1:{dashboard}",
            "address": f"127.0.0.1:{head}",
            "token": token,
        }
    finally:
        kill_all([process.pid])  # a gentle end takes Ray half a minute
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


_SCRIPT = """
import sys
from algr.distributed import submit_job
from algr.errors import AlgrError
try:
    code = submit_job(sys.argv[2:], address=sys.argv[1], show=sys.stdout.write)
except AlgrError as error:
    sys.stderr.write(error.message)
    code = error.exit_code
sys.exit(code)
"""


def _submit(head: dict[str, str], *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT, head["url"], *words],
        env=_environment(**environment),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def first_job(head: dict[str, str]) -> subprocess.CompletedProcess:
    """What `config show` left, once the head takes jobs."""
    port = int(head["url"].rpartition(":")[2])

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        return False

    wait_until(listens, seconds=90)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        done = _submit(head, "config", "show", RAY_AUTH_TOKEN=head["token"])
        if done.returncode == 0:
            return done
        time.sleep(1)
    raise TimeoutError(done.stderr)


@pytest.mark.ray
@pytest.mark.slow
class TestOnAHead:
    def test_a_job_shows_its_output_and_ends_with_its_exit_code(self, head, first_job):
        wrong = _submit(head, "config", "show", "--set", "a=1", RAY_AUTH_TOKEN=head["token"])

        assert first_job.returncode == 0
        assert "train.learning_rate" in first_job.stdout
        assert wrong.returncode == 3
        assert "unknown key" in wrong.stdout

    @pytest.mark.usefixtures("first_job")
    def test_without_its_token_the_head_refuses_and_the_message_says_how_to_give_it(
        self, head, tmp_path
    ):
        done = _submit(head, "--version", HOME=str(tmp_path))

        assert done.returncode == 7
        assert "its token is missing or wrong" in done.stderr
        assert "RAY_AUTH_TOKEN" in done.stderr

    @pytest.mark.usefixtures("first_job")
    def test_a_driver_attaches_with_the_token_and_is_refused_without(self, head, tmp_path):
        script = (
            "import sys\n"
            "from algr.distributed import ray_session\n"
            "from algr.errors import AlgrError\n"
            "try:\n"
            "    with ray_session(address=sys.argv[1]) as devices: print(devices.cpus)\n"
            "except AlgrError as error: sys.exit(error.message)\n"
        )

        def attach(**environment: str) -> subprocess.CompletedProcess:
            return subprocess.run(
                [sys.executable, "-c", script, head["address"]],
                env=_environment(**environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )

        started = time.monotonic()
        refused = attach(HOME=str(tmp_path))
        seconds = time.monotonic() - started

        assert attach(RAY_AUTH_TOKEN=head["token"]).stdout == "2\n"
        assert "its token is missing or wrong" in refused.stderr
        assert seconds < 30
