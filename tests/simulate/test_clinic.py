import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algr.config import DataHome
from algr.data import open_dataset, prepare_clinic, probe_video, read_landmark_csv
from algr.errors import DataError, UsageError
from algr.faces import HOUSE_BRACKMANN_CLASS
from algr.simulate import contact_sheet, simulate_fpara
from algr.simulate.visits import MANIFEST_COLUMNS, plan_visits

SHORT = {"seconds_per_exercise": 0.2, "video_fps": 6.0}


def simulate(out, *, subjects=2, seed=7, jobs=1, progress=None):
    return simulate_fpara(out, subjects=subjects, seed=seed, jobs=jobs, progress=progress, **SHORT)


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.csv")}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulated") / "clinic"
    simulate(out)
    return out


def test_grades_go_round_so_that_eight_subjects_have_two_of_each_class():
    visits = plan_visits(subjects=8, seed=1, seconds_per_exercise=1.0)
    classes = Counter(
        max(HOUSE_BRACKMANN_CLASS[v.palsy.grade_hb] for v in visits if v.subject == subject)
        for subject in range(8)
    )

    assert classes == {0: 2, 1: 2, 2: 2, 3: 2}


def test_a_subject_is_the_same_person_however_many_there_are():
    few = plan_visits(subjects=3, seed=5, seconds_per_exercise=1.0)
    many = plan_visits(subjects=9, seed=5, seconds_per_exercise=1.0)

    assert few == tuple(visit for visit in many if visit.subject < 3)


def test_a_second_visit_is_of_the_same_side_and_never_worse():
    visits = plan_visits(subjects=48, seed=2, seconds_per_exercise=1.0)
    second = [visit for visit in visits if visit.visit == 2]
    first = {visit.patient_id: visit for visit in visits if visit.visit == 1}

    assert len(second) == 8
    assert all(v.palsy.side == first[v.patient_id].palsy.side for v in second)
    assert all(v.palsy.grade_hb <= first[v.patient_id].palsy.grade_hb for v in second)
    assert any(v.palsy.grade_hb < first[v.patient_id].palsy.grade_hb for v in second)


def test_both_sides_and_all_grades_occur():
    visits = plan_visits(subjects=48, seed=3, seconds_per_exercise=1.0)

    assert {visit.palsy.affected_side for visit in visits} == {"", "left", "right"}
    assert {visit.palsy.grade_hb for visit in visits} == {1, 2, 3, 4, 5, 6}


def test_the_folder_holds_a_video_and_a_landmark_file_per_visit(clinic):
    names = sorted(path.name for path in clinic.iterdir())

    assert len(names) == 6
    assert names[-2:] == ["manifest.csv", "simulated.json"]
    assert {name.removesuffix(".mp4") for name in names if name.endswith(".mp4")} == {
        name.removesuffix("_land.csv") for name in names if name.endswith("_land.csv")
    }


def test_the_manifest_has_a_row_per_exercise_with_times_inside_the_video(clinic):
    with (clinic / "manifest.csv").open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    ends = [float(row["end_s"]) for row in rows[:9]]
    info = probe_video(clinic / rows[0]["video"])

    assert tuple(reader.fieldnames) == MANIFEST_COLUMNS
    assert len(rows) == 18
    assert ends == sorted(ends)
    assert ends[-1] <= info.duration_s + 1 / 6
    assert (info.width, info.height, round(info.mean_fps)) == (360, 450, 6)


def test_landmarks_stand_for_every_frame(clinic):
    video = next(clinic.glob("*.mp4"))
    track = read_landmark_csv(clinic / f"{video.stem}_land.csv")

    assert track.frames.tolist() == list(range(round(probe_video(video).duration_s * 6)))
    assert np.isfinite(track.points_FL2).all()


def test_the_marker_says_that_it_is_simulated(clinic):
    marker = json.loads((clinic / "simulated.json").read_text())

    assert marker["simulated"] is True
    assert (marker["seed"], marker["subjects"]) == (7, 2)
    assert marker["generator"].startswith("algr.simulate.fpara/")


def test_the_same_seed_gives_the_same_bytes(clinic, tmp_path):
    simulate(tmp_path / "again")

    assert texts(tmp_path / "again") == texts(clinic)


@pytest.mark.slow
def test_the_number_of_jobs_does_not_matter(clinic, tmp_path):
    seen = []
    simulate(tmp_path / "two", jobs=2, progress=lambda done, of: seen.append((done, of)))

    assert texts(tmp_path / "two") == texts(clinic)
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_another_seed_gives_other_faces(clinic, tmp_path):
    simulate(tmp_path / "other", subjects=1, seed=8)

    assert not set(texts(tmp_path / "other").values()) & set(texts(clinic).values())


def test_a_simulation_that_was_broken_off_is_finished(clinic, tmp_path):
    out = tmp_path / "broken"
    simulate(out)
    kept, lost = sorted(out.glob("*.mp4"))
    before = kept.stat().st_mtime_ns
    lost.unlink()
    (out / "manifest.csv").unlink()
    (out / f"{lost.name}.part").write_bytes(b"half a video")

    summary = simulate(out)

    assert summary.written == 1
    assert kept.stat().st_mtime_ns == before
    assert texts(out) == texts(clinic)
    assert sorted(path.name for path in out.iterdir()) == sorted(p.name for p in clinic.iterdir())


def test_a_finished_simulation_is_left_as_it_is(clinic):
    before = {path: path.stat().st_mtime_ns for path in clinic.iterdir()}

    summary = simulate(clinic)

    assert (summary.written, summary.videos, summary.subjects) == (0, 2, 2)
    assert {path: path.stat().st_mtime_ns for path in clinic.iterdir()} == before


def test_other_parameters_are_refused_by_name(clinic):
    with pytest.raises(DataError, match=r"seed: 7 there, 9 asked for"):
        simulate(clinic, seed=9)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("private")

    with pytest.raises(DataError, match="is not empty and holds no simulation"):
        simulate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_damaged_marker_is_named(tmp_path):
    (tmp_path / "simulated.json").write_text("{")

    with pytest.raises(DataError, match=r"simulated\.json cannot be read"):
        simulate(tmp_path)


def test_all_wrong_numbers_are_told_at_once(tmp_path):
    with pytest.raises(UsageError) as raised:
        simulate_fpara(
            tmp_path / "x", subjects=0, seed=1, jobs=0, seconds_per_exercise=0.1, video_fps=1.0
        )

    assert len(raised.value.problems) == 4
    assert not (tmp_path / "x").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(DataError, match="is a file"):
        simulate(tmp_path / "file")


def test_it_can_be_prepared_whole_and_counts_as_simulated(clinic, tmp_path, monkeypatch):
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "key"))
    home = DataHome(tmp_path / "home")

    summary = prepare_clinic(source=clinic, home=home, name="sim", fps=6.0, strict=True)
    dataset = open_dataset(home, "sim")

    assert summary.left_out == ()
    assert summary.frames_rejected == {}
    assert dataset.simulated
    assert [subject.videos for subject in dataset.subjects] == [1, 1]
    assert sorted(subject.grade for subject in dataset.subjects) == [0, 1]


def test_a_contact_sheet_has_a_row_per_visit_and_a_column_per_exercise(clinic, tmp_path):
    contact_sheet(clinic, tmp_path / "sheet.png", landmarks=True, width_px=60)

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (84 + 9 * 60, 18 + 2 * 75)


def test_a_contact_sheet_is_made_of_finished_simulations_only(tmp_path):
    with pytest.raises(DataError, match="holds no finished simulation"):
        contact_sheet(Path(tmp_path), tmp_path / "sheet.png")
