"""The service as a process."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from algr.bundle import Bundle
from algr.errors import IntegrityError, UsageError
from algr.serving import serve


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_named(grade_bundle: Bundle, taken_port: int) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{taken_port}") as caught:
        serve(grade_bundle.directory, port=taken_port)

    assert "--port" in caught.value.advice


def test_an_altered_bundle_is_not_served(grade_bundle: Bundle, tmp_path: Path) -> None:
    for path in grade_bundle.directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "card.md").write_text("")

    with pytest.raises(IntegrityError, match=r"card\.md"):
        serve(tmp_path)


def test_the_service_comes_up_answers_and_ends_when_asked(
    grade_bundle: Bundle, taken_port: int
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from pathlib import Path; from algr.serving import serve; "
    code += "serve(Path(sys.argv[1]), port=int(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(grade_bundle.directory), str(port)])

    ready = json.loads(get(f"http://127.0.0.1:{port}/readyz"))
    process.send_signal(signal.SIGTERM)

    assert ready["model"]["sha256"] == grade_bundle.sha256
    assert process.wait(timeout=30) in (0, -signal.SIGTERM)


def test_serving_needs_neither_torch_nor_mlflow(grade_bundle: Bundle) -> None:
    code = (
        "import sys; from pathlib import Path; from algr.serving import Predictor, create_app; "
        "create_app(Predictor.open(Path(sys.argv[1]), threads=1)); "
        "print([name for name in ('torch', 'mlflow', 'ray', 'optuna') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(grade_bundle.directory)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def get(url: str) -> bytes:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return bytes(reply.read())
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.2)
