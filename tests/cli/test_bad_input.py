"""Whatever is wrong gives one message, the documented exit code, and leaves the disk as it was."""

import csv
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest


def _tree(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _copy(clinic: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clinic, tmp_path / "copy"))


def _rewrite(source: Path, change: Any) -> None:
    """Rewrite the manifest; `change` gets the header and the rows as dictionaries."""
    path = source / "manifest.csv"
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or ()), list(reader)
    header, rows = change(header, rows)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([row.get(name, "") for name in header] for row in rows)


def _prepare(run: Any, source: Path, *more: str) -> Any:
    return run(
        "data",
        "prepare",
        "clinic",
        "--source",
        source,
        "--name",
        "sim",
        "--fps",
        3,
        "--jobs",
        1,
        *more,
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("cv", "--dataset", "fpara"), 4, "algr data prepare clinic --source DIR --name fpara"),
        (("tune", "--dataset", "fpara"), 4, "algr data prepare clinic --source DIR --name fpara"),
        (("data", "verify", "fpara"), 4, "fpara"),
        (("data", "info", "fpara"), 4, "fpara"),
        (
            ("cv", "--dataset", "x", "--set", "train.num_epoch=1"),
            3,
            "did you mean 'train.num_epochs'",
        ),
        (
            ("cv", "--dataset", "x", "--set", "train.batch_size=0"),
            3,
            "train.batch_size: 0 is refused",
        ),
        (("cv", "--dataset", "x", "--config", "absent.yaml"), 3, "absent.yaml does not exist"),
        (("cv", "--dataset", "../x"), 2, "cannot be used as a name"),
        (("cv", "--dataset", "x", "--preset", "big"), 2, "paper"),
        (("cv",), 2, "--dataset"),
        (("predict", "--model", "absent", "x.mp4"), 2, "absent"),
        (("predict", "--model", "absent", "--fps", "inf", "x.mp4"), 2, "--fps inf"),
        (("predict", "--model", "absent", "--fps", "nan", "x.mp4"), 2, "--fps"),
    ],
)
def test_a_wrong_command_line(
    run: Any, home: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not home.exists()


def _misspell(header: list[str], rows: list[dict[str, str]]) -> Any:
    renamed = ["grade_hd" if name == "grade_hb" else name for name in header]
    return renamed, [{**row, "grade_hd": row["grade_hb"]} for row in rows]


def _drop_patient(header: list[str], rows: list[dict[str, str]]) -> Any:
    return [name for name in header if name != "patient_id"], rows


def _impossible(header: list[str], rows: list[dict[str, str]]) -> Any:
    return header, [{**rows[0], "grade_hb": "7"}, *rows[1:]]


def _no_grade(header: list[str], rows: list[dict[str, str]]) -> Any:
    return header, [{**row, "grade_hb": ""} for row in rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_misspell, "did you mean 'grade_hb'"),
        (_drop_patient, "patient_id"),
        (_impossible, "7"),
        (_no_grade, "grade_hb"),
    ],
)
def test_a_wrong_manifest(
    run: Any, home: Path, clinic: Path, tmp_path: Path, change: Any, message: str
) -> None:
    source = _copy(clinic, tmp_path)
    _rewrite(source, change)
    done = _prepare(run, source)
    assert (done.code, done.out) == (4, "")
    assert message in done.err
    assert "manifest.csv" in done.err
    assert "Traceback" not in done.err
    assert _tree(home) == {}


def test_an_unreadable_video_is_named_and_left_out_or_stops_a_strict_preparation(
    run: Any, home: Path, clinic: Path, tmp_path: Path
) -> None:
    source = _copy(clinic, tmp_path)
    video = min(source.glob("*.mp4"))
    video.write_bytes(video.read_bytes()[:300])
    strict = _prepare(run, source, "--strict")
    assert strict.code == 4
    assert video.name in strict.err
    assert not (home / "datasets" / "sim").exists()
    done = _prepare(run, source)
    assert done.code == 0
    assert video.name in done.out + done.err


@pytest.fixture
def prepared(run: Any, home: Path, clinic: Path) -> Path:
    done = _prepare(run, clinic)
    assert done.code == 0, done.err
    return home / "datasets" / "sim"


def test_an_altered_byte_is_found_by_verify_and_a_changed_size_at_every_use(
    run: Any, prepared: Path
) -> None:
    assert run("data", "verify", "sim").code == 0
    shard = min(prepared.glob("frames-*.arrow"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    altered = run("data", "verify", "sim")
    assert (altered.code, altered.out) == (8, "")
    assert shard.name in altered.err
    shard.write_bytes(content[:-8])
    used = run("cv", "--dataset", "sim")
    assert used.code == 8
    assert shard.name in used.err


@pytest.mark.parametrize("command", ["cv", "tune"])
def test_a_cluster_or_server_that_does_not_answer(
    run: Any, home: Path, prepared: Path, command: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        before = _tree(home)
        address = run(command, "--dataset", "sim", "--address", f"127.0.0.1:{port}")
        assert address.code == 7
        assert f"127.0.0.1:{port}" in address.err
    assert _tree(home) == before


def test_a_tracking_server_that_does_not_answer(run: Any, home: Path, prepared: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
        before = _tree(home)
        done = run("models", "list", "--tracking-uri", uri)
    assert done.code == 6
    assert uri in done.err
    assert _tree(home) == before


def test_a_model_that_is_not_registered(run: Any, home: Path) -> None:
    done = run("models", "pull", "sim@champion", "--out", home.parent / "model")
    assert done.code == 6
    assert "sim@champion" in done.err
    assert not (home.parent / "model").exists()
    assert not home.exists()


@pytest.mark.parametrize("command", ["cv", "tune"])
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--workers", "5"), 2, "--workers 5 cannot be shared out over 3 folds"),
        (("--set", "train.compile=on"), 3, "train.compile"),
        (("--workers", "6", "--set", "train.batch_size=2"), 3, "train.batch_size"),
        (
            ("--set", "model.cell_state=gated_sum", "--set", "model.bilstm=plain"),
            3,
            "model.cell_state",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(
    run: Any,
    home: Path,
    prepared: Path,
    command: str,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    before = _tree(home)

    done = run(command, "--dataset", "sim", *words)

    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err
    assert _tree(home) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("cv", "--folds", "many"), 2, "--folds many is no number of folds"),
        (("cv", "--folds", "1"), 3, "cv.num_folds: 1 is refused"),
        (("cv", "--protocol", "fair"), 2, "fair"),
        (("cv", "--protocol", "nested"), 3, "use `algr tune --protocol nested`"),
        (("tune", "--set", "cv.repeats=2"), 3, "a search has one drawing of the folds"),
    ],
)
def test_wrong_protocols_and_folds_are_refused(
    run: Any, home: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    command, *options = words
    done = run(command, "--dataset", "sim", *options)
    assert done.code == code
    assert message in " ".join(done.err.split())
