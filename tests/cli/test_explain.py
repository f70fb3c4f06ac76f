"""`algr explain` by its command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algr.bundle import Bundle, write_bundle
from algr.serving import Predictor
from tests.conftest import make_spec
from tests.unexported import small_model, write_unexported

UNITS = ("AU1", "AU12")


@pytest.fixture(scope="module")
def unit_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, config = small_model("au", UNITS)
    spec = make_spec(config=config, kind="au", labels=UNITS, regions=UNITS)
    folder = tmp_path_factory.mktemp("models") / "units"
    return write_unexported(folder, model=model, spec=spec).directory


@pytest.fixture(scope="module")
def grade_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, config = small_model("grade", (), bilstm="none")
    spec = make_spec(config=config, regions=tuple(f"muscle {number}" for number in range(6)))
    folder = tmp_path_factory.mktemp("models") / "grade"
    return write_unexported(folder, model=model, spec=spec).directory


@pytest.fixture(scope="module")
def whole_face_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, config = small_model("grade", (), kind="resnet18")
    folder = tmp_path_factory.mktemp("models") / "whole"
    spec = make_spec(config=config, regions=())
    return write_unexported(folder, model=model, spec=spec).directory


@pytest.fixture
def aligned(photo: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(photo[:200, :200]).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def figures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read(folder: Path) -> Any:
    return json.loads((folder / "explain.json").read_text())


def test_a_video_gives_four_figures_and_their_numbers(
    run: Any, grade_model: Path, video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"

    done = run("explain", "--model", grade_model, video, "--out", out)

    assert done.code == 0, done.err
    names = [f"visit_frame{frame:06d}_explained.png" for frame in (5, 15, 25, 35)]
    assert figures(out) == ["explain.json", *names]
    lines = done.out.splitlines()
    assert lines[0].startswith("visit.mp4 frame 5 (0.25 s): ")
    assert lines[0].endswith(str(out / names[0]))
    assert lines[4] == "visit.mp4: left out 2 frames (no row in the landmark file)"
    content = read(out)
    assert [face["figure"] for face in content["faces"]] == names
    assert {len(face["regions"]) for face in content["faces"]} == {6}
    assert content["model"]["name"] == "algr-clinic"
    assert "research use" in content["notice"].lower()


def test_action_units_of_an_image_as_json(
    run: Any, unit_model: Path, aligned: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    done = run("explain", "--model", unit_model, aligned, "--out", out, "--json")

    content = json.loads(done.out)
    assert content == read(out)
    (face,) = content["faces"]
    halves = [face[f"{part}_probability"]["AU12"] for part in ("local", "whole")]
    assert face["au_probability"]["AU12"] == pytest.approx(sum(halves) / 2, abs=1e-6)
    assert [region["name"] for region in face["regions"]] == list(UNITS)
    assert [region["class_map"]["target"] for region in face["regions"]] == list(UNITS)
    assert len(face["landmarks"]) == 49
    assert "time_s" not in face
    assert done.err.startswith("face.png: AU")


def test_another_grade_can_be_asked_for(
    run: Any, grade_model: Path, aligned: Path, tmp_path: Path
) -> None:
    words = ("explain", "--model", grade_model, aligned, "--out", tmp_path / "out", "--json")

    face = json.loads(run(*words, "--grade", "low").out)["faces"][0]

    assert {region["class_map"]["target"] for region in face["regions"]} == {"low"}
    assert face["grade"] == max(face["grade_probability"], key=face["grade_probability"].get)


def test_a_network_without_regions_has_one_map(
    run: Any, whole_face_model: Path, aligned: Path, tmp_path: Path
) -> None:
    words = ("explain", "--model", whole_face_model, aligned, "--out", tmp_path / "out", "--json")

    face = json.loads(run(*words).out)["faces"][0]

    assert "regions" not in face
    assert "landmarks" not in face
    assert [one["target"] for one in face["class_maps"]] == [face["grade"]]


@pytest.mark.slow
def test_an_exported_model_is_explained_as_it_predicts(
    run: Any, video: Path, tmp_path: Path
) -> None:
    model, config = small_model("grade", (), kind="jaanet", refine_attention=False)
    names = tuple(f"muscle {number}" for number in range(6))
    bundle: Bundle = write_bundle(
        tmp_path / "model", model=model, spec=make_spec(config=config, regions=names)
    )
    words = ("explain", "--model", bundle.directory, video, "--out", tmp_path / "out", "--json")

    explained = json.loads(run(*words, "--at", 1.0, "--at", 0.5).out)["faces"]

    predicted: Any = Predictor(bundle, threads=1).predict_file(video, fps=20)["frames"]
    expected = {frame["frame"]: frame for frame in predicted}
    assert [face["frame"] for face in explained] == [10, 20]
    for_half = expected[10]
    assert explained[0]["grade_probability"] == pytest.approx(
        for_half["grade_probability"], abs=1e-4
    )
    assert np.array(explained[0]["landmarks"]) == pytest.approx(
        np.array(for_half["landmarks"]), abs=0.05
    )


def test_figures_are_kept_unless_they_are_to_be_replaced(
    run: Any, grade_model: Path, aligned: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("explain", "--model", grade_model, aligned, "--out", out)
    out.mkdir()
    (out / "face_explained.png").write_text("mine")

    kept = run(*words)
    replaced = run(*words, "--replace")

    assert kept.code == 2
    assert "1 file exists already" in kept.err
    assert str(out / "face_explained.png") in kept.err
    assert replaced.code == 0
    assert (out / "face_explained.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_sent_is_never_replaced(
    run: Any, grade_model: Path, aligned: Path, tmp_path: Path
) -> None:
    other = tmp_path / "face_explained.png"
    shutil.copy(aligned, other)
    before = other.read_bytes()

    done = run("explain", "--model", grade_model, aligned, other, "--out", tmp_path, "--replace")

    assert done.code == 2
    assert "would overwrite a file that it is made from" in done.err
    assert other.read_bytes() == before


def test_files_of_one_name_are_refused(
    run: Any, grade_model: Path, aligned: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    shutil.copy(aligned, tmp_path / "more" / "face.png")
    out = tmp_path / "out"

    done = run("explain", "--model", grade_model, aligned, tmp_path / "more/face.png", "--out", out)

    assert done.code == 2
    assert "several figures would have the same name\n  - face_explained.png" in done.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--at", 1, "--frames", 2), 2, "--at and --frames are both given"),
        (("--at", -1), 2, "--at -1"),
        (("--at", "nan"), 2, "--at nan"),
        (("--at", 9), 4, "9 s: the video ends at 2.00 s"),
        (("--at", 0), 4, "0 s, frame 0: no row in the landmark file"),
        (("--grade", "worse"), 2, "one of normal, low, medium, high"),
        (("--landmarks", "gone.csv"), 4, "gone.csv: cannot be read"),
    ],
)
def test_wrong_options_are_said_and_nothing_is_written(
    run: Any, grade_model: Path, video: Path, tmp_path: Path, more: Any, code: int, said: str
) -> None:
    out = tmp_path / "out"

    done = run("explain", "--model", grade_model, video, "--out", out, *more)

    assert done.code == code
    assert said in done.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--at", 1), "--at without a video"),
        (("--frames", 3), "--frames without a video"),
        (("--grade", "high"), "--grade high: algr-clinic detects action units"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(
    run: Any, unit_model: Path, aligned: Path, tmp_path: Path, more: Any, said: str
) -> None:
    done = run("explain", "--model", unit_model, aligned, "--out", tmp_path / "out", *more)

    assert done.code == 2
    assert said in done.err


def test_bad_input_is_said_as_by_predict(
    run: Any, grade_model: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    words = ("--model", grade_model, tmp_path / "photo.png")

    explained = run("explain", *words, "--out", tmp_path / "out")

    assert explained.code == 4
    assert "photo.png: 320 x 240 pixels without landmarks" in explained.err
    assert "200 x 200 or 176 x 176 pixels, or 49 landmarks" in explained.err


def test_a_missing_file_is_named(run: Any, grade_model: Path, tmp_path: Path) -> None:
    done = run("explain", "--model", grade_model, tmp_path / "gone.mp4", "--out", tmp_path / "out")

    assert done.code == 4
    assert "gone.mp4: no such file" in done.err


def test_a_folder_without_a_model_and_a_name_without_a_registry(
    run: Any, home: Path, aligned: Path, tmp_path: Path
) -> None:
    folder = run("explain", "--model", tmp_path, aligned, "--out", tmp_path / "out")
    name = run("explain", "--model", "fpara@champion", aligned, "--out", tmp_path / "out")

    assert (folder.code, name.code) == (2, 6)
    assert "holds no model bundle" in folder.err
    assert "no registered model answers to 'fpara@champion'" in name.err


def test_a_file_in_the_place_of_the_folder_is_refused(
    run: Any, grade_model: Path, aligned: Path
) -> None:
    done = run("explain", "--model", grade_model, aligned, "--out", aligned)

    assert done.code == 2
    assert "face.png is a file" in done.err


def test_a_folder_that_cannot_be_made_is_named(run: Any, grade_model: Path, aligned: Path) -> None:
    done = run("explain", "--model", grade_model, aligned, "--out", aligned / "below")

    assert done.code == 2
    assert "face.png/below cannot be made: Not a directory" in done.err
