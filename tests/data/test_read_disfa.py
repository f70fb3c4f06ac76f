import shutil

import numpy as np
import pytest
import scipy.io

from algr.data import ReadOptions, adapter_of
from algr.data.adapters import VideoFile
from algr.data.adapters.disfa import LABELS
from algr.data.adapters.disfa_labels import TRACKER_ERRORS, frames_of, is_tracker_error
from algr.data.published import PUBLISHED_PARTS
from tests.data import raw_layouts as raw


def read(folder, **options):
    return adapter_of("disfa").read(folder, ReadOptions(**options))


def with_code(reading, code):
    return [finding for finding in reading.findings if finding.code == code]


def test_labels_landmarks_and_pictures_of_a_frame_belong_together(tmp_path):
    reading = read(raw.write_disfa(tmp_path))

    first = reading.recordings[0]
    units = [int(name[2:]) for name in LABELS]
    assert (first.name, first.subject) == ("SN001", "SN001")
    assert first.number_N.tolist() == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in first.pictures.paths] == [f"{i}.png" for i in range(6)]
    assert first.labels_NA.tolist() == [
        [int(raw.intensity("SN001", frame, unit) >= 2) for unit in units] for frame in range(1, 7)
    ]
    np.testing.assert_allclose(first.landmarks_NL2[3], raw.points("SN001", 4), atol=1e-4)


@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_the_threshold_decides_and_is_recorded(tmp_path, threshold):
    reading = read(raw.write_disfa(tmp_path), threshold=threshold)

    expected = [int(raw.intensity("SN001", frame, 12) >= threshold) for frame in range(1, 7)]
    assert reading.recordings[0].labels_NA[:, LABELS.index("AU12")].tolist() == expected
    assert reading.parameters["threshold"] == threshold


@pytest.mark.parametrize(
    ("pictures", "first"),
    [
        ("img/{}/{:d}.png", 0),
        ("DISFA/{}/{:d}.jpg", 0),
        ("img/{}/{:05d}.png", 1),
        ("images/LeftVideo{0}_comp/LeftVideo{0}_comp_{1:04d}.png", 1),
        ("frames/{}/frame-{:06d}.jpeg", 0),
        ("{}/{:d}.png", 0),
    ],
)
def test_picture_folders_that_count_from_0_or_1_give_the_same_frames(tmp_path, pictures, first):
    reading = read(raw.write_disfa(tmp_path, pictures=pictures, first=first))

    names = [path.name for path in reading.recordings[0].pictures.paths]
    assert names == [pictures.format("SN001", i + first).rpartition("/")[2] for i in range(6)]


def test_whether_pictures_count_from_0_or_1_is_asked_where_names_do_not_tell(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"], first=1)
    (tmp_path / "img/SN001/6.png").unlink()

    assert with_code(read(tmp_path), "frame_origin")[0].severity == "refused"
    chosen = read(tmp_path, frame_offset=0)
    assert chosen.recordings[0].number_N.tolist() == [1, 2, 3, 4, 5]
    assert chosen.recordings[0].left_out == {"no picture of that number": 1}


@pytest.mark.parametrize(
    "name",
    [
        "Videos_LeftCamera/LeftVideo{}_comp.avi",
        "Video_LeftCamera/LeftVideo{}_Comp.avi",
        "video_leftcamera/leftvideo{}_COMP.AVI",
        "LeftVideo{}_comp.avi",
    ],
)
def test_videos_are_found_in_any_spelling(tmp_path, name):
    raw.write_disfa(tmp_path, pictures="")
    path = tmp_path / name.format("SN001")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"video")

    first = read(tmp_path).recordings[0]

    assert first.pictures.path == path
    assert first.pictures.index_N.tolist() == [0, 1, 2, 3, 4, 5]
    assert first.pictures.frames_labelled == 6


def test_the_right_camera_is_a_choice(tmp_path):
    raw.write_disfa(tmp_path, pictures="")
    for side in ("Left", "Right"):
        (tmp_path / f"{side}VideoSN001_comp.avi").write_bytes(b"video")

    reading = read(tmp_path, camera="right")

    assert reading.recordings[0].pictures.path.name == "RightVideoSN001_comp.avi"
    assert with_code(reading, "landmarks_of_the_left_camera")
    assert reading.parameters["camera"] == "right"


def test_a_copy_of_the_other_camera_only_says_how_to_choose_it(tmp_path):
    raw.write_disfa(tmp_path, pictures="")
    (tmp_path / "RightVideoSN001_comp.avi").write_bytes(b"video")

    assert "--camera right" in with_code(read(tmp_path), "camera")[0].message


@pytest.mark.parametrize(("spelling", "first"), [("{}_{:04d}_lm.mat", 0), ("l0{1:04d}_lm.mat", 1)])
def test_both_spellings_of_landmark_files_give_the_same_frames(tmp_path, spelling, first):
    reading = read(raw.write_disfa(tmp_path, landmarks=spelling, landmarks_from=first))

    for_frames = reading.recordings[0].landmarks_NL2
    expected = np.stack([raw.points("SN001", frame) for frame in range(1, 7)])
    np.testing.assert_allclose(for_frames, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("spelling", "first", "surplus"),
    [("{}_{:04d}_lm.mat", 0, "SN001_0006_lm.mat"), ("l0{1:04d}_lm.mat", 1, "l00000_lm.mat")],
)
def test_a_landmark_file_too_many_shifts_nothing_and_is_told(tmp_path, spelling, first, surplus):
    raw.write_disfa(tmp_path, subjects=["SN001"], landmarks=spelling, landmarks_from=first)
    folder = tmp_path / "Landmark_Points/SN001/tmp_frame_lm"
    scipy.io.savemat(folder / surplus, {"pts": np.zeros((66, 2))})

    reading = read(tmp_path)

    np.testing.assert_allclose(
        reading.recordings[0].landmarks_NL2[0], raw.points("SN001", 1), atol=1e-4
    )
    assert surplus in with_code(reading, "landmark_surplus")[0].message


def test_files_that_are_missing_damaged_or_without_a_place_are_told_apart(tmp_path):
    folder = raw.write_disfa(tmp_path) / "Landmark_Points/SN001/tmp_frame_lm"
    (folder / "SN001_0001_lm.mat").unlink()
    (folder / "SN001_0002_lm.mat").write_bytes(b"")
    scipy.io.savemat(folder / "SN001_0003_lm.mat", {"pts": np.full((66, 2), np.nan)})

    reading = read(tmp_path)

    assert [finding.message for finding in with_code(reading, "landmarks_missing")] == [
        "1 of 6 frames have no landmark file, such as 2",
        "1 of 6 frames have landmarks without a place (NaN), such as 4",
    ]
    assert len(with_code(reading, "landmark_file")) == 1


def test_points_66_are_the_17_of_the_jaw_and_the_49(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"])
    ordered = np.column_stack([np.arange(66.0), np.arange(66.0)])
    folder = tmp_path / "Landmark_Points/SN001/tmp_frame_lm"
    scipy.io.savemat(folder / "SN001_0000_lm.mat", {"pts": ordered + 1})

    landmarks = read(tmp_path).recordings[0].landmarks_NL2

    assert landmarks[0, :, 0].tolist() == list(range(17, 66))


def test_points_68_lose_jaw_and_inner_mouth_corners(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"])
    ordered = np.column_stack([np.arange(68.0), np.arange(68.0)])
    folder = tmp_path / "Landmark_Points/SN001/tmp_frame_lm"
    scipy.io.savemat(folder / "SN001_0000_lm.mat", {"pts": ordered + 1})

    landmarks = read(tmp_path).recordings[0].landmarks_NL2

    kept = [point for point in range(17, 68) if point not in (60, 64)]
    assert landmarks[0, :, 0].tolist() == kept


def test_frames_of_the_tracker_error_log_are_left_out_and_counted(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN002"], frames=830)

    reading = read(tmp_path)

    assert reading.recordings[0].left_out == {"tracker error log": 27}
    assert len(reading.recordings[0].number_N) == len(reading.recordings[0].pictures.paths) == 803
    assert not set(range(800, 827)) & set(reading.recordings[0].number_N.tolist())
    finding = with_code(reading, "tracker_errors")[0]
    assert (finding.severity, finding.count) == ("note", 27)
    kept = read(tmp_path, keep_tracker_errors=True)
    assert len(kept.recordings[0].number_N) == 830


def test_a_full_copy_keeps_the_published_number_of_frames():
    subjects = PUBLISHED_PARTS["disfa"]
    kept = sum(
        int((~is_tracker_error(subject, np.arange(1, frames_of(subject) + 1))).sum())
        for subject in subjects
    )
    assert len(subjects) == 27
    assert kept == 126_144
    assert set(TRACKER_ERRORS) <= set(subjects)


def test_one_subject_keeps_only_1793_frames():
    lost = is_tracker_error("SN021", np.arange(1, 4846))
    assert int((~lost).sum()) == 1793


def test_surplus_pictures_keep_their_numbers(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"])
    for number in range(6, 30):
        (tmp_path / f"img/SN001/{number}.png").write_bytes(b"picture")

    reading = read(tmp_path)

    assert reading.recordings[0].pictures.paths[-1].name == "5.png"
    assert with_code(reading, "surplus_pictures")[0].count == 24


def test_a_missing_file_of_one_unit_masks_that_unit(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"])
    (tmp_path / "ActionUnit_Labels/SN001/SN001_au4.txt").unlink()

    reading = read(tmp_path)

    labels = reading.recordings[0].labels_NA
    assert (labels[:, LABELS.index("AU4")] == -1).all()
    assert (np.delete(labels, LABELS.index("AU4"), axis=1) >= 0).all()
    assert with_code(reading, "label_file_missing")[0].file == "ActionUnit_Labels/SN001"


def test_lines_that_are_missing_in_one_file_are_not_coded_there(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN001"])
    path = tmp_path / "ActionUnit_Labels/SN001/SN001_au4.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:3]) + "\n")

    reading = read(tmp_path)

    column = reading.recordings[0].labels_NA[:, LABELS.index("AU4")].tolist()
    assert [value == -1 for value in column] == [False, False, False, True, True, True]
    assert with_code(reading, "label_rows")[0].count == 3


def test_counts_parts_and_what_is_missing_of_a_full_copy(tmp_path):
    reading = read(raw.write_disfa(tmp_path))

    assert (reading.published.subjects, reading.published.frames) == (27, 126_144)
    assert reading.parts == {"SN001": 1, "SN003": 3, "SN006": 2}
    assert [finding.count for finding in with_code(reading, "partial_copy")] == [3, 24]


def test_the_parts_are_nine_subjects_each():
    assert np.bincount(list(PUBLISHED_PARTS["disfa"].values())).tolist() == [0, 9, 9, 9]


def test_frames_of_a_video_keep_their_places_around_tracker_errors(tmp_path):
    raw.write_disfa(tmp_path, subjects=["SN002"], frames=830, pictures="")
    (tmp_path / "LeftVideoSN002_comp.avi").write_bytes(b"video")

    first = read(tmp_path).recordings[0]

    assert (first.pictures.index_N == first.number_N - 1).all()
    assert first.pictures.index_N.tolist() == [*range(799), *range(826, 830)]
    assert first.pictures.frames_labelled == 830


@pytest.mark.parametrize("pictures", ["img/{}/{:d}.png", ""], ids=["pictures", "a video"])
def test_labels_that_count_from_0_give_the_same_frames_as_those_from_1(tmp_path, pictures):
    readings = []
    for name, change in (("plain", lambda _: None), ("moved", raw.count_labels_from_0("SN001"))):
        source = raw.write_disfa(tmp_path / name, pictures=pictures)
        videos = [] if pictures else ["SN001", "SN006", "SN003"]
        for subject in videos:
            (source / f"LeftVideo{subject}_comp.avi").write_bytes(b"video")
        change(source)
        readings.append(read(source))
    plain, moved = (reading.recordings[0] for reading in readings)

    assert moved.number_N.tolist() == plain.number_N.tolist() == [1, 2, 3, 4, 5, 6]
    assert moved.labels_NA.tolist() == plain.labels_NA.tolist()
    np.testing.assert_array_equal(moved.landmarks_NL2, plain.landmarks_NL2)
    assert places(moved) == places(plain)


def places(recording):
    """Names of pictures, or indices in a video."""
    if isinstance(recording.pictures, VideoFile):
        return recording.pictures.index_N.tolist()
    return [path.name for path in recording.pictures.paths]


def write_long_labels(root, *, last):
    for unit in raw.DISFA_UNITS:
        path = root / f"ActionUnit_Labels/SN010/SN010_au{unit}.txt"
        raw.write_csv(path, [(frame, 0) for frame in range(last + 1)])
    (root / "LeftVideoSN010_comp.avi").write_bytes(b"video")
    return root


def test_a_whole_subject_may_count_from_0_and_one_frame_more_is_refused(tmp_path):
    whole = read(write_long_labels(tmp_path / "whole", last=4843))
    more = read(write_long_labels(tmp_path / "more", last=4844))

    assert not with_code(whole, "label_origin")
    assert whole.recordings[0].number_N[[0, -1]].tolist() == [1, 4844]
    (refused,) = with_code(more, "label_origin")
    assert "begin with frame 0 and end with 4844, though a full copy has 4844" in refused.message
    assert "add 1 to the frame numbers of SN010_au1.txt, SN010_au2.txt" in refused.message


def test_subjects_without_pictures_do_not_count_as_those_whose_labels_end_early(tmp_path):
    raw.write_disfa(tmp_path)
    shutil.rmtree(tmp_path / "img/SN006")

    told = [f.message for f in with_code(read(tmp_path), "partial_copy")]

    assert "the labels of 2 subjects end early, such as those of SN001 with frame 6 of 4845" in told
