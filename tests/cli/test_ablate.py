"""`algr ablate`, `algr compare-models`, `algr results`: what a user types and sees."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from algr.cli.rows import RowsDisplay
from algr.compose import ABLATION, RowOutcome
from algr.config import DataHome
from algr.data import DatasetWriter
from algr.engine import FoldEpoch, FoldFailure
from algr.models.official import OFFICIAL_LABELS

SMALL = (
    *("--preset", "tiny", "--set", "model.input_size=64", "--set", "model.width=0.125"),
    *("--set", "train.num_epochs=1", "--workers", "1"),
)


@pytest.fixture
def faces(home: Path) -> str:
    """A dataset of noise with BP4D's action units."""
    random = np.random.default_rng(0)
    labels = OFFICIAL_LABELS["bp4d"]
    directory = DataHome(home).dataset("faces")
    with DatasetWriter(directory, kind="au", label_names=labels, simulated=True) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (2, 49, 2)).astype(np.float32),
                labels=random.integers(0, 2, (2, len(labels))),
            )
        writer.finish()
    return "faces"


def epoch_of_all_folds(epoch: int) -> tuple[FoldEpoch, ...]:
    return tuple(FoldEpoch(fold, epoch, {"loss": 1.0}, {"f1_mean": 0.5}, 1.0) for fold in range(3))


def test_published_tables_need_no_data(run, home: Path) -> None:
    done = run("results", "bp4d", "--table", 2)

    assert done.code == 0
    assert max(len(line) for line in done.out.splitlines()) <= 100
    assert "ALGRNet  51.2" in done.out
    tree = json.loads(run("results", "--table", 7, "--json").out)
    assert tree["tables"][0]["published_percent"][4]["average_of_cells"] == 75.3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("results", "nothing"), 2, "neither a dataset nor a run"),
        (("results", "--table", "8"), 2, "or equal to 7"),
        (("ablate", "--dataset", "faces", "--rows", "ful"), 2, "did you mean 'full'?"),
        (("ablate", "--dataset", "faces", "--rows", ","), 2, "--rows names no row"),
        (("ablate", "--dataset", "faces", "--set", "model.bilstm=plain"), 3, "every row sets it"),
        (("compare-models", "--dataset", "faces", "--workers", "4"), 2, "cannot be shared out"),
        (("compare-models", "--dataset", "none"), 4, "none"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(
    run, faces: str, home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*words)

    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert not (home / "runs").exists()


def test_the_time_left_counts_the_rows_that_are_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("algr.cli.rows.time.monotonic", lambda: clock[0])
    display = RowsDisplay()
    first, second = ABLATION.rows[:2]

    display.on_row_start(first, place=1, of=3)
    epochs = display.epochs("run x", 4, "f1_mean")
    epochs.started = clock[0]
    clock[0] = 10.0
    epochs.on_epoch(epoch_of_all_folds(0))
    clock[0] = 50.0
    failure = FoldFailure(0, 3, 1, "diverged", "the training loss is not finite")
    outcome = RowOutcome(row=first, run="x", finished=None, failure=failure)
    display.on_row_end(outcome, place=1, of=3, is_new=True)
    known = RowOutcome(row=second, run="y", finished=None, failure=failure)
    display.on_row_end(known, place=2, of=3, is_new=False)

    # a quarter took 10 s: 30 s for the rest, twice 40 s for two rows; then twice 50 s
    assert capsys.readouterr().err.splitlines() == [
        "row 1/3 w/o full (without-all)",
        "row 1/3 w/o full: epoch 1/4, loss 1.000, f1_mean 50.0 (folds 50.0 50.0 50.0), "
        "about 30 s left",
        "  all rows: about 2 min left",
        "row 1/3 w/o full: failed after 50 s; rows left: 2, about 2 min",
        "  fold 0: the training loss is not finite",
        "row 2/3 w/o F&R: failed before, not repeated",
        "  fold 0: the training loss is not finite",
    ]


@pytest.mark.ray
@pytest.mark.slow
def test_two_rows_become_a_table_and_are_not_repeated(run, home: Path, faces: str) -> None:
    """Typed in a process of its own: other tests have a Ray running in this one."""

    def algr(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "algr", *(str(word) for word in words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    study = ("ablate", "--dataset", faces, *SMALL, "--name", "first")
    done = algr(*study, "--rows", "full,without-all", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [row["name"] for row in found["rows"]] == ["without-all", "full"]
    first, full = (row["cv"] for row in found["rows"])
    assert first["folds_hash"] == full["folds_hash"] == found["folds_hash"]
    assert found["rows"][0]["difference"]["mean"] == pytest.approx(
        first["mean"]["f1_mean"] - full["mean"]["f1_mean"]
    )
    assert (home / "runs/first/table.json").read_text() == done.stdout
    assert list((home / "tracking/artifacts").rglob("table.md"))

    again = algr(*study, "--rows", "full", "--resume", "--json")
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert "row 1/1 ALGRNet: done before, not repeated" in again.stderr

    shown = run("results", "first", "--table", 5)
    assert (shown.code, shown.err) == (0, "")
    row = "[1] first-without-all: w/o full; dataset faces, protocol honest, 3 folds, simulated"
    assert row in shown.out
    assert "[2] ALGRNet" in shown.out
