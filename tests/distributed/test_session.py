"""Attaching to clusters that are not there, or that refuse."""

import os
import socket
import time
from collections.abc import Iterator

import pytest

from algr.distributed import ray_session, session
from algr.errors import ClusterError

pytestmark = pytest.mark.usefixtures("same_environment_after")


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _attach(address: str) -> ClusterError:
    with pytest.raises(ClusterError) as caught, ray_session(address=address):
        pass
    return caught.value


def test_an_address_at_which_nothing_listens_is_an_error_in_seconds(free_port):
    started = time.monotonic()

    error = _attach(f"127.0.0.1:{free_port}")

    assert f"no Ray cluster answers at 127.0.0.1:{free_port}" in error.found
    assert "ray start --head" in error.advice
    assert time.monotonic() - started < 10


def test_an_unknown_host_is_an_error():
    assert "no Ray cluster answers" in _attach("no-such-host.invalid:6379").found


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.1:", ":6379", "10.0.0.1:ray"])
def test_an_address_without_host_or_port_shows_one_that_has_both(address):
    assert "10.0.0.1:6379" in _attach(address).expected


@pytest.mark.parametrize("address", ["http://10.0.0.1:8265", "ray://10.0.0.1:10001"])
def test_a_url_is_answered_with_the_command_that_takes_one(address):
    assert "algr submit --address http" in _attach(address).advice


def test_ray_address_is_used_where_no_option_is_given(monkeypatch, free_port):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port}")

    with pytest.raises(ClusterError, match=str(free_port)), ray_session(address=None):
        pass


def test_a_port_of_something_else_is_not_waited_for(monkeypatch, listening_port):
    monkeypatch.setattr(session, "_HEALTH_S", 2.0)

    assert "it is not Ray" in _attach(f"127.0.0.1:{listening_port}").found


@pytest.mark.parametrize(
    "reason",
    [
        "RPC error: InvalidAuthToken: Authentication token is missing or incorrect.",
        "Token authentication is enabled but no authentication token was found.",
    ],
)
def test_a_refused_token_is_answered_with_how_to_give_it(reason):
    error = session._refused("10.0.0.1:6379", reason)

    assert "its token is missing or wrong" in error.found
    assert "RAY_AUTH_MODE=token" in error.advice


def test_another_version_on_the_cluster_is_said_to_be_one():
    error = session._refused("10.0.0.1:6379", "Version mismatch: The cluster was started with 2.9")

    assert "runs other versions" in error.found


@pytest.fixture
def no_token(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("no_token")
class TestToken:
    def test_without_a_token_none_is_sent(self):
        session.use_token_if_there_is_one()

        assert "RAY_AUTH_MODE" not in os.environ

    @pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
    def test_a_token_in_the_environment_is_sent(self, monkeypatch, name):
        monkeypatch.setenv(name, "something")

        session.use_token_if_there_is_one()

        assert os.environ["RAY_AUTH_MODE"] == "token"

    def test_a_token_in_its_usual_file_is_sent(self, tmp_path):
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("something")

        session.use_token_if_there_is_one()

        assert os.environ["RAY_AUTH_MODE"] == "token"

    def test_what_the_user_decided_stays(self, monkeypatch):
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        monkeypatch.setenv("RAY_AUTH_TOKEN", "something")

        session.use_token_if_there_is_one()

        assert os.environ["RAY_AUTH_MODE"] == "disabled"
