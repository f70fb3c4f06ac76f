import json

import h5py
import numpy as np
import pytest
from PIL import Image

from algr.errors import DataError, UsageError
from algr.simulate import contact_sheet
from algr.simulate.bp4d import STUDIO, record_clip, simulate_bp4d
from algr.simulate.bp4d_plan import USED, plan_clips
from algr.simulate.parts import subject_names
from tests.simulate.raw_layouts import (
    FRAMES,
    PICTURES,
    contents,
    known,
    occurrence,
    pictures,
    small_bp4d,
    stems,
    table,
    tracked,
)

HEADER = "0,1,2,4,5,6,7,9,10,11,12,13,14,15,16,17,18,19,20,22,23,24,25,26,27,32,38,39"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulated") / "bp4d"
    small_bp4d(out)
    return out


def test_folders_and_files_are_spelled_as_on_a_users_disk(source):
    names = contents(source).keys()
    (first, *_) = stems(source)

    assert {name.split("/")[0] for name in names} == {
        "Sequences(2D+3D)",
        "AUCoding",
        "2DFeatures",
        "simulated.json",
    }
    assert first == "F001_T1"
    assert f"2DFeatures/{first}.mat" in names
    assert [f"AUCoding/AU_INT/AU{unit}/{first}_AU{unit}.csv" in names for unit in ("06", "17")] == [
        True,
        True,
    ]
    assert (source / PICTURES / "F001" / "T1").is_dir()


def test_subjects_come_in_turn_from_the_published_parts():
    assert subject_names("bp4d", 6) == ("F001", "F003", "F004", "M001", "M002", "M003")
    assert subject_names("disfa", 6) == ("SN001", "SN006", "SN003", "SN002", "SN011", "SN004")
    assert len(set(subject_names("bp4d", 41))) == 41
    assert len(set(subject_names("disfa", 27))) == 27


def test_pictures_are_numbered_like_the_tables_and_go_on_behind_them(source):
    numbers = occurrence(source, "F001_T1")[:, 0].tolist()
    names = list(pictures(source, "F001_T1"))

    assert len(numbers) == FRAMES
    assert numbers == list(range(numbers[0], numbers[0] + FRAMES))
    assert names == [f"{number:04d}.jpg" for number in range(numbers[0], numbers[-1] + 3)]


def test_a_picture_has_the_size_of_the_real_ones(tmp_path):
    (clip,) = plan_clips(subjects=1, seed=1, traps=(), tasks=1, frames=8)
    record_clip(tmp_path, clip, studio=STUDIO, seed=1)

    with Image.open(tmp_path / clip.picture_path(0)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (1040, 1392), "RGB")


def test_an_occurrence_table_has_a_header_of_numbers_and_zeros_ones_and_nines(source):
    rows = table(source / "AUCoding/AU_OCC/F001_T1.csv")
    values = occurrence(source, "F001_T1")[:, 1:]
    never_coded = [HEADER.split(",")[1:].index(unit) for unit in ("11", "13", "27", "39")]

    assert ",".join(rows[0]) == HEADER
    assert set(np.unique(values)) == {0, 1, 9}
    assert (values[:, never_coded] == 9).all()
    assert not (values[:, : HEADER.split(",").index("11") - 1] == 9).any()


@pytest.mark.parametrize("unit", [6, 10, 12, 14, 17])
def test_intensities_agree_with_occurrences(source, unit):
    rows = np.array(table(source / f"AUCoding/AU_INT/AU{unit:02d}/F003_T4_AU{unit:02d}.csv"), int)
    occurs = occurrence(source, "F003_T4")

    assert rows[:, 0].tolist() == occurs[:, 0].tolist()
    assert rows[:, 1].min() >= 0
    assert rows[:, 1].max() <= 5
    assert (rows[:, 1] > 0).tolist() == (
        occurs[:, HEADER.split(",").index(str(unit))] == 1
    ).tolist()


def test_a_landmark_file_begins_as_matlab_writes_it(source):
    data = (source / "2DFeatures/F001_T1.mat").read_bytes()

    assert data[:20] == b"MATLAB 7.3 MAT-file,"
    assert data[124:128] == b"\x00\x02IM"
    assert data[512:520] == b"\x89HDF\r\n\x1a\n"


def test_landmark_entry_i_is_of_frame_i_plus_1_and_all_before_the_first_picture_are_empty(source):
    first = int(occurrence(source, "F001_T1")[0, 0])
    points = tracked(source / "2DFeatures/F001_T1.mat")
    with h5py.File(source / "2DFeatures/F001_T1.mat") as file:
        shape = file[file["fit/pred"][first - 1][0]].shape
        rotation = file[file["fit/pose"][first - 1][0]]["rot"][()]

    assert shape == (2, 49)
    assert first > 1
    assert [number for number, found in points.items() if found is not None] == list(
        range(first, first + FRAMES + 2)
    )
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def test_landmarks_lie_on_the_drawing(source):
    path = source / "2DFeatures/F001_T1.mat"
    number, points = next(item for item in tracked(path).items() if item[1] is not None)
    with Image.open(source / PICTURES / "F001/T1" / f"{number:04d}.jpg") as image:
        grey = np.asarray(image.convert("L"), float)
    brows = np.round(points[[1, 2, 3, 6, 7, 8]] - 1).astype(int)
    above = brows - (0, 8)

    assert grey[brows[:, 1], brows[:, 0]].mean() < 0.75 * grey[above[:, 1], above[:, 0]].mean()
    assert (points > 1).all()
    assert (points < (104, 140)).all()


def test_every_used_action_unit_occurs_in_every_subject(source):
    both = [np.concatenate([occurrence(source, f"F001_T{task}") for task in (1, 2)])]
    used = [HEADER.split(",").index(str(unit)) for unit in USED]

    assert (both[0][:, used].sum(axis=0) >= 1).all()


def test_people_differ_and_stay_the_same_in_all_tasks(source):
    offsets = {
        stem: known(tracked(source / f"2DFeatures/{stem}.mat"))[:, 31:37].mean(axis=0)
        - known(tracked(source / f"2DFeatures/{stem}.mat"))[:, 19:31].mean(axis=(0, 1))
        for stem in stems(source)
    }
    same = np.abs(offsets["F001_T1"] - offsets["F001_T2"]).mean()
    other = np.abs(offsets["F001_T1"] - offsets["F004_T7"]).mean()

    assert same < other


def test_a_simulation_that_was_broken_off_is_finished_with_the_same_bytes(source, tmp_path):
    out = tmp_path / "broken"
    small_bp4d(out)
    gone = out / PICTURES / "F003" / "T5"
    gone.rename(gone.with_name("T5.part"))
    (out / "2DFeatures/F003_T5.mat").unlink()

    summary = small_bp4d(out)

    assert (summary.written, summary.videos, summary.subjects) == (1, 6, 3)
    assert contents(out) == contents(source)


@pytest.mark.slow
def test_the_number_of_jobs_does_not_matter(source, tmp_path):
    small_bp4d(tmp_path / "two", jobs=2)

    assert contents(tmp_path / "two") == contents(source)


def test_the_marker_says_that_it_is_simulated_and_how(source):
    marker = json.loads((source / "simulated.json").read_text())

    assert marker["simulated"] is True
    assert marker["generator"].startswith("algr.simulate.bp4d/")
    assert (marker["seed"], marker["subjects"], marker["tasks"]) == (7, 3, 2)
    assert (marker["traps"], marker["planted"]) == ([], {})


def test_other_parameters_are_refused_by_name(source):
    with pytest.raises(DataError, match="frames: 10 there, 12 asked for"):
        small_bp4d(source, frames=12)


def test_all_wrong_numbers_are_told_at_once(tmp_path):
    with pytest.raises(UsageError) as raised:
        simulate_bp4d(tmp_path / "x", subjects=42, seed=0, tasks=9, frames=3, scale=2.0, jobs=0)

    assert raised.value.problems == (
        "subjects: 42 is outside 1 to 41",
        "jobs: 0 is outside 1 to 1024",
        "tasks: 9 is outside 1 to 8",
        "frames: 3 is outside 8 to 1000",
        "scale: 2.0 is outside 0.1 to 1.0",
    )
    assert not (tmp_path / "x").exists()


def test_a_contact_sheet_has_a_row_per_subject(source, tmp_path):
    contact_sheet(source, tmp_path / "sheet.png", landmarks=True, width_px=52)

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (84 + 9 * 52, 18 + 3 * 70)
