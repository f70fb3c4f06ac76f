"""A preparation names what the doctor finds by comparing pictures with landmarks."""

import shutil

import numpy as np
import pytest

from algr.data import prepare_source
from algr.data.doctor import examine_source
from algr.data.doctor.fit import BOUNDED_SAMPLE, fit_of_sample
from algr.data.refused import PictureChecks
from algr.errors import DataError

OF_LANDMARKS = {
    "frame_offset",
    "frame_offset_of_subject",
    "landmark_base",
    "landmark_base_of_subject",
    "landmarks_of_another",
}


def told_by_the_doctor(found):
    return {
        item.text()
        for item in found.findings
        if item.code in OF_LANDMARKS and item.severity == "warning"
    }


def checks(reading, folder, *, strict):
    return PictureChecks(reading=reading, source=folder, strict=strict, jobs=1)


def test_landmarks_of_other_frames_are_told_in_the_doctors_words(clean, examined, faces):
    shifted = faces.with_landmarks(clean, faces.shifted(1))

    told = {finding.text() for finding in fit_of_sample(shifted, jobs=1)}

    assert told == told_by_the_doctor(examined(shifted, sample=BOUNDED_SAMPLE))
    assert any("the landmarks that fit a picture stand 1 frame before its own" in t for t in told)


def test_what_does_not_fit_refuses_if_strict(clean, faces, folder):
    shifted = faces.with_landmarks(clean, faces.shifted(1))

    told = [finding.text() for finding in checks(shifted, folder, strict=False).of_sample()]

    with pytest.raises(DataError, match="--strict: --source") as caught:
        checks(shifted, folder, strict=True).of_sample()
    assert list(caught.value.problems) == told


def test_nothing_is_told_of_landmarks_that_fit(clean, folder):
    assert checks(clean, folder, strict=True).of_sample() == []


def as_files(reading, folder):
    """The reading as a source of pictures with a manifest and a table of landmarks each."""
    lines = ["file,subject,frame,landmarks,AU1"]
    for recording in reading.recordings:
        own = folder / recording.name
        shutil.copytree(recording.pictures.paths[0].parent, own)
        np.save(own / "points.npy", recording.landmarks_NL2)
        lines += [
            f"{own.name}/{path.name},{recording.subject},{row},{own.name}/points.npy,{row % 2}"
            for row, path in enumerate(recording.pictures.paths)
        ]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_preparation_repeats_them_in_its_summary_or_refuses(clean, faces, tmp_path, home):
    source = as_files(faces.with_landmarks(clean, faces.shifted(1)), tmp_path / "source")
    common = {"layout": "manifest", "source": source, "home": home}
    told = told_by_the_doctor(examine_source(source, sample=BOUNDED_SAMPLE))

    summary = prepare_source(name="told", **common)

    assert any("the landmarks that fit a picture stand 1 frame before its own" in t for t in told)
    assert told <= set(summary.warnings)
    codes = {item["code"] for item in summary.to_dict()["findings"]}
    assert "frame_offset" in codes
    with pytest.raises(DataError, match="--strict") as caught:
        prepare_source(name="strict", strict=True, **common)
    assert told <= set(caught.value.problems)
    assert not home.dataset("strict").exists()
