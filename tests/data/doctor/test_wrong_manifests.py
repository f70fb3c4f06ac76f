"""A clinic's manifest with mistakes: all else of the source is examined all the same."""

import pytest

from algr.data import prepare_clinic
from algr.data.doctor import examine_source
from algr.errors import DataError
from tests.data.damages import again, both, gone, line

M = "manifest.csv"
GRADE = line(M, 3, "bert_take.mp4,bert,,IX" + "," * 7)
QUOTE = line(M, 3, 'bert_take.mp4,"bert,,2' + "," * 7)
MISSING = f"{M}: line 4: cleo_take.mp4: no such file; the video is left out"
COLUMNS = line(M, 1, "video,patientid,visit,grade_hb" + "," * 7)


@pytest.mark.parametrize(
    ("mistake", "recordings"),
    [(GRADE, 5), (QUOTE, 4), (COLUMNS, 5)],
    ids=["a grade", "a quote", "a column"],
)
def test_recordings_and_patients_are_counted_all_the_same(clinic, mistake, recordings):
    mistake(clinic.folder)

    found = examine_source(clinic.folder)

    assert found.verdict == "refused"
    assert len(found.used) == len(found.reading.recordings) == recordings
    assert found.clinic.videos == recordings
    assert found.screening.frames["used"] == 8 * recordings


@pytest.mark.parametrize("mistake", [GRADE, QUOTE, COLUMNS], ids=["a grade", "a quote", "a column"])
def test_everything_else_that_is_wrong_is_told_with_it(clinic, home, mistake):
    harm = both(mistake, gone("cleo_take.mp4"), line("dora_take_land.csv", 2, "0,1"))
    harm(clinic.folder)
    with pytest.raises(DataError) as caught:
        prepare_clinic(source=clinic.folder, home=home, name="x")

    found = examine_source(clinic.folder)

    refused = [finding.text() for finding in found.findings if finding.severity == "refused"]
    warned = [finding.text() for finding in found.findings if finding.severity == "warning"]
    problems = caught.value.problems
    assert list(problems[: len(refused)]) == refused
    assert f"only a warning: {MISSING}" in problems
    assert MISSING in warned
    assert any(text.startswith("only a warning: dora_take_land.csv: ") for text in problems)


def test_a_manifest_in_utf16_is_told_with_the_way_out(clinic):
    path = clinic.folder / M
    path.write_bytes(path.read_text().encode("utf-16"))

    (finding,) = examine_source(clinic.folder).findings

    assert finding.text().startswith("manifest.csv: is UTF-16 text; expected UTF-8")
    assert "iconv -f UTF-16 -t UTF-8" in finding.message


def test_grades_and_figures_count_what_can_be_used_and_the_rest_stands_there_with_its_reason(
    clinic,
):
    both(gone("cleo_take.mp4"), gone("anna_again.mp4"), line("dora_take_land.csv", 2, "0,1"))(
        clinic.folder
    )

    found = examine_source(clinic.folder)

    assert {grade.name: grade.recordings for grade in found.grades} == {
        "normal": 1,
        "low": 1,
        "medium": 0,
        "high": 0,
    }
    assert (found.clinic.patients, found.clinic.videos, found.clinic.excluded) == (2, 2, 0)
    assert found.clinic.left_out == {"no such file": 2, "landmark file of no use": 1}
    assert found.screening.left_out["cleo_take.mp4"] == "no such file (line 4 of manifest.csv)"


def test_they_count_so_where_the_source_is_refused_too(clinic):
    both(gone("cleo_take.mp4"), again("anna_take.mp4", "bert_take.mp4"))(clinic.folder)

    found = examine_source(clinic.folder)

    assert found.verdict == "refused"
    assert sum(grade.recordings for grade in found.grades) == found.clinic.videos == 4
