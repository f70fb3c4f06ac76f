import json
import shutil

import numpy as np
import pytest

from algr.data import match_ids, open_dataset, prepare_clinic, verify_dataset
from algr.data.align import align_face
from algr.data.identity import key_path, load_or_create_key
from algr.data.video import iterate_video
from algr.errors import DataError, UsageError
from tests.data.damages import line


@pytest.fixture
def prepare(clinic, home):
    def run(**options):
        return prepare_clinic(source=clinic.folder, home=home, name="sim", **options)

    return run


def content_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_video_becomes_frames_with_its_grade(prepare, home):
    summary = prepare()

    dataset = open_dataset(home, "sim")
    assert (summary.subjects, summary.videos, summary.frames) == (4, 5, 20)
    assert dataset.kind == "grade"
    assert sorted(
        (subject.grade, subject.videos, subject.frames) for subject in dataset.subjects
    ) == [(0, 2, 8), (1, 1, 4), (2, 1, 4), (3, 1, 4)]
    assert np.bincount(dataset.frames.grade).tolist() == [8, 4, 4, 4]
    assert np.bincount(dataset.frames.grade_hb).tolist() == [0, 8, 4, 0, 4, 0, 4]
    assert summary.fingerprint == dataset.fingerprint
    assert verify_dataset(dataset.directory).frames == 20


def test_frames_are_the_aligned_faces_of_the_sampled_times(prepare, clinic, home, kit):
    prepare(fps=6)

    dataset = open_dataset(home, "sim")
    rows = np.flatnonzero(dataset.frames.grade == 3)
    assert dataset.frames.frame[rows].tolist() == [0, 2, 4, 6]
    np.testing.assert_allclose(dataset.frames.time_s[rows], [0, 1 / 6, 2 / 6, 3 / 6])
    frame = list(iterate_video(clinic.folder / "dora_take.mp4", fps=None))[4]
    face = align_face(frame.image_HWC, kit.face_points(seed=304).round(2).astype(np.float32))
    batch = dataset.gather(rows[[2]])
    np.testing.assert_array_equal(batch.images_BHWC[0], face.image_HWC)
    np.testing.assert_allclose(batch.landmarks_BL2[0], face.landmarks_L2, atol=1e-4)


def test_two_sites_with_other_keys_orders_and_workers_get_the_same_folds(
    prepare, clinic, home, monkeypatch, tmp_path
):
    here = prepare()
    first = open_dataset(home, "sim")
    lines = (clinic.folder / "manifest.csv").read_text().splitlines()
    (clinic.folder / "manifest.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "another.key"))
    there = prepare_clinic(source=clinic.folder, home=home, name="there", jobs=2)
    second = open_dataset(home, "there")

    assert there.fingerprint == here.fingerprint
    assert [s.digest for s in first.subjects] == [s.digest for s in second.subjects]
    assert {s.subject_id for s in first.subjects}.isdisjoint(s.subject_id for s in second.subjects)
    rows = np.arange(20)
    np.testing.assert_array_equal(first.gather(rows).images_BHWC, second.gather(rows).images_BHWC)


def test_a_second_preparation_finds_the_dataset_up_to_date(prepare, home):
    prepare()
    before = content_of(home.root)

    summary = prepare()

    assert summary.up_to_date
    assert summary.lines()[0] == "sim is up to date: 4 subjects, 5 videos, 20 frames"
    assert content_of(home.root) == before


def test_a_dataset_that_a_killed_replacement_took_away_is_found_up_to_date(prepare, home):
    prepare()
    home.dataset("sim").rename(home.datasets / ".sim.retired")

    assert prepare().up_to_date


@pytest.mark.parametrize("options", [{"fps": 3.0}, {}])
def test_another_dataset_of_that_name_is_kept_unless_replaced(prepare, clinic, home, options):
    prepare()
    before = content_of(home.root)
    if not options:
        clinic.add_video("dora_take.mp4", seed=77)

    with pytest.raises(DataError, match="was prepared from other files") as caught:
        prepare(**options)
    assert "--replace" in caught.value.message
    assert content_of(home.root) == before

    summary = prepare(replace=True, **options)
    assert not summary.up_to_date
    assert open_dataset(home, "sim").num_frames == (10 if options else 20)
    assert [path.name for path in home.datasets.iterdir()] == ["sim"]


def test_a_damaged_dataset_is_reported_or_replaced(prepare, home):
    prepare()
    shard = home.dataset("sim") / "frames-00000.arrow"
    shard.write_bytes(b"short")

    with pytest.raises(Exception, match=r"frames-00000\.arrow has 5 bytes"):
        prepare()

    assert prepare(replace=True).frames == 20


@pytest.fixture
def broken(clinic):
    (clinic.folder / "bert_take.mp4").write_bytes(b"no video")
    return clinic


def test_an_unreadable_video_is_named_and_left_out(broken, prepare, home):
    summary = prepare()

    (left_out,) = summary.left_out
    assert left_out.video == "bert_take.mp4"
    assert "cannot be read as a video" in left_out.reason
    assert (summary.subjects, summary.frames) == (3, 16)
    assert any("bert_take.mp4" in line for line in summary.lines())
    assert prepare().warnings == ("1 video could not be used when it was prepared",)


def test_strict_tells_all_videos_that_cannot_be_used_and_leaves_no_dataset(broken, prepare, home):
    (broken.folder / "cleo_take.mp4").unlink()
    line("dora_take_land.csv", 2, "0,1")(broken.folder)

    with pytest.raises(DataError, match="--strict: 3 recordings cannot be used") as caught:
        prepare(strict=True)

    bert, cleo, dora = caught.value.problems
    assert bert.startswith("bert_take.mp4: cannot be read as a video")
    assert cleo == "cleo_take.mp4: no such file (line 4 of manifest.csv)"
    assert "dora_take_land.csv" in dora
    assert [path.name for path in home.datasets.glob("[!.]*")] == []


def test_strict_tells_together_what_only_decoding_shows(clinic, prepare, home):
    for name in ("bert_take", "dora_take"):
        path = clinic.folder / f"{name}_land.csv"
        header, *rows = path.read_text().splitlines()
        moved = [",".join(["99", *row.split(",")[1:]]) for row in rows[:1]]
        path.write_text("\n".join([header, *moved]) + "\n")

    with pytest.raises(DataError, match="--strict: 2 recordings cannot be used") as caught:
        prepare(strict=True)

    assert [text.partition(":")[0] for text in caught.value.problems] == [
        "bert_take.mp4",
        "dora_take.mp4",
    ]
    assert [path.name for path in home.datasets.glob("[!.]*")] == []


def test_strict_does_not_accept_a_dataset_that_left_videos_out(broken, prepare):
    prepare()

    with pytest.raises(DataError, match="without 1 video"):
        prepare(strict=True)


def remove_landmarks(clinic):
    (clinic.folder / "cleo_take_land.csv").unlink()


def break_landmarks(clinic):
    (clinic.folder / "cleo_take_land.csv").write_text("frame\n1\n")


def empty_landmarks(clinic):
    path = clinic.folder / "cleo_take_land.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")


def remove_video(clinic):
    (clinic.folder / "cleo_take.mp4").unlink()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (remove_landmarks, "no landmarks beside it"),
        (break_landmarks, "cleo_take_land.csv: line 1: 1 columns"),
        (empty_landmarks, "cleo_take_land.csv: holds no frame"),
        (remove_video, "no such file"),
    ],
)
def test_what_is_missing_or_wrong_beside_a_video_is_its_reason(prepare, clinic, harm, reason):
    harm(clinic)

    (left_out,) = prepare().left_out

    assert left_out.video == "cleo_take.mp4"
    assert reason in left_out.reason


def test_when_nothing_can_be_read_all_reasons_are_told(prepare, clinic, home):
    for path in clinic.folder.glob("*.mp4"):
        path.write_bytes(b"x")

    with pytest.raises(DataError, match="all 5 are left out") as caught:
        prepare()

    warned = [text for text in caught.value.problems if text.startswith("only a warning: ")]
    assert len(warned) == 5
    assert all("cannot be read as a video" in text for text in warned)
    assert not home.dataset("sim").exists()


def test_a_patient_whose_only_graded_video_is_unreadable_is_left_out(prepare, clinic):
    clinic.write_manifest(
        [
            {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1},
            {"video": "anna_again.mp4", "patient_id": "anna"},
            {"video": "bert_take.mp4", "patient_id": "bert", "grade_hb": 2},
        ]
    )
    (clinic.folder / "anna_take.mp4").unlink()

    summary = prepare()

    assert [video.video for video in summary.left_out] == ["anna_take.mp4", "anna_again.mp4"]
    assert summary.subjects == 1


def test_an_ungraded_video_of_a_graded_patient_has_grade_minus_1(prepare, clinic, home):
    clinic.write_manifest(
        [
            {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1},
            {"video": "anna_again.mp4", "patient_id": "anna"},
        ]
    )

    assert dict(prepare().frames_per_grade) == {"normal": 4, "unknown": 4}
    assert sorted(set(open_dataset(home, "sim").frames.grade.tolist())) == [-1, 0]


def test_exercises_raters_side_and_visit_are_kept(prepare, clinic, home):
    common = {"video": "anna_take.mp4", "patient_id": "anna", "visit": 3, "affected_side": "left"}
    clinic.write_manifest(
        [
            {**common, "grade_hb": 3, "rater": "Dr X", "exercise": "rest", "end_s": 0.2},
            {**common, "grade_hb": 4, "rater": "Dr Y", "exercise": "rest", "end_s": 0.2},
            {**common, "exercise": "pucker", "start_s": 0.4, "end_s": 0.6},
        ]
    )
    prepare(fps=12)

    dataset = open_dataset(home, "sim")
    (video,) = dataset.videos
    assert dataset.frames.exercise.tolist() == ["rest"] * 3 + [""] * 2 + ["pucker"] * 3
    assert (video.grade_hb, video.grade, video.affected_side, video.visit) == (4, 2, "left", 0)
    assert [rating.grade_hb for rating in video.ratings] == [3, 4]
    assert [(e.name, e.start_s, e.end_s) for e in video.exercises] == [
        ("rest", 0, 0.2),
        ("pucker", 0.4, 0.6),
    ]


def test_frames_are_rejected_with_their_reasons(prepare, clinic, home, kit):
    tracks = [kit.face_points(seed=number) for number in range(8)]
    tracks[1][5] = np.nan
    tracks[2] = kit.face_points(size=10)
    tracks[3] = kit.face_points(center=500)
    kit.write_landmarks(clinic.folder / "anna_take_land.csv", tracks[:7])
    text = (clinic.folder / "anna_take_land.csv").read_text().replace("nan", "")
    (clinic.folder / "anna_take_land.csv").write_text(text)
    row = {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1}
    excluded = {"start_s": 0.0, "end_s": 0.05, "exclude_reason": "hand in the picture"}
    clinic.write_manifest([row, {**row, **excluded}])

    summary = prepare(fps=12)

    assert summary.frames_rejected == {
        "excluded by the manifest": 1,
        "eye centres less than 8 pixels apart": 1,
        "face outside of the picture": 1,
        "landmarks missing": 1,
        "no row in the landmark file": 1,
    }
    assert summary.frames == 3
    assert open_dataset(home, "sim").frames.frame.tolist() == [4, 5, 6]


def test_an_excluded_video_is_left_out_with_its_reason(prepare, clinic):
    row = {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1}
    clinic.write_manifest(
        [row, {"video": "gone.mp4", "patient_id": "b", "exclude_reason": "no consent"}]
    )

    (left_out,) = prepare(strict=True).left_out

    assert (left_out.video, left_out.reason) == (
        "gone.mp4",
        "excluded by the manifest: no consent",
    )


def test_the_manifest_may_ask_for_another_rate(prepare, clinic):
    row = {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1}
    clinic.write_manifest([{**row, "fps_override": 3}])

    assert prepare(fps=12).frames == 2


def test_doubtful_landmarks_and_times_are_warned_of(prepare, clinic, kit):
    tracks = [kit.face_points()] * 9
    kit.write_landmarks(clinic.folder / "anna_take_land.csv", tracks, first=1)
    row = {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1, "exercise": "rest"}
    clinic.write_manifest([{**row, "start_s": 5, "end_s": 6}])

    warnings = prepare().warnings

    assert warnings == (
        "anna_take_land.csv: 1 of 10 frames have no row, such as 0",
        "anna_take.mp4: rest begins at 5 s, but the video ends at 0.7 s",
        "anna_take.mp4: the landmark file goes on to frame 9, the video ends near frame 6; check "
        "that both count from 0 and belong together",
    )


@pytest.mark.parametrize("grade", [1, 5])
def test_one_recording_under_two_patients_is_refused(prepare, clinic, home, grade):
    for suffix in (".mp4", "_land.csv"):
        copied = (clinic.folder / f"anna_take{suffix}").read_bytes()
        (clinic.folder / f"bert_take{suffix}").write_bytes(copied)
    clinic.write_manifest(
        [
            {"video": "anna_take.mp4", "patient_id": "anna", "grade_hb": 1},
            {"video": "bert_take.mp4", "patient_id": "bert", "grade_hb": grade},
        ]
    )

    with pytest.raises(DataError, match=r"the same pictures, in anna_take.mp4 and bert_t"):
        prepare()

    assert not home.dataset("sim").exists()


def spoil_everything(clinic):
    for path in clinic.folder.glob("*.mp4"):
        path.write_bytes(b"no video")


def spoil_one(clinic):
    (clinic.folder / "dora_take.mp4").write_bytes(b"no video")


def give_one_face_to_two(clinic):
    for suffix in (".mp4", "_land.csv"):
        copied = (clinic.folder / f"anna_take{suffix}").read_bytes()
        (clinic.folder / f"bert_take{suffix}").write_bytes(copied)


@pytest.mark.parametrize(
    ("harm", "strict"),
    [(spoil_everything, False), (spoil_one, True), (give_one_face_to_two, False)],
)
def test_a_refused_preparation_leaves_the_disk_as_it_was(prepare, clinic, tmp_path, harm, strict):
    harm(clinic)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(DataError):
        prepare(strict=strict)

    assert sorted(tmp_path.rglob("*")) == before


def test_a_refused_preparation_keeps_the_key_and_the_datasets_of_others(prepare, clinic, home):
    prepare_clinic(source=clinic.folder, home=home, name="first")
    key = key_path().read_bytes()
    before = content_of(home.root)
    spoil_everything(clinic)

    with pytest.raises(DataError):
        prepare()

    assert key_path().read_bytes() == key
    assert content_of(home.root) == before


def test_a_key_that_somebody_else_has_begun_to_use_stays(prepare, clinic):
    spoil_everything(clinic)

    with pytest.raises(DataError):
        prepare(progress=lambda step: load_or_create_key())

    assert key_path().exists()


def test_a_full_disk_is_no_refusal_and_keeps_what_is_finished(prepare, home, monkeypatch):
    usage = shutil.disk_usage(home.root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(DataError, match="nothing is decoded twice"):
        prepare()
    monkeypatch.undo()

    assert list((home.datasets / ".sim.staging").glob("*.arrow"))


def test_a_wrong_manifest_writes_nothing_at_all(prepare, clinic, home, tmp_path):
    clinic.write_manifest([{"video": "a.mp4", "patient_id": "p", "grade_hb": "VIII"}])

    with pytest.raises(DataError, match="1 problem") as caught:
        prepare()

    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "manifest.csv: line 2: grade_hb: 'VIII'",
        "only a warning: manifest.csv: line 2: a.mp4: no such file",
    ]
    assert not home.root.exists()
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"name": "a/b"}, UsageError, "cannot be used as a name"),
        ({"fps": 0}, UsageError, "--fps 0"),
        ({"fps": float("inf")}, UsageError, "--fps inf"),
        ({"source": "nowhere"}, DataError, "--source .*nowhere: no such folder"),
    ],
)
def test_wrong_options_are_refused(clinic, home, change, kind, message):
    options = {"source": clinic.folder, "home": home, "name": "sim", **change}
    options["source"] = clinic.folder.parent / options["source"]

    with pytest.raises(kind, match=message):
        prepare_clinic(**options)

    assert not home.root.exists()


def test_a_data_home_that_cannot_be_written_is_an_error(prepare, home):
    home.root.touch()

    with pytest.raises(DataError, match="choose another --data-home"):
        prepare()


def test_the_simulators_marker_makes_the_dataset_simulated(prepare, clinic, home):
    (clinic.folder / "simulated.json").write_text('{"simulated": true}')

    assert prepare().simulated
    assert open_dataset(home, "sim").simulated


def test_progress_counts_up_to_all_videos_and_frames(prepare):
    steps = []

    prepare(progress=steps.append)

    assert [step.stage for step in steps[:2]] == ["reading", "checking"]
    assert steps[-1].stage == "writing"
    assert (steps[-1].frames_done, steps[-1].videos_done, steps[-1].videos_total) == (20, 5, 5)
    assert all(step.note for step in steps)


def test_the_summary_is_plain_json(prepare):
    values = json.loads(json.dumps(prepare().to_dict()))

    assert values["frames"] == 20
    assert values["frames_per_grade"] == {"normal": 8, "low": 4, "medium": 4, "high": 4}
    assert values["left_out"] == []


def test_ids_can_be_matched_by_whoever_has_the_key(prepare, clinic, home, monkeypatch, tmp_path):
    prepare()
    dataset = open_dataset(home, "sim")

    rows = match_ids(dataset, clinic.folder / "manifest.csv")

    patients = {row.id: row.hash for row in rows if row.kind == "patient"}
    assert set(patients) == {"anna", "bert", "cleo", "dora"}
    assert set(patients.values()) == {subject.subject_id for subject in dataset.subjects}
    assert sum(row.kind == "video" for row in rows) == 5

    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "none.key"))
    with pytest.raises(DataError, match="no key"):
        match_ids(dataset, clinic.folder)
    (tmp_path / "none.key").write_text("ab" * 32)
    with pytest.raises(DataError, match="no id of"):
        match_ids(dataset, clinic.folder)
