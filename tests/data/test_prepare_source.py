"""Action-unit data sets from raw layouts to prepared datasets."""

import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from algr.config import CvConfig, DataHome
from algr.data import (
    ReadOptions,
    describe_dataset,
    list_datasets,
    match_ids,
    open_dataset,
    plan_folds,
    prepare_source,
    verify_dataset,
)
from algr.data.align import align_face
from algr.data.identity import key_path
from algr.errors import DataError
from tests.data import raw_layouts as raw


@pytest.fixture
def prepare(tmp_path, home):
    def run(layout, *, source="source", name="made", **options):
        read = ReadOptions(**options.pop("read", {}))
        return prepare_source(
            layout=layout, source=tmp_path / source, home=home, name=name, options=read, **options
        )

    return run


def content_of(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_frames_are_the_aligned_faces_with_their_own_labels(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", name="{:d}.png", real=True)

    prepare("bp4d", read={"label_names": ("AU1", "AU2")})

    dataset = open_dataset(home, "made")
    assert (dataset.kind, dataset.num_frames, dataset.label_names) == ("au", 12, ("AU1", "AU2"))
    rows = dataset.gather(np.arange(12))
    expected = []
    for subject in ("F001T1", "F003T1", "F004T1"):
        for frame in (5, 6, 7, 8):
            points = raw.points(subject, frame).astype(np.float32)
            face = align_face(raw.picture(subject, frame), points)
            labels = [raw.label(subject, frame, unit) for unit in (1, 2)]
            expected.append((face.image_HWC.tobytes(), labels))
    found = [
        (image.tobytes(), labels.tolist())
        for image, labels in zip(rows.images_BHWC, rows.labels_BA, strict=True)
    ]
    assert sorted(found) == sorted(expected)


def test_videos_give_the_frames_of_their_numbers(prepare, tmp_path, home):
    raw.write_disfa(tmp_path / "source", pictures="", frames=6)
    for subject in ("SN001", "SN006", "SN003"):
        video = tmp_path / f"source/Videos_LeftCamera/LeftVideo{subject}_comp.avi"
        raw.write_avi(video, subject, 9)
    raw.write_disfa(tmp_path / "pictures", real=True, frames=6)

    from_videos = prepare("disfa", name="videos")
    prepare("disfa", name="pictures", source="pictures")

    first, second = (open_dataset(home, name) for name in ("videos", "pictures"))
    assert from_videos.frames == 18
    assert {subject.digest for subject in first.subjects} == {
        subject.digest for subject in second.subjects
    }
    assert first.frames.time_s[:3].tolist() == [0.0, 0.05, 0.1]


def test_a_video_shorter_than_its_labels_loses_those_frames_and_says_so(prepare, tmp_path):
    raw.write_disfa(tmp_path / "source", pictures="", frames=6)
    for subject, frames in (("SN001", 4), ("SN006", 6), ("SN003", 30)):
        raw.write_avi(tmp_path / f"source/LeftVideo{subject}_comp.avi", subject, frames)

    summary = prepare("disfa")

    assert summary.frames == 16
    assert summary.frames_rejected == {"no such frame in the video": 2}
    assert "SN001: the video has 4 frames, so that 2 labelled ones" in "\n".join(summary.lines())
    assert "SN003: the video goes on for 24 frames" in "\n".join(summary.lines())


def test_a_video_that_cannot_be_read_is_left_out(prepare, tmp_path):
    raw.write_disfa(tmp_path / "source", pictures="")
    for subject in ("SN001", "SN006"):
        raw.write_avi(tmp_path / f"source/LeftVideo{subject}_comp.avi", subject, 6)
    (tmp_path / "source/LeftVideoSN003_comp.avi").write_bytes(b"no video" * 100)

    summary = prepare("disfa")

    assert [video.video for video in summary.left_out] == ["SN003"]
    assert "LeftVideoSN003_comp.avi: cannot be read as a video" in summary.left_out[0].reason
    with pytest.raises(DataError, match="--strict"):
        prepare("disfa", name="strict", strict=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot identify image file"),
        (b"not a picture", "cannot identify image file"),
        ("cut", "truncated"),
        ("wide", "more than 8 bits"),
    ],
)
def test_a_picture_that_cannot_be_read_costs_its_frame_and_is_named(
    prepare, tmp_path, data, reason
):
    raw.write_bp4d(tmp_path / "source", real=True)
    path = tmp_path / "source/Sequences(2D+3D)/F001/T1/0006.jpg"
    damaged = {
        "cut": lambda: path.write_bytes(path.read_bytes()[:700]),
        "wide": lambda: Image.fromarray(np.zeros((96, 96), np.uint16)).save(path, format="png"),
    }
    damaged.get(data, lambda: path.write_bytes(data))()

    summary = prepare("bp4d")

    assert summary.frames == 11
    assert summary.frames_rejected == {"picture cannot be read": 1}
    warning = next(text for text in summary.warnings if "cannot be read" in text)
    assert warning.startswith("F001_T1: 1 picture cannot be read, such as 0006.jpg (")
    assert reason in warning


def test_a_resumed_preparation_names_pictures_that_could_not_be_read_before(
    prepare, tmp_path, home
):
    raw.write_bp4d(tmp_path / "source", real=True)
    path = tmp_path / "source/Sequences(2D+3D)/F001/T1/0006.jpg"
    path.write_bytes(path.read_bytes()[:700])

    def stop(step):
        if step.stage == "decoding" and step.videos_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("bp4d", progress=stop)
    (staging,) = home.datasets.iterdir()
    stored = "".join(part.read_text() for part in staging.glob("*.json"))

    warnings = prepare("bp4d").warnings

    assert any("F001_T1: 1 picture cannot be read, such as 0006.jpg (" in text for text in warnings)
    assert "1 picture cannot be read" in stored
    assert "0006" not in stored


def test_pictures_are_turned_upright_before_landmarks_are_used(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", name="{:d}.png", real=True)
    for path in (tmp_path / "source").rglob("*.png"):
        exif = Image.Exif()
        exif[0x0112] = 6  # shown after a quarter turn clockwise
        image = Image.open(path)
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    raw.write_bp4d(tmp_path / "upright", name="{:d}.png", real=True)

    turned = prepare("bp4d", name="turned")
    upright = prepare("bp4d", name="upright", source="upright")

    assert turned.fingerprint == upright.fingerprint


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (None, "landmarks missing"),
        (np.full((49, 2), np.nan), "landmarks missing"),
        (np.full((49, 2), 40.0), "eye centres less than 8 pixels apart"),
        (raw.points("F001T1", 6) + 90, "face outside of the picture"),
        (raw.points("F001T1", 6) * 1000, "face outside of the picture"),
    ],
)
def test_implausible_landmarks_reject_their_frame_with_a_reason(prepare, tmp_path, points, reason):
    raw.write_bp4d(tmp_path / "source", real=True)
    cells = [raw.points("F001T1", frame) + 1 for frame in range(1, 11)]
    raw.write_cells(tmp_path / "source/2DFeatures/F001_T1.mat", [*cells[:5], points, *cells[6:]])

    summary = prepare("bp4d")

    assert summary.frames == 11
    assert summary.frames_rejected == {reason: 1}


def test_frames_that_the_reading_left_out_are_counted_among_the_rejected(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", real=True)
    (tmp_path / "source/Sequences(2D+3D)/F001/T1/0006.jpg").unlink()

    assert prepare("bp4d").frames_rejected == {"no picture of that number": 1}
    assert describe_dataset(home, "made")["frames_rejected"] == {"no picture of that number": 1}


def test_two_sites_with_other_keys_and_workers_get_the_same_folds(prepare, tmp_path, monkeypatch):
    raw.write_bp4d(tmp_path / "source", subjects=["F001", "F002", "F003", "F004"], real=True)
    here = prepare("bp4d")
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "other.key"))
    shutil.copytree(tmp_path / "source", tmp_path / "copy")
    there = prepare("bp4d", name="there", source="copy", jobs=2)

    datasets = [open_dataset(DataHome(tmp_path / "home"), name) for name in ("made", "there")]

    assert here.fingerprint == there.fingerprint
    plans = [plan_folds(dataset, cv=CvConfig(), seed=0) for dataset in datasets]
    assert plans[0].folds == plans[1].folds
    assert [fold.part for fold in plans[0].folds] == [1, 2, 3]
    ids = [{subject.subject_id for subject in dataset.subjects} for dataset in datasets]
    assert not ids[0] & ids[1]


def test_ids_can_be_matched_with_the_folder_of_any_source(prepare, tmp_path, home):
    raw.write_disfa(tmp_path / "source", real=True)
    prepare("disfa")
    dataset = open_dataset(home, "made")

    rows = match_ids(dataset, tmp_path / "source")

    hashes = {row.id: row.hash for row in rows if row.kind == "patient"}
    assert set(hashes) == {"SN001", "SN003", "SN006"}
    assert set(hashes.values()) == {subject.subject_id for subject in dataset.subjects}
    assert sum(row.kind == "video" for row in rows) == 3


def test_a_refusal_tells_problems_from_warnings(prepare, tmp_path):
    source = raw.write_disfa(tmp_path / "source", real=True)
    raw.change_line(source / "ActionUnit_Labels/SN001/SN001_au4.txt", 2, "2,6")

    with pytest.raises(DataError, match="1 problem") as refused:
        prepare("disfa")

    first, *others = refused.value.problems
    assert "'6' is no label" in first
    assert others
    assert all(text.startswith("only a warning: ") for text in others)


def test_an_interlaced_video_is_told_of(prepare, tmp_path):
    source = raw.write_disfa(tmp_path / "source", pictures="", subjects=("SN001", "SN003"))
    raw.write_avi(source / "Videos_LeftCamera/LeftVideoSN003_comp.avi", "SN003", 6)
    with av.open(str(source / "Videos_LeftCamera/LeftVideoSN001_comp.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=20, options={"flags": "+ildct+ilme"})
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for frame in range(1, 7):
            image = av.VideoFrame.from_ndarray(raw.picture("SN001", frame), format="rgb24")
            container.mux(stream.encode(image.reformat(format="yuv420p")))
        container.mux(stream.encode())

    summary = prepare("disfa")

    told = [warning for warning in summary.warnings if "interlaced" in warning]
    assert told == ["SN001: interlaced; one field of each frame is used"]


def test_a_second_preparation_finds_the_dataset_up_to_date(prepare, tmp_path, home):
    raw.write_disfa(tmp_path / "source", real=True)
    prepare("disfa")
    before = content_of(home.root)

    again = prepare("disfa")

    assert again.up_to_date
    assert content_of(home.root) == before


@pytest.mark.parametrize(
    "change", [{"threshold": 3}, {"label_names": ("AU1", "AU2")}, {"landmark_base": 0}]
)
def test_other_options_are_another_dataset(prepare, tmp_path, change):
    raw.write_disfa(tmp_path / "source", real=True)
    first = prepare("disfa")

    with pytest.raises(DataError, match="other files or options"):
        prepare("disfa", read=change)
    assert prepare("disfa", read=change, replace=True).fingerprint != first.fingerprint


def test_nothing_of_names_or_paths_is_stored(prepare, tmp_path, home):
    raw.write_pictures_with_manifest(tmp_path / "source", real=True)
    manifest = tmp_path / "source/manifest.csv"
    lines = manifest.read_text().splitlines()
    grouped = [f"{line},ward7" for line in lines[1:]]
    manifest.write_text("\n".join([f"{lines[0]},group", *grouped]))

    with pytest.raises(KeyboardInterrupt):
        prepare("manifest", progress=stop_after(2))
    staged = content_of(home.root)
    prepare("manifest")

    secrets = [b"anna", b"bert", b"cleo", b"ward7", str(tmp_path / "source").encode()]
    for name, data in [*staged.items(), *content_of(home.root).items()]:
        assert not [secret for secret in secrets if secret in name.encode() + data]


def stop_after(recordings):
    def show(step):
        if step.stage == "decoding" and step.videos_done >= recordings:
            raise KeyboardInterrupt

    return show


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stopped_preparation_goes_on_without_losing_or_doubling_frames(
    prepare, tmp_path, home, jobs
):
    raw.write_bp4d(tmp_path / "source", tasks=["T1", "T2"], real=True)
    with pytest.raises(KeyboardInterrupt):
        prepare("bp4d", jobs=jobs, progress=stop_after(3))
    assert [path.name for path in home.datasets.iterdir()] == [".made.staging"]

    resumed = prepare("bp4d", jobs=jobs)

    fresh = prepare("bp4d", name="fresh")
    assert resumed.frames == fresh.frames == 24
    assert resumed.frames_decoded <= 12
    assert resumed.fingerprint == fresh.fingerprint
    assert verify_dataset(home.dataset("made")).frames == 24


SCRIPT = """
import sys
from pathlib import Path
from algr.config import DataHome
from algr.data import prepare_source

def show(step):
    print(step.stage, step.videos_done, flush=True)

if __name__ == "__main__":
    source, home = map(Path, sys.argv[1:])
    prepare_source(layout="bp4d", source=source, home=DataHome(home), name="made", progress=show)
"""


@pytest.mark.slow
def test_a_killed_preparation_goes_on_without_losing_or_doubling_frames(prepare, tmp_path, home):
    frames = range(1, 301)
    raw.write_bp4d(tmp_path / "source", coded=frames, pictured=frames, real=True)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path / "source"), str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        next(line for line in process.stdout if line == "decoding 1\n")
        process.kill()
    left = sorted(path.name for path in home.datasets.iterdir())

    resumed = prepare("bp4d")

    assert left == [".made.staging"]
    assert resumed.frames == 900
    assert 0 < resumed.frames_decoded <= 600
    assert resumed.fingerprint == prepare("bp4d", name="fresh").fingerprint


def test_one_face_under_two_subjects_is_refused(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", real=True)
    source = tmp_path / "source"
    pictures = source / "Sequences(2D+3D)"
    shutil.copy(pictures / "F001/T1/0006.jpg", pictures / "F003/T1/0006.jpg")
    cells = [raw.points("F003T1", frame) + 1 for frame in range(1, 11)]
    cells[5] = raw.points("F001T1", 6) + 1
    raw.write_cells(source / "2DFeatures/F003_T1.mat", cells)

    with pytest.raises(DataError, match="subjects F001 and F003 have the same pictures"):
        prepare("bp4d")
    assert not home.root.exists()
    assert not key_path().exists()


def test_one_face_in_two_files_is_refused_by_its_pixels(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", name="{:d}.png", real=True)
    source = tmp_path / "source"
    pictures = source / "Sequences(2D+3D)"
    Image.open(pictures / "F001/T1/6.png").save(pictures / "F003/T1/6.png", compress_level=1)
    cells = [raw.points("F003T1", frame) + 1 for frame in range(1, 11)]
    cells[5] = raw.points("F001T1", 6) + 1
    raw.write_cells(source / "2DFeatures/F003_T1.mat", cells)

    with pytest.raises(DataError, match="in F001_T1 and F003_T1: 1 picture"):
        prepare("bp4d")
    assert not home.root.exists()


def test_warnings_are_told_beside_faces_that_are_found_twice_when_all_is_decoded(prepare, tmp_path):
    source = raw.write_bp4d(tmp_path / "source", name="{:d}.png", real=True)
    pictures = source / "Sequences(2D+3D)"
    Image.open(pictures / "F001/T1/6.png").save(pictures / "F003/T1/6.png", compress_level=1)
    cells = [raw.points("F003T1", frame) + 1 for frame in range(1, 11)]
    cells[5] = raw.points("F001T1", 6) + 1
    raw.write_cells(source / "2DFeatures/F003_T1.mat", cells)
    raw.change_line(source / "AUCoding/AU_OCC/F004_T1.csv", 2, "5,0")

    with pytest.raises(DataError) as caught:
        prepare("bp4d")

    told = [text for text in caught.value.problems if "F004_T1.csv: line 2" in text]
    assert len(told) == 1
    assert told[0].startswith("only a warning: ")


def test_one_file_under_two_subjects_is_refused_whatever_its_landmarks(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", real=True)
    pictures = tmp_path / "source/Sequences(2D+3D)"
    shutil.copy(pictures / "F001/T1/0006.jpg", pictures / "F003/T1/0007.jpg")

    with pytest.raises(DataError, match="in F001_T1 and F003_T1"):
        prepare("bp4d")
    assert not home.root.exists()


def test_a_file_without_landmarks_is_nobodys_and_may_stand_twice(prepare, tmp_path):
    raw.write_bp4d(tmp_path / "source", real=True)
    pictures = tmp_path / "source/Sequences(2D+3D)"
    shutil.copy(pictures / "F001/T1/0006.jpg", pictures / "F003/T1/0006.jpg")
    cells = [raw.points("F003T1", frame) + 1 for frame in range(1, 11)]
    raw.write_cells(tmp_path / "source/2DFeatures/F003_T1.mat", [*cells[:5], None, *cells[6:]])

    assert prepare("bp4d").frames == 11


def test_people_of_one_group_may_share_a_picture(prepare, tmp_path):
    raw.write_gft(tmp_path / "source", real=True)
    shutil.copy(tmp_path / "source/001A/2.jpg", tmp_path / "source/001B/2.jpg")

    assert prepare("gft").frames == 16


def test_repeated_pictures_of_one_subject_are_all_kept(prepare, tmp_path):
    raw.write_bp4d(tmp_path / "source", real=True)
    folder = tmp_path / "source/Sequences(2D+3D)/F001/T1"
    shutil.copy(folder / "0006.jpg", folder / "0007.jpg")

    assert prepare("bp4d").frames == 12


def test_people_of_one_gft_group_stay_together(prepare, tmp_path, home):
    raw.write_gft(tmp_path / "source", people=["001A", "001B", "001C", "002A", "003A"], real=True)

    prepare("gft")

    dataset = open_dataset(home, "made")
    assert len({subject.group for subject in dataset.subjects}) == 3
    for fold in plan_folds(dataset, cv=CvConfig(protocol="paper"), seed=0).folds:
        tested = [subject for subject in dataset.subjects if subject.digest in fold.test]
        assert len({subject.group for subject in tested}) == 1


def test_grades_of_a_manifest_make_a_dataset_of_grades(prepare, tmp_path, home):
    raw.write_pictures_with_manifest(tmp_path / "source", real=True)
    grades = {"anna": "I", "bert": "3/6", "cleo": 6}
    rows = [
        {
            "file": f"{name}/{frame}.png",
            "subject": name,
            "landmarks": f"{name}/{frame}.txt",
            "grade_hb": grade,
        }
        for name, grade in grades.items()
        for frame in range(3)
    ]
    columns = ("file", "subject", "landmarks", "grade_hb")
    raw.write_manifest(tmp_path / "source", rows, columns=columns)

    summary = prepare("manifest")

    assert open_dataset(home, "made").kind == "grade"
    assert dict(summary.frames_per_grade) == {"normal": 3, "medium": 3, "high": 3}


def test_a_manifest_of_video_frames_takes_those_frames(prepare, tmp_path, home):
    source = tmp_path / "source"
    rows = []
    for subject in ("anna", "bert"):
        raw.write_avi(source / f"{subject}.avi", subject, 8)
        tracks = [[n - 1, *raw.points(subject, n).ravel().tolist()] for n in range(1, 9)]
        header = ["frame", *(f"{axis}{point}" for point in range(49) for axis in "xy")]
        raw.write_csv(source / f"{subject}_land.csv", [header, *tracks])
        rows += [
            {"file": f"{subject}.avi", "subject": subject, "frame": n, "time_s": n / 20, "AU1": 1}
            for n in (2, 5)
        ]
    raw.write_manifest(source, rows, columns=("file", "subject", "frame", "time_s", "AU1"))

    prepare("manifest")

    dataset = open_dataset(home, "made")
    assert dataset.frames.frame.tolist() == [2, 5, 2, 5]
    assert dataset.frames.time_s.tolist() == [0.1, 0.25, 0.1, 0.25]
    images = {image.tobytes() for image in dataset.gather(np.arange(4)).images_BHWC}
    for subject in ("anna", "bert"):
        points = raw.points(subject, 6).astype(np.float32)
        assert align_face(raw.picture(subject, 6), points).image_HWC.tobytes() in images


def test_what_is_listed_and_described_of_action_units(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", subjects=["F001", "F003", "F004"], real=True)
    table = tmp_path / "source/AUCoding/AU_OCC/F001_T1.csv"
    raw.change_line(table, 2, "5" + ",9" * 27)

    summary = prepare("bp4d", read={"label_names": ("AU1", "AU2")})
    facts = describe_dataset(home, "made")

    labels = [
        raw.label(f"{s}T1", frame, 1) for s in ("F001", "F003", "F004") for frame in range(5, 9)
    ]
    rate = round(sum(labels[1:]) / 11, 4)
    assert facts["rate_per_label"]["AU1"] == summary.label_rates["AU1"] == rate
    assert facts["coded_frames_per_label"] == {"AU1": 11, "AU2": 11}
    assert facts["subjects_per_published_part"] == {"part 1": 1, "part 2": 1, "part 3": 1}
    assert summary.to_dict()["missing_codes"] == {"9": 2}
    assert [(row.kind, row.frames, row.subjects) for row in list_datasets(home)] == [("au", 12, 3)]


def test_another_layout_is_refused_with_the_command_that_fits(prepare, tmp_path):
    raw.write_bp4d(tmp_path / "source")

    with pytest.raises(DataError, match="looks like bp4d, not like disfa") as caught:
        prepare("disfa")
    assert "algr data prepare bp4d" in caught.value.message


def test_a_source_without_landmarks_is_refused(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", real=True)
    shutil.rmtree(tmp_path / "source/2DFeatures")

    with pytest.raises(DataError, match="no recording has landmarks"):
        prepare("bp4d")
    assert not home.root.exists()


def test_strict_lets_a_partial_copy_pass_and_nothing_else(prepare, tmp_path, home):
    raw.write_bp4d(tmp_path / "source", real=True)
    assert prepare("bp4d", strict=True).frames == 12

    Path(tmp_path / "source/Sequences(2D+3D)/F001/T1/0006.jpg").unlink()
    with pytest.raises(DataError, match="--strict") as caught:
        prepare("bp4d", name="again", strict=True)
    assert "1 of 4 labelled frames have no picture" in caught.value.message


def test_strict_does_not_leave_out_a_picture_that_is_cut(prepare, tmp_path):
    raw.write_bp4d(tmp_path / "source", real=True)
    picture = tmp_path / "source/Sequences(2D+3D)/F001/T1/0006.jpg"
    picture.write_bytes(picture.read_bytes()[:400])

    with pytest.raises(DataError, match=r"--strict.*\n.*0006\.jpg"):
        prepare("bp4d", strict=True)


def test_a_recording_without_a_usable_frame_is_left_out_by_name(prepare, tmp_path):
    raw.write_bp4d(tmp_path / "source", real=True)
    raw.write_cells(tmp_path / "source/2DFeatures/F001_T1.mat", [np.full((49, 2), 30.0)] * 10)

    left_out = prepare("bp4d").left_out

    assert [video.video for video in left_out] == ["F001_T1"]
    assert left_out[0].reason.startswith("no frame could be used (4 eye centres")
    with pytest.raises(
        DataError, match=r"--strict(.*\n)+.*  - F001_T1: no frame could be used \(4 eye"
    ):
        prepare("bp4d", name="again", strict=True)


def test_a_refused_source_is_told_with_its_files_that_stand_there_twice(tmp_path, home):
    source = raw.write_bp4d(tmp_path / "BP4D", subjects=["F001", "F003"], real=True)
    pictures = source / "Sequences(2D+3D)"
    for picture in (pictures / "F001/T1").iterdir():
        (pictures / "F003/T1" / picture.name).write_bytes(picture.read_bytes())
    raw.change_line(source / "AUCoding/AU_OCC/F001_T1.csv", 2, "5" + ",2" * 27)

    with pytest.raises(DataError) as caught:
        prepare_source(layout="bp4d", source=source, home=home, name="x")

    assert "line 2: AU4: '2' is no label" in caught.value.message
    assert "subjects F001 and F003" in caught.value.message


def test_all_recordings_that_stand_there_twice_are_told_together(tmp_path, home):
    source = raw.write_bp4d(
        tmp_path / "BP4D", subjects=["F001", "F003"], tasks=["T1", "T2"], real=True
    )
    pictures = source / "Sequences(2D+3D)"
    for picture in pictures.glob("F001/*/*"):
        (pictures / "F003" / picture.parent.name / picture.name).write_bytes(picture.read_bytes())

    with pytest.raises(DataError) as caught:
        prepare_source(layout="bp4d", source=source, home=home, name="x")

    places = [problem.partition("pictures, in ")[2] for problem in caught.value.problems[:2]]
    assert [place.partition(":")[0] for place in places] == [
        "F001_T1 and F003_T1",
        "F001_T2 and F003_T2",
    ]


def test_exchanged_axes_are_exchanged_back_and_enter_the_fingerprint(tmp_path, home):
    source = raw.write_bp4d(tmp_path / "BP4D", subjects=["F001"], real=True)
    cells = [raw.points("F001T1", frame)[:, ::-1] + 1 for frame in range(1, 11)]
    right = prepare_source(layout="bp4d", source=source, home=home, name="right")
    raw.write_cells(source / "2DFeatures/F001_T1.mat", cells)

    options = ReadOptions(swap_axes=True)
    mended = prepare_source(layout="bp4d", source=source, home=home, name="mended", options=options)

    faces = [open_dataset(home, name).frames for name in ("right", "mended")]
    np.testing.assert_array_equal(faces[0].landmarks, faces[1].landmarks)
    assert open_dataset(home, "mended").description.parameters["reading"]["swap_axes"] is True
    assert right.fingerprint != mended.fingerprint
