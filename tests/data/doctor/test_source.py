"""From folders as they lie on disks, with and without planted traps, to the doctor's verdict."""

import pytest

from algr.data.adapters import ReadOptions
from algr.data.clinic import read_manifest
from algr.data.doctor import examine_source
from algr.data.doctor.clinic import examine_manifest
from algr.errors import DataError
from algr.simulate import simulate_fpara
from tests.data.doctor import layouts


def codes(found):
    return {finding.code for finding in found.findings}


def alarms(found):
    return {finding.code for finding in found.findings if finding.severity != "note"}


def test_a_clean_copy_of_bp4d_raises_no_alarm_but_that_it_is_a_partial_copy(tmp_path):
    found = examine_source(layouts.write_bp4d_of_faces(tmp_path / "BP4D"))

    assert found.reading.layout == "bp4d"
    assert alarms(found) == {"partial_copy"}
    assert not codes(found) & {"offset_unknown", "base_unknown"}
    assert found.verdict == "warnings"
    assert found.parts == {"part 1": 4, "part 2": 4, "part 3": 4}
    assert found.command == f"algr data prepare bp4d --source {tmp_path}/BP4D --name bp4d"


@pytest.mark.parametrize(
    ("trap", "code", "words"),
    [
        ({"picture_offset": -1}, "frame_offset", " --frame-offset -1"),
        ({"base": 0}, "landmark_base", " --landmark-base 0"),
    ],
)
def test_a_trap_in_bp4d_is_found_and_the_command_avoids_it(tmp_path, trap, code, words):
    found = examine_source(layouts.write_bp4d_of_faces(tmp_path / "BP4D", **trap))

    assert code in codes(found)
    assert found.command.endswith(words)


def test_an_offset_that_was_found_can_be_checked(tmp_path):
    source = layouts.write_bp4d_of_faces(tmp_path / "BP4D", picture_offset=-1)

    found = examine_source(source, options=ReadOptions(frame_offset=-1))

    assert found.calibration.offset.offset == 0
    assert found.command.endswith("--name bp4d --frame-offset -1")
    assert alarms(found) == {"partial_copy"}


def test_swapped_axes_in_bp4d_are_refused(tmp_path):
    source = layouts.write_bp4d_of_faces(tmp_path / "BP4D", frames=12, change=lambda p: p[:, ::-1])

    found = examine_source(source)

    assert found.verdict == "refused"
    assert "axes_swapped" in codes(found)


def test_swapped_axes_can_be_exchanged_and_the_command_says_so_again(tmp_path):
    source = layouts.write_bp4d_of_faces(tmp_path / "BP4D", frames=12, change=lambda p: p[:, ::-1])
    advice = [f.message for f in examine_source(source).findings if f.code == "axes_swapped"]

    found = examine_source(source, options=ReadOptions(swap_axes=True))

    assert "look again with --swap-axes" in advice[0]
    assert "axes_swapped" not in codes(found)
    assert found.command.endswith("--name bp4d --swap-axes")


def test_axes_that_were_exchanged_for_nothing_are_told(tmp_path):
    source = layouts.write_bp4d_of_faces(tmp_path / "BP4D", frames=12)

    found = examine_source(source, options=ReadOptions(swap_axes=True))

    assert [f.message for f in found.findings if f.code == "axes_swapped"] == [
        "in 100 % of the frames x and y are exchanged, because of --swap-axes: leave it out"
    ]


def test_the_command_repeats_how_the_source_was_read(tmp_path):
    source = layouts.write_disfa_of_faces(tmp_path / "DISFA", frames=30)

    found = examine_source(
        source,
        options=ReadOptions(
            label_names=("AU1", "AU12"),
            threshold=3,
            intensities=True,
            camera="right",
            keep_tracker_errors=True,
        ),
    )

    assert found.command.endswith(
        " --labels AU1,AU12 --threshold 3 --camera right --keep-tracker-errors"
    )
    assert found.reading.label_names == ("AU1", "AU12")


def test_a_clean_copy_of_disfa_raises_no_alarm_but_that_it_is_a_partial_copy(tmp_path):
    found = examine_source(layouts.write_disfa_of_faces(tmp_path / "DISFA", frames=30))

    assert found.reading.layout == "disfa"
    assert alarms(found) == {"partial_copy"}
    assert found.calibration.offset.offset == 0


@pytest.mark.parametrize(("first_picture", "offset"), [(0, "-1"), (1, "0")])
def test_where_names_do_not_tell_the_first_picture_the_faces_do(tmp_path, first_picture, offset):
    """The first pictures and the last one are missing, so that numbers fit 0 and 1."""
    source = layouts.write_disfa_of_faces(
        tmp_path / "DISFA", first_picture=first_picture, left_out=(0, 1, 34, 35)
    )

    found = examine_source(source)

    assert f"--frame-offset {offset}" in found.command
    assert "frame_origin" not in codes(found)


def test_a_folder_of_no_known_layout_is_an_error(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")

    with pytest.raises(DataError, match="no layout is recognised"):
        examine_source(tmp_path)


def manifest_of(rows):
    lines = ["video,patient_id,visit,grade_hb,rater,exercise", *rows]
    return "\n".join(lines) + "\n"


@pytest.fixture
def rated(tmp_path):
    """Four patients; P1 comes twice, and two raters differ by a class on one of two videos."""
    source = tmp_path / "clinic"
    source.mkdir()
    rows = ["a.mp4,P1,1,1,A,rest", "a.mp4,P1,1,3,B,rest", "b.mp4,P1,2,2,A,", "b.mp4,P1,2,2,B,"]
    rows += ["c.mp4,P2,1,3,A,", "d.mp4,P3,1,VI,A,", "e.mp4,P4,1,4,A,"]
    (source / "manifest.csv").write_text(manifest_of(rows), encoding="utf-8")
    return source


def test_a_manifest_is_told_in_figures(rated):
    report, findings = examine_manifest(read_manifest(rated))

    assert (report.patients, report.videos, report.patients_with_visits) == (4, 5, 1)
    assert (report.raters, report.rated_twice) == (2, 2)
    assert (report.disagreements, report.across_classes) == (1, 1)
    assert report.exercises == {"rest": 1}
    by_code = {finding.code: finding for finding in findings}
    assert by_code["raters_disagree"].line == 2
    assert "1 of 2 videos" in by_code["raters_disagree"].message
    assert by_code["several_visits"].count == 1
    rare = {f.message.split("'")[1]: f.count for f in findings if f.code == "rare_grade"}
    assert rare == {"normal": 0, "low": 1, "medium": 2, "high": 1}


def test_exercises_that_begin_after_the_video_has_ended_are_told(tmp_path, kit):
    kit.write_video(tmp_path / "a.mp4", kit.noise(6))
    rows = ["a.mp4,P1,1,2,rest,0,1", "a.mp4,P1,1,2,pucker,9999,10000", "b.mp4,P2,1,2,rest,9,"]
    header = "video,patient_id,visit,grade_hb,exercise,start_s,end_s"
    (tmp_path / "manifest.csv").write_text("\n".join([header, *rows]))

    _, findings = examine_manifest(read_manifest(tmp_path))

    assert [finding.text() for finding in findings if finding.code == "exercise_beyond"] == [
        "a.mp4: pucker begins at 9999 s, but the video ends at 0.5 s"
    ]


def test_a_clinic_without_its_videos_is_refused(rated):
    found = examine_source(rated)

    assert found.verdict == "refused"
    assert (found.clinic.patients, found.clinic.videos) == (0, 0)
    assert found.clinic.left_out == {"no such file": 5}
    assert "rare_grade" not in codes(found)
    assert found.command == ""


@pytest.mark.slow
def test_a_patient_in_two_files_of_a_clinic_is_named(tmp_path):
    simulated = simulate_fpara(
        tmp_path / "clinic",
        subjects=4,
        seed=2,
        seconds_per_exercise=0.4,
        video_fps=6.0,
        traps=("patient_in_two_files",),
    )
    videos = simulated.planted["patient_in_two_files"]["files"]

    found = examine_source(tmp_path / "clinic")

    (finding,) = [finding for finding in found.findings if finding.code == "subject_twice"]
    told = f"two patients have the same pictures, in {videos[0]} and {videos[1]}: a whole video"
    assert told in finding.message
    assert found.verdict == "refused"
