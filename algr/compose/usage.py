"""What is done with trained models and with clusters: list, pull, predict, serve, look, submit."""

import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from algr.config import DataHome
from algr.data import ready_models
from algr.distributed import submit_job
from algr.errors import UsageError
from algr.tracking import PulledModel, list_models, pull, ui_command
from algr.tracking import sync as replay_ledgers


def list_registered(home: DataHome, *, tracking_uri: str | None) -> list[dict[str, Any]]:
    """All registered versions, by name, newest first.

    Raises:
        TrackingError: The registry does not answer.
    """
    return [version.to_dict() for version in list_models(home, uri=tracking_uri)]


def pull_model(
    reference: str, *, home: DataHome, out: Path | None, tracking_uri: str | None
) -> PulledModel:
    """Fetch a registered model and verify it.

    Raises:
        UsageError: The reference is none, or the folder holds something else.
        TrackingError: There is no such model.
        IntegrityError: A file is not what was registered.
    """
    return pull(reference, home=home, out=out, uri=tracking_uri)


def predict_files(
    model: Path, files: Sequence[Path], *, home: DataHome, landmarks: Path | None, fps: float
) -> list[dict[str, Any]]:
    """Predictions of each file, in the form that `algr predict --json` prints.

    Raises:
        UsageError: One landmark file was given for several files, or the rate is no number.
        DataError: A file cannot be read, or its landmarks are missing.
        IntegrityError: The model's files were altered.
    """
    from algr.serving import Predictor

    if landmarks is not None and len(files) > 1:
        raise UsageError(
            f"--landmarks names one file, but there are {len(files)} files to predict",
            expected="a landmark file beside each of them, or one file at a time",
        )
    if not (math.isfinite(fps) and fps > 0):
        raise UsageError(
            f"--fps {fps:g}", expected="frames per second, a number above 0", advice="leave it out"
        )
    predictor, models = Predictor.open(model), ready_models(home)
    return [
        predictor.predict_file(file, landmarks=landmarks, models=models, fps=fps) for file in files
    ]


def run_ui(
    home: DataHome, *, tracking_uri: str | None, host: str, port: int, say: Callable[[str], None]
) -> int:
    """Run MLflow's interface until it is stopped; a server's own is only named.

    Returns:
        The exit status of the interface.

    Raises:
        TrackingError: The store cannot be used.
    """
    command = ui_command(home, uri=tracking_uri, host=host, port=port)
    say(f"open {command.url}")
    if not command.argv:
        return 0
    say("stop it with Ctrl-C")
    done = subprocess.run(command.argv, env=command.environment, check=False)  # noqa: S603
    return done.returncode


def submit(words: Sequence[str], *, address: str | None, show: Callable[[str], None]) -> int:
    """Run an algr command line on a cluster as a job, showing its output as it comes.

    Returns:
        The exit status of the command there.

    Raises:
        ClusterError: The cluster does not answer or refuses.
    """
    return submit_job(words, address=address, show=show)


def sync_ledger(home: DataHome, *, tracking_uri: str | None) -> dict[str, int]:
    """Send what an outage of the tracking store left in the ledger.

    Raises:
        TrackingError: The store does not answer.
    """
    report = replay_ledgers(home, uri=tracking_uri)
    return {
        "ledgers": report.num_ledgers,
        "records": report.num_records,
        "closed_runs": report.num_closed_runs,
    }
