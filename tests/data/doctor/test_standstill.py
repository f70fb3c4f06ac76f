"""Videos that stand still, as the simulator plants them: what the doctor and prepare say."""

from pathlib import Path

import numpy as np
import pytest

from algr.data import open_dataset, prepare_clinic, prepare_source
from algr.data.adapters import Recording, VideoFile
from algr.data.doctor import examine_source
from algr.data.doctor.sampling import Sample
from algr.data.doctor.standstill import StandstillReport, VideoStandstill, without_repeated
from algr.data.standstill import Standstill
from algr.errors import DataError
from algr.simulate import simulate_bp4d, simulate_fpara
from algr.simulate.disfa import simulate_disfa


def disfa(folder, traps):
    return simulate_disfa(folder, subjects=3, frames=48, scale=0.25, seed=4, traps=traps).planted


def bp4d(folder, traps):
    return simulate_bp4d(
        folder, subjects=3, tasks=1, frames=16, scale=0.25, seed=4, traps=traps
    ).planted


def clinic(folder, traps):
    return simulate_fpara(folder, subjects=4, seed=4, traps=traps).planted


SOURCES = {"disfa": disfa, "clinic": clinic}


def repeated(found):
    return {f.file: f.count for f in found.findings if f.code == "frame_repeated"}


@pytest.mark.slow
@pytest.mark.parametrize("simulate", SOURCES.values(), ids=SOURCES)
def test_the_doctor_finds_every_planted_repeat_and_names_the_video(simulate, tmp_path):
    planted = simulate(tmp_path / "source", ("duplicate_frames",))["duplicate_frames"]

    found = examine_source(tmp_path / "source")

    assert list(repeated(found)) == planted["files"]
    assert found.standstills.repeated == planted["frames"]
    assert found.to_dict()["summary"]["standstill"]["repeated"] == planted["frames"]


@pytest.mark.slow
@pytest.mark.parametrize("simulate", SOURCES.values(), ids=SOURCES)
def test_the_doctor_finds_none_where_none_is_planted(simulate, tmp_path):
    simulate(tmp_path / "source", ())

    found = examine_source(tmp_path / "source")

    assert repeated(found) == {}
    assert found.standstills.whole == found.standstills.videos


@pytest.mark.slow
def test_the_preparation_of_videos_reports_repeats_and_keeps_their_frames(tmp_path, home):
    planted = disfa(tmp_path / "DISFA", ("duplicate_frames",))["duplicate_frames"]

    summary = prepare_source(layout="disfa", source=tmp_path / "DISFA", home=home, name="x")

    told = [text for text in summary.warnings if "repeat the picture before" in text]
    assert [text.split(" of 48 ")[0] for text in told] == [f"SN001: {planted['frames']}"]
    assert summary.frames == 3 * 48


@pytest.mark.slow
def test_the_preparation_of_a_clinic_reports_repeats(tmp_path, home):
    planted = clinic(tmp_path / "clinic", ("duplicate_frames",))["duplicate_frames"]

    summary = prepare_clinic(source=tmp_path / "clinic", home=home, name="x")

    told = [text for text in summary.warnings if "repeat the picture before" in text]
    assert [text.split(" of ")[0] for text in told] == [
        f"{planted['files'][0]}: {planted['frames']}"
    ]


@pytest.mark.slow
def test_the_preparation_of_pictures_reports_repeats_and_keeps_their_frames(tmp_path, home):
    planted = bp4d(tmp_path / "BP4D", ("duplicate_frames",))["duplicate_frames"]

    summary = prepare_source(layout="bp4d", source=tmp_path / "BP4D", home=home, name="x")

    told = [text for text in summary.warnings if "byte by byte" in text]
    numbers = ", ".join(str(int(Path(name).stem)) for name in planted["files"])
    assert told == [
        f"F001_T1: {planted['frames']} of 16 pictures are byte by byte the one before: {numbers}; "
        "they are kept"
    ]
    assert summary.frames == 3 * 16


def test_calibration_leaves_pairs_with_a_repeated_frame_out(tmp_path):
    path = tmp_path / "a.avi"
    recording = Recording(
        name="a",
        subject="a",
        pictures=VideoFile(path=path, index_N=np.arange(10, 20)),
        number_N=np.arange(1, 11),
        labels_NA=np.zeros((10, 0), np.int8),
        landmarks_NL2=None,
    )
    sample = Sample(recording=0, rows=(1, 2, 3, 4), fast=((1, 2), (3, 4), (4, 2)))
    still = VideoStandstill(
        recording=0, file=path, frames=20, found=(Standstill(first=13, last=13),)
    )
    report = StandstillReport(videos=1, frames=20, whole=1, found=(still,))

    cleaned = without_repeated([sample], [recording], report)

    assert cleaned[0].fast == ((1, 2), (4, 2))


@pytest.mark.parametrize(
    ("simulate", "layout", "subject"), [(disfa, "disfa", "SN001"), (bp4d, "bp4d", "F001_T1")]
)
def test_repeats_are_left_out_where_that_is_asked_for(simulate, layout, subject, tmp_path, home):
    planted = simulate(tmp_path / "source", ("duplicate_frames",))["duplicate_frames"]
    common = {"layout": layout, "source": tmp_path / "source", "home": home}
    kept = prepare_source(name="kept", **common)

    dropped = prepare_source(name="dropped", drop_repeats=True, **common)

    assert dropped.frames == kept.frames - planted["frames"]
    assert dropped.frames_rejected == {"repeats the frame before": planted["frames"]}
    (told,) = [text for text in dropped.warnings if "the picture before" in text or "byte" in text]
    assert told.startswith(f"{subject}: {planted['frames']} of ")
    assert told.endswith("; they are left out")
    assert dropped.fingerprint != kept.fingerprint
    parameters = [open_dataset(home, name).description.parameters for name in ("kept", "dropped")]
    assert [part.get("repeats_dropped_version") for part in parameters] == [None, 1]
    with pytest.raises(DataError, match="prepared from other files or options"):
        prepare_source(name="kept", drop_repeats=True, **common)


@pytest.mark.slow
def test_sampled_frames_of_a_clinic_that_repeat_are_left_out_where_that_is_asked_for(
    tmp_path, home
):
    planted = clinic(tmp_path / "clinic", ("duplicate_frames",))["duplicate_frames"]
    common = {"source": tmp_path / "clinic", "home": home, "fps": 1000.0}
    kept = prepare_clinic(name="kept", **common)

    dropped = prepare_clinic(name="dropped", drop_repeats=True, **common)

    assert dropped.frames == kept.frames - planted["frames"]
    assert dropped.frames_rejected == {"repeats the frame before": planted["frames"]}


@pytest.mark.slow
def test_of_the_repeats_of_a_clinic_those_are_told_as_left_out_that_were_sampled(tmp_path, home):
    clinic(tmp_path / "clinic", ("duplicate_frames",))

    dropped = prepare_clinic(source=tmp_path / "clinic", home=home, name="x", drop_repeats=True)

    (told,) = [text for text in dropped.warnings if "the picture before" in text]
    sampled = dropped.frames_rejected.get("repeats the frame before", 0)
    assert f"of these, {sampled} w" in told if sampled else "none of them was sampled" in told
