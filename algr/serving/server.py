"""Running the service in this process until it is stopped."""

import contextlib
import socket
from pathlib import Path

from algr.bundle import check_golden, read_bundle
from algr.data import LandmarkSource
from algr.errors import UsageError
from algr.serving.app import create_app
from algr.serving.predictor import Predictor

_GRACE_S = 20


def serve(
    directory: Path, *, models: Path | None = None, host: str = "127.0.0.1", port: int = 8000
) -> None:
    """Verify a bundle, check that it computes here what it should, and serve it.

    Args:
        directory: Of the bundle.
        models: Of the landmark detector, where it can run.
        host: Address to listen on.
        port: To listen on.

    Raises:
        UsageError: There is no bundle, or the address cannot be listened on.
        IntegrityError: The bundle was altered, or computes other values on this machine; or a
            model of the detector was altered.
    """
    import uvicorn

    bundle = read_bundle(directory)
    check_golden(bundle)
    detector = None if models is None else LandmarkSource(path=None, models=models)
    if detector is not None:
        detector.open()  # now, not with the first request
    app = create_app(Predictor(bundle), detector=detector)
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            stack.pop_all()
            return listener
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            expected="an address of this machine and a port that is free",
            advice="choose another one with --host and --port",
        ) from error
