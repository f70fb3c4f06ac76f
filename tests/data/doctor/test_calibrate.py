from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algr.data.adapters import VideoFile
from algr.data.doctor.calibrate import SubjectOffset, axes_of, judge_subjects, mirror_shift
from algr.data.doctor.judge import subject_offset_findings
from algr.data.doctor.sampling import draw_samples, fast_pairs


def codes(found):
    return {finding.code for finding in found.findings}


def test_clean_data_raise_no_alarm(clean, examined):
    found = examined(clean)

    assert found.verdict == "ready"
    assert found.calibration.axes == "upright"
    assert found.calibration.offset.offset == 0
    assert abs(found.calibration.base.shift_px) < 0.2
    assert codes(found) <= {"picture_repeated"}


@pytest.mark.parametrize(("planted", "option"), [(-1, "-1"), (1, "1")])
def test_landmarks_of_a_neighbouring_frame_are_found_with_the_option_that_mends_it(
    clean, examined, faces, planted, option
):
    found = examined(faces.with_landmarks(clean, faces.shifted(planted)))

    assert found.calibration.offset.offset == -planted
    assert "frame_offset" in codes(found)
    assert found.command.endswith(f"--frame-offset {option}")
    assert found.verdict == "warnings"


def test_an_offset_that_was_used_in_reading_is_reckoned_in(clean, examined, faces):
    shifted = faces.with_landmarks(clean, faces.shifted(1))
    renumbered = [
        replace(recording, number_N=recording.number_N + 1) for recording in shifted.recordings
    ]

    reading = replace(shifted, recordings=tuple(renumbered))
    unstated, stated = ({"frame_offset": offset, "landmark_base": 0} for offset in (None, -1))

    assert examined(replace(reading, parameters=unstated)).command.endswith("--frame-offset 0")
    assert examined(replace(reading, parameters=stated)).command.endswith("--frame-offset 0")


def test_noise_in_the_landmarks_raises_no_alarm(clean, examined, faces):
    rng = np.random.default_rng(0)

    found = examined(faces.with_landmarks(clean, lambda p: p + rng.normal(0, 1.5, p.shape)))

    assert found.calibration.offset.offset == 0
    assert found.verdict == "ready"


def test_swapped_axes_are_refused(clean, examined, faces):
    found = examined(faces.with_landmarks(clean, lambda points: points[..., ::-1].copy()))

    assert found.verdict == "refused"
    assert codes(found) >= {"axes_swapped"}
    assert not codes(found) & {"frame_offset", "landmark_base", "landmarks_swapped_eyes"}
    assert found.command == ""


@pytest.mark.parametrize(("shift", "base", "used"), [(1, 1, 0), (-1, 0, 1)])
def test_landmarks_that_count_from_another_pixel_are_found(
    clean, examined, faces, shift, base, used
):
    moved = faces.with_landmarks(clean, lambda points: points + np.float32(shift))

    found = examined(replace(moved, parameters={"frame_offset": 0, "landmark_base": used}))

    assert found.calibration.base.shift_px == pytest.approx(shift, abs=0.2)
    assert found.command.endswith(f"--landmark-base {base}")


def test_heads_that_rest_tell_no_offset_and_none_is_guessed(faces, folder, examined):
    still = faces.make_clean(folder / "still", subjects=4, frames=12, speed=0.01)

    found = examined(faces.with_landmarks(still, faces.shifted(1)))

    assert found.calibration.offset.offset is None
    assert "offset_unknown" in codes(found)
    assert "--frame-offset" not in found.command


@pytest.mark.parametrize("planted", [-1, 1])
def test_one_subject_whose_pictures_are_numbered_otherwise_is_named(
    clean, examined, faces, planted
):
    recordings = list(clean.recordings)
    points = recordings[8].landmarks_NL2
    recordings[8] = replace(recordings[8], landmarks_NL2=faces.shifted(planted)(points))

    found = examined(replace(clean, recordings=tuple(recordings)))

    (finding,) = [f for f in found.findings if f.code == "frame_offset_of_subject"]
    assert finding.message.startswith("subject M001:")
    assert (
        "if the labels fit the pictures, renumber the landmark files of this subject by "
        f"{planted:+d}, else the pictures by {-planted:+d}, or take"
    ) in finding.message
    assert "--frame-offset" not in found.command
    assert found.verdict == "warnings"


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("au", "renumber the landmark files of this subject by -1, and its labels too if they do"),
        ("grade", "renumber the landmark files of this subject by -1, or take the subject away"),
    ],
)
def test_frames_of_a_video_are_not_to_be_renamed(clean, kind, advice):
    one = clean.recordings[0]
    video = VideoFile(path=Path("a.avi"), index_N=one.number_N)
    reading = replace(clean, kind=kind, recordings=(replace(one, pictures=video),))
    offset = SubjectOffset(subject=one.subject, offset=3, sureness=9.0, pictures=20)

    (finding,) = subject_offset_findings([offset], reading, usual=2)

    assert advice in finding.message


def test_one_recording_with_swapped_axes_is_named_and_left_out(clean, examined):
    recordings = list(clean.recordings)
    swapped = recordings[4].landmarks_NL2[..., ::-1].copy()
    recordings[4] = replace(recordings[4], landmarks_NL2=swapped)

    found = examined(replace(clean, recordings=tuple(recordings)))

    alarms = [(f.code, f.file) for f in found.findings if f.severity != "note"]
    assert alarms == [("axes_swapped", "F010_T1"), ("subjects_of_no_use", "")]
    assert list(found.screening.left_out) == ["F010_T1"]
    assert found.verdict == "warnings"


@pytest.mark.parametrize(("count", "told"), [(3, "3 subjects"), (1, "1 subject")])
def test_few_faces_tell_no_base_and_none_is_guessed(clean, examined, count, told):
    found = examined(replace(clean, recordings=clean.recordings[:count]))

    assert found.calibration.base.shift_px is None
    assert found.calibration.base.why.endswith(f" faces of {told} are too few")
    assert "base_unknown" in codes(found)
    assert "--landmark-base" not in found.command


def test_without_landmarks_nothing_is_calibrated_and_nothing_breaks(clean, examined):
    bare = [replace(recording, landmarks_NL2=None) for recording in clean.recordings]

    found = examined(replace(clean, recordings=tuple(bare)))

    assert found.calibration.axes == "unknown"
    assert found.verdict == "refused"
    assert "no_landmarks" in codes(found)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda p: p, 0),
        (lambda p: p[..., ::-1], 1),
        (lambda p: p * [-1, 1], 2),
        (lambda p: p @ [[0, -1], [1, 0]], 3),
        (lambda p: -p, 3),
        (lambda p: p * np.nan, -1),
        (lambda p: p @ [[0.8, 0.6], [-0.6, 0.8]], 0),
    ],
)
def test_the_orientation_of_a_face_is_told_from_its_points(faces, change, kind):
    points = faces.canonical_points()[None] - 120

    assert axes_of(change(points)).tolist() == [kind]


@pytest.mark.parametrize("shift", [-2.5, -1.0, 0.0, 0.5, 2.0])
def test_the_axis_of_symmetry_is_found_between_pixels(shift):
    columns = np.arange(100) - 49.5 - shift
    face = np.exp(-((np.abs(columns) - 14) ** 2) / 30) * np.linspace(1, 2, 100)[:, None]

    assert mirror_shift(face) == pytest.approx(shift, abs=0.05)


def test_samples_take_every_subject_and_keep_near_the_number_asked_for(clean):
    samples = draw_samples(clean.recordings, pictures=60)

    assert [sample.recording for sample in samples] == list(range(12))
    assert sum(len(sample.rows) for sample in samples) <= 12 * 10


def test_fast_frames_lie_apart_and_each_has_one_that_rests():
    speed = np.full(50, 0.001)
    speed[[10, 11, 30]] = [0.2, 0.19, 0.1]

    assert fast_pairs(speed, limit=9) == [(10, 9), (30, 29)]
    assert fast_pairs(speed, limit=1) == [(10, 9)]


def subject_rows(*, gain, spread, pictures):
    """Disagreements of one subject; those of offset 1 are lower than those of 0 by about `gain`."""
    rng = np.random.default_rng(0)
    table = np.ones((pictures, 5)) * [1.5, 1.2, 0.9, 0.9, 1.2]
    table[:, 3] -= gain + rng.normal(0, spread, pictures)
    return {0: table.tolist()}


@pytest.mark.parametrize(
    ("gain", "pictures", "expected"),
    [(0.4, 30, [True]), (0.07, 30, [False]), (0.01, 30, []), (0.4, 6, [])],
)
def test_a_subject_is_told_apart_surely_or_in_doubt_or_not_at_all(clean, gain, pictures, expected):
    rows = subject_rows(gain=gain, spread=0.12, pictures=pictures)

    found = judge_subjects(rows, clean.recordings, usual=0)

    assert [item.is_sure for item in found] == expected
    assert {item.offset for item in found} <= {1}
