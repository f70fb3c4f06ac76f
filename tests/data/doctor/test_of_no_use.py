"""Subjects of whom labels and pictures are there, and nothing can be used."""

import pytest

from algr.data import ReadOptions, adapter_of
from algr.data.doctor import examine_source
from algr.data.refused import check_reading
from algr.errors import DataError
from tests.data import raw_layouts as raw
from tests.data.damages import gone


def of_no_use(findings):
    return [finding.message for finding in findings if finding.code == "subjects_of_no_use"]


def test_a_subject_all_of_whose_recordings_are_left_out_is_named(tmp_path):
    raw.write_bp4d(tmp_path / "BP4D", tasks=("T1", "T2"), real=True)
    for name in ("F001_T1", "F001_T2", "F003_T1"):
        gone(f"2DFeatures/{name}.mat")(tmp_path / "BP4D")

    found = examine_source(tmp_path / "BP4D")

    assert of_no_use(found.findings) == [
        "1 of the 3 subjects that are there cannot be used, as all of their recordings are left "
        "out: F001"
    ]
    partial = [f.message for f in found.findings if f.code == "partial_copy" and "41" in f.message]
    assert "3 of 41 subjects are there; not there, or without labels or pictures" in partial[0]


def test_the_preparation_says_so_too(tmp_path):
    source = raw.write_bp4d(tmp_path / "BP4D", real=True)
    gone("2DFeatures/F001_T1.mat")(source)
    reading = adapter_of("bp4d").read(source, ReadOptions())

    with pytest.raises(
        DataError, match="cannot be used, as all of their recordings are left out: F001"
    ):
        check_reading(reading, source=source, strict=True)
    assert of_no_use(check_reading(reading, source=source, strict=False).findings)


def test_patients_of_a_clinic_are_not_named(clinic):
    gone("bert_take_land.csv")(clinic.folder)

    assert not of_no_use(examine_source(clinic.folder).findings)
