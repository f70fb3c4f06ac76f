"""What the doctor says of a clinic whose landmarks come from elsewhere, or from nowhere."""

import pytest

from algr.data.doctor import examine_source
from tests.data import landmark_files as files


def alarms(found):
    """But that three folds want more patients."""
    findings = [finding for finding in found.findings if finding.severity != "note"]
    return {finding.code: finding for finding in findings if finding.code != "rare_grade"}


def test_files_of_another_program_are_no_error(openface_clinic):
    found = examine_source(openface_clinic.folder)

    assert found.verdict == "warnings"
    assert found.landmarks.frames == 40
    assert found.landmarks.without == 0
    assert list(alarms(found)) == ["landmarks_passed_over"]
    assert alarms(found)["landmarks_passed_over"].file == "bert_take.mp4"
    assert found.command.startswith("algr data prepare clinic ")


def test_what_was_assumed_of_a_file_is_told(openface_clinic, kit):
    video = openface_clinic.folder / "dora_take"
    video.with_name("dora_take_land.csv").unlink()
    video.with_name("dora_take_pts").mkdir()
    for number in range(1, 9):
        text = files.pts(kit.face_points(seed=number))
        (video.with_name("dora_take_pts") / f"{number}.pts").write_text(text)

    found = examine_source(openface_clinic.folder)

    notes = [finding for finding in found.findings if finding.code == "landmark_notes"]
    assert {note.file for note in notes} == {"dora_take_pts"}
    assert any("pixels counted from 1" in note.message for note in notes)


@pytest.fixture
def one_without(clinic):
    (clinic.folder / "anna_take_land.csv").unlink()
    return clinic.folder


@pytest.fixture
def none_with(clinic):
    for path in clinic.folder.glob("*_land.csv"):
        path.unlink()
    return clinic.folder


def test_the_detector_takes_the_place_of_a_file(one_without):
    found = examine_source(one_without, has_detector=True)

    assert not alarms(found)
    by_code = {finding.code: finding for finding in found.findings}
    assert by_code["landmarks_by_detector"].count == 8
    assert found.landmarks.frames == 32


def test_the_detector_takes_the_place_of_all_files(none_with):
    found = examine_source(none_with, has_detector=True)

    assert not alarms(found)
    assert found.reading.num_frames == 40
    assert found.command.startswith("algr data prepare clinic ")


def test_without_the_detector_a_video_without_landmarks_is_warned_of(one_without):
    found = examine_source(one_without)

    assert found.verdict == "warnings"
    assert "8 of 40 frames have no landmark file" in alarms(found)["no_landmarks"].message
    assert "algr landmarks status" in alarms(found)["no_landmarks"].message


def test_without_the_detector_and_without_any_landmarks_the_source_is_refused(none_with):
    found = examine_source(none_with)

    assert found.verdict == "refused"
    assert alarms(found)["no_landmarks"].severity == "refused"
    assert found.command == ""


def test_a_damaged_video_without_landmarks_is_named(one_without):
    (one_without / "anna_take.mp4").write_bytes(b"no video")

    found = examine_source(one_without, has_detector=True)

    assert alarms(found)["unreadable"].file == "anna_take.mp4"
    assert found.screening.left_out == {"anna_take.mp4": alarms(found)["unreadable"].message}
    assert len(found.used) == 4


def test_rows_that_are_missing_are_counted(clinic):
    path = clinic.folder / "cleo_take_land.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3] + lines[5:]) + "\n")

    finding = alarms(examine_source(clinic.folder))["landmark_rows"]

    assert finding.file == "cleo_take_land.csv"
    assert finding.message == "2 of 8 frames have no row, such as 2-3"


def test_a_row_for_every_second_frame_is_meant_so(clinic):
    path = clinic.folder / "cleo_take_land.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[::2]]) + "\n")

    assert not alarms(examine_source(clinic.folder))
