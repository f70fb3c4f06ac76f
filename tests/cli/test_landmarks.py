"""`algr landmarks` and `algr data landmarks`, as a user types them."""

import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from algr.data import read_landmark_csv
from tests.data import landmark_files as files


def test_a_file_of_another_program_becomes_ours(run: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "visit.csv", tmp_path / "visit_land.csv"
    source.write_text(files.openface2(files.some_points(3, 68), success=[1, 0, 1]))

    done = run("data", "landmarks", "convert", source, "--out", out)

    assert done.code == 0
    assert done.out.strip() == f"{out}: 3 frames of OpenFace 2"
    assert "note: no face in 1 of 3 frames" in done.err
    assert read_landmark_csv(out).frames.tolist() == [0, 1, 2]


def test_base_and_first_frame_are_what_the_user_says(run: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "pts", tmp_path / "a_land.csv"
    source.mkdir()
    (source / "f7.pts").write_text(files.pts(files.some_points(1, 49)[0]))

    words = ("--base", "0", "--first-frame", "5", "--json")
    done = run("data", "landmarks", "convert", source, "--out", out, *words)

    assert done.code == 0
    assert json.loads(done.out) == {
        "out": str(out),
        "format": ".pts folder",
        "frames": 1,
        "notes": ["pixels counted from 0", "frames counted from 5 in the names of the files"],
    }
    assert read_landmark_csv(out).frames.tolist() == [2]


def test_a_file_that_is_there_is_kept_unless_told_otherwise(run: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "a.pts", tmp_path / "a_land.csv"
    source.write_text(files.pts(files.some_points(1, 49)[0]))
    out.write_text("corrected by hand")

    refused = run("data", "landmarks", "convert", source, "--out", out)
    kept = out.read_text()
    replaced = run("data", "landmarks", "convert", source, "--out", out, "--replace")

    assert (refused.code, kept, replaced.code) == (2, "corrected by hand", 0)
    assert "is there already" in refused.err
    assert read_landmark_csv(out).frames.tolist() == [0]


def test_a_wrong_file_is_a_data_error_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "a_land.csv"
    source.write_text("1 2 3\n")

    done = run("data", "landmarks", "convert", source, "--out", out)

    assert done.code == 4
    assert "line 1: 3 numbers instead of 98" in done.err
    assert not out.exists()


def test_status_says_what_is_missing(run: Any, home: Path) -> None:
    done = run("landmarks", "status", "--json")

    report = json.loads(done.out)
    assert done.code == 0
    assert report["ready"] is False
    assert report["runtime"] is (find_spec("ai_edge_litert") is not None)
    assert report["folder"] == str(home / "models" / "landmarks")
    assert set(report["models"].values()) == {"missing"}
    assert "mediapipe==0.10.21" in report["to_do"][-1]


def test_another_wheel_is_refused(run: Any, home: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr("mediapipe/modules/face_landmark/face_landmark.tflite", b"other")

    done = run("landmarks", "install", "--from", tmp_path / "other.whl")

    assert done.code == 4
    assert "face_detection_short_range.tflite: not in it" in done.err
    assert "face_landmark.tflite: SHA-256" in done.err
    assert not (home / "models").exists()


@pytest.mark.usefixtures("home")
def test_detecting_without_the_detector_says_how_to_get_it(run: Any, tmp_path: Path) -> None:
    done = run("data", "landmarks", "detect", tmp_path / "a.mp4")

    assert done.code == 4
    assert "the landmark detector is not installed" in done.err
    assert "algr landmarks install --from" in done.err
