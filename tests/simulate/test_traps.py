import json
from collections import Counter
from math import hypot

import av
import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from algr.data import read_landmark_csv
from algr.errors import UsageError
from algr.simulate import contact_sheet, simulate_fpara
from algr.simulate.traps import TRAPS, choose_traps
from tests.simulate.raw_layouts import (
    FRAMES,
    decoded,
    frame_points,
    known,
    levels,
    pictures,
    small_bp4d,
    small_disfa,
    stems,
    table,
    tracked,
)


def planted_in(source):
    return json.loads((source / "simulated.json").read_text())["planted"]


@pytest.fixture(scope="module")
def bp4d(tmp_path_factory):
    """A clean simulation and the same one with all traps."""
    folder = tmp_path_factory.mktemp("bp4d")
    small_bp4d(folder / "clean", subjects=6)
    small_bp4d(folder / "traps", subjects=6, traps=["all"])
    return folder


@pytest.fixture(scope="module")
def disfa(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disfa")
    small_disfa(folder / "clean", subjects=6)
    small_disfa(folder / "traps", subjects=6, traps=["all"])
    return folder


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    out = tmp_path_factory.mktemp("fpara") / "clinic"
    simulate_fpara(out, subjects=5, seed=7, traps=["all"], seconds_per_exercise=0.2, video_fps=6.0)
    return out


@pytest.mark.parametrize("layout", ["fpara", "bp4d", "disfa"])
def test_all_means_every_trap_that_fits_the_layout(layout):
    assert set(choose_traps(["all"], layout=layout)) == {
        name for name, layouts in TRAPS.items() if layout in layouts
    }


def test_traps_that_do_not_fit_and_unknown_ones_are_told_together():
    with pytest.raises(UsageError) as raised:
        choose_traps(["rotated_video", "padding", "ofset"], layout="disfa")

    assert raised.value.problems == (
        "rotated_video: disfa has no such trap, an AVI file has no display matrix",
        "padding: disfa has no such trap, it is one of bp4d",
        "ofset: unknown trap; did you mean offset?",
    )


def test_too_few_subjects_for_a_trap_are_told(tmp_path):
    with pytest.raises(UsageError, match="two_subjects: 1 subject"):
        small_bp4d(tmp_path / "x", subjects=1, traps=["all"])


@pytest.mark.parametrize("simulation", ["bp4d", "disfa"])
def test_the_marker_lists_every_trap_of_the_layout(simulation, request):
    source = request.getfixturevalue(simulation) / "traps"

    assert set(planted_in(source)) == set(choose_traps(["all"], layout=simulation))


def test_padding(bp4d):
    planted = planted_in(bp4d / "traps")["padding"]
    names = {
        kind: [path.name for place in places for path in (bp4d / "traps" / place).iterdir()]
        for kind, places in planted.items()
    }

    assert {len(name) for name in names["four_digits"]} == {8}
    assert {len(name) for name in names["three_digits"]} == {7}
    assert {len(name) - len(name.lstrip("0")) for name in names["no_padding"]} == {0}
    assert all(names.values())


def test_offset_of_bp4d_makes_the_first_label_belong_to_the_picture_before(bp4d):
    planted = planted_in(bp4d / "traps")["offset"]
    (subject,) = planted["subjects"]
    found = [stem for stem in stems(bp4d / "traps") if stem.startswith(subject)]
    labels = [whole_rows(bp4d / "traps", stem)[0, 0] for stem in found]
    numbers = [[int(name[:-4]) for name in pictures(bp4d / "traps", stem)] for stem in found]

    assert [min(these) for these in numbers] == [first + planted["shift"] for first in labels]
    assert planted["shift"] == -1
    assert planted["frames"] == sum(map(len, numbers)) == 2 * FRAMES


def test_offset_of_disfa_is_labels_from_0(disfa):
    (subject,) = planted_in(disfa / "traps")["offset"]["subjects"]

    assert [frame for frame, _ in levels(disfa / "traps", subject, 1)] == list(range(FRAMES))


def test_nines_of_bp4d(bp4d):
    planted = planted_in(bp4d / "traps")["nines"]
    coded = [column for column in range(1, 28) if column not in NEVER_CODED]
    tables = {stem: whole_rows(bp4d / "traps", stem) for stem in stems(bp4d / "traps")}
    nines = {stem: int((rows[:, coded] == 9).sum()) for stem, rows in tables.items()}

    assert sum(nines.values()) == planted["cells"] > 0
    assert [f"AUCoding/AU_OCC/{stem}.csv" for stem, count in nines.items() if count] == sorted(
        planted["files"]
    )


NEVER_CODED = [9, 11, 14, 16, 17, 19, 24, 25, 26, 27]
"""Columns of action units that are never drawn: 11, 13, 16, 18, 19, 22, 27, 32, 38, 39."""


def whole_rows(source, stem):
    rows = table(source / f"AUCoding/AU_OCC/{stem}.csv")[1:]
    return np.array([row for row in rows if len(row) == 28], dtype=int)


def test_nines_of_disfa(disfa):
    planted = planted_in(disfa / "traps")["nines"]
    counts = [
        sum(line.endswith(",9") for line in (disfa / "traps" / name).read_text().splitlines())
        for name in planted["files"]
    ]
    text = "".join(path.read_text() for path in (disfa / "traps/ActionUnit_Labels").rglob("*.txt"))

    assert sum(counts) == planted["cells"] == text.count(",9\n")
    assert min(counts) >= 2


def test_missing_landmarks_of_bp4d(bp4d):
    planted = planted_in(bp4d / "traps")["missing_landmarks"]
    (name,) = planted["files"]
    clean, points = tracked(bp4d / "clean" / name), tracked(bp4d / "traps" / name)
    empty = sum(found is None for found in points.values())
    leading = min(number for number, found in points.items() if found is not None) - 1
    nan = np.isnan(known(points)).all(axis=(1, 2)).sum()

    assert len(known(points)) + planted["empty"] == len(known(clean))
    assert empty - leading <= planted["empty"]
    assert (nan, planted["nan"]) == (planted["nan"], 1)


def test_missing_landmarks_of_disfa(disfa):
    planted = planted_in(disfa / "traps")["missing_landmarks"]
    (folder,) = planted["files"]
    points = frame_points(disfa / "traps", folder.split("/")[1])
    nan = sum(bool(np.isnan(found).all()) for found in points.values())

    assert (len(points), nan) == (FRAMES - planted["empty"], planted["nan"])
    assert min(planted["empty"], planted["nan"]) >= 1


def test_duplicate_frames_of_bp4d_are_the_same_picture_under_two_numbers(bp4d):
    planted = planted_in(bp4d / "traps")["duplicate_frames"]
    found = [
        stem[:4] + "/" + stem[5:]
        for stem in stems(bp4d / "traps")
        for count in Counter(pictures(bp4d / "traps", stem).values()).values()
        if count == 2
    ]

    assert len(found) == planted["frames"] == len(planted["files"])
    assert {name.split("/", 1)[1].rsplit("/", 1)[0] for name in planted["files"]} == set(found)


def test_duplicate_frames_of_disfa_stand_still(disfa):
    planted = planted_in(disfa / "traps")["duplicate_frames"]
    steps = [changes(decoded(disfa / "traps" / name)) for name in planted["files"]]
    still = sum(int((step < 0.15 * np.median(step)).sum()) for step in steps)

    assert still == planted["frames"]


def changes(images):
    """Mean change from each picture to the next."""
    return np.abs(np.diff(np.stack(images).astype(float), axis=0)).mean(axis=(1, 2, 3))


def test_one_person_under_two_names_has_the_same_pictures_once(bp4d):
    planted = planted_in(bp4d / "traps")["two_subjects"]
    first, second = (place.split("/")[1:] for place in planted["same_recording"])
    original = pictures(bp4d / "traps", "_".join(first))
    copy = pictures(bp4d / "traps", "_".join(second))

    assert [first[0], second[0]] == planted["subjects"]
    assert list(original.values()) == list(copy.values())


def test_one_person_under_two_names_has_the_same_video(disfa):
    first, second = planted_in(disfa / "traps")["two_subjects"]["same_recording"]

    assert first != second
    assert (disfa / "traps" / first).read_bytes() == (disfa / "traps" / second).read_bytes()


def test_surplus_frames_come_after_the_last_label(disfa):
    planted = planted_in(disfa / "traps")["surplus_frames"]
    surplus = [len(decoded(disfa / "traps" / name)) - FRAMES for name in planted["files"]]

    assert sum(surplus) == planted["frames"]
    assert min(surplus) >= 1


@pytest.mark.parametrize(("simulation", "header"), [("bp4d", 1), ("disfa", 0)])
def test_a_truncated_table_ends_in_a_row(simulation, header, request):
    source = request.getfixturevalue(simulation) / "traps"
    planted = planted_in(source)["truncated"]
    (name,) = planted["files"]
    text = (source / name).read_text()

    assert not text.endswith("\n")
    assert text.count("\n") - header == planted["whole_rows"]
    assert planted["whole_rows"] + planted["lost_rows"] == FRAMES


def test_a_bad_mat_of_bp4d_cannot_be_opened(bp4d):
    (name,) = planted_in(bp4d / "traps")["bad_mat"]["files"]

    with pytest.raises(OSError, match="truncated file"):
        h5py.File(bp4d / "traps" / name)


def test_a_bad_mat_of_disfa_cannot_be_read(disfa):
    (name,) = planted_in(disfa / "traps")["bad_mat"]["files"]

    with pytest.raises((ValueError, TypeError, OSError)):
        loadmat(disfa / "traps" / name)


def test_swapped_axes_of_bp4d(bp4d):
    name = planted_in(bp4d / "traps")["swapped_axes"]["files"][1]
    found, clean = (known(tracked(bp4d / kind / name)) for kind in ("traps", "clean"))

    np.testing.assert_array_equal(found, clean[..., ::-1])


def test_swapped_axes_of_disfa(disfa):
    (subject,) = planted_in(disfa / "traps")["swapped_axes"]["subjects"]
    found = frame_points(disfa / "traps", subject)
    clean = frame_points(disfa / "clean", subject)
    name = next(name for name, points in found.items() if np.isfinite(points).all())

    np.testing.assert_array_equal(found[name], clean[name][:, ::-1])


def test_points_one_pixel_off_in_bp4d(bp4d):
    planted = planted_in(bp4d / "traps")["one_based"]
    name = planted["files"][0]
    found, clean = (known(tracked(bp4d / kind / name)) for kind in ("traps", "clean"))

    assert planted["counted_from"] == 0
    np.testing.assert_allclose(found, clean[: len(found)] - 1)


def test_points_one_pixel_off_in_disfa(disfa):
    (subject,) = planted_in(disfa / "traps")["one_based"]["subjects"]
    found = frame_points(disfa / "traps", subject)
    clean = frame_points(disfa / "clean", subject)

    np.testing.assert_allclose(np.stack(list(found.values())), np.stack(list(clean.values())) - 1)


def test_a_rotated_video_is_stored_on_its_side_and_shown_upright(clinic):
    (name,) = planted_in(clinic)["rotated_video"]["files"]
    with av.open(str(clinic / name)) as container:
        frame = next(container.decode(video=0))

    assert (frame.width, frame.height, frame.rotation) == (450, 360, 90)


def test_landmarks_of_a_rotated_video_are_of_the_upright_picture(clinic):
    (name,) = planted_in(clinic)["rotated_video"]["files"]
    points = read_landmark_csv(clinic / name.replace(".mp4", "_land.csv")).points_FL2

    assert points[..., 1].min() > 100
    assert hypot(*(points[0, 25:31].mean(axis=0) - points[0, 19:25].mean(axis=0))) > 70
    assert abs(points[0, 28, 1] - points[0, 19, 1]) < 30


def test_frames_of_uneven_length(clinic):
    (name,) = planted_in(clinic)["variable_frame_rate"]["files"]
    with av.open(str(clinic / name)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    lengths = np.diff(times)

    assert lengths.min() > 0
    assert lengths.max() / lengths.min() > 1.3
    assert np.mean(lengths) == pytest.approx(1 / 6, rel=0.1)


def test_missing_landmarks_of_a_clinic(clinic):
    planted = planted_in(clinic)["missing_landmarks"]
    (name,) = planted["files"]
    track = read_landmark_csv(clinic / name)
    frames = len(decoded(clinic / name.replace("_land.csv", ".mp4")))

    assert len(track.frames) == frames - planted["no_row"]
    assert np.isnan(track.points_FL2).all(axis=(1, 2)).sum() == planted["no_points"] > 0


def test_duplicate_frames_of_a_clinic(clinic):
    planted = planted_in(clinic)["duplicate_frames"]
    (name,) = planted["files"]
    step = changes(decoded(clinic / name))

    assert (step < 0.3 * np.median(step)).sum() == planted["frames"]


def test_a_patient_in_two_files_is_the_same_video_under_two_ids(clinic):
    planted = planted_in(clinic)["patient_in_two_files"]
    first, second = planted["files"]
    manifest = (clinic / "manifest.csv").read_text()

    assert (clinic / first).read_bytes() == (clinic / second).read_bytes()
    assert all(f"{patient}_visit1.mp4,{patient}" in manifest for patient in planted["patients"])


@pytest.mark.parametrize("simulation", ["bp4d", "disfa"])
def test_a_contact_sheet_can_be_made_in_spite_of_traps(simulation, request, tmp_path):
    source = request.getfixturevalue(simulation) / "traps"

    contact_sheet(source, tmp_path / "sheet.png", landmarks=True, width_px=40)

    assert (tmp_path / "sheet.png").is_file()
