import pytest

from algr.data import adapter_of, recognise
from algr.errors import DataError
from tests.data import malformed_others
from tests.data import raw_layouts as raw

WRITERS = {
    "bp4d": raw.write_bp4d,
    "disfa": raw.write_disfa,
    "gft": raw.write_gft,
    "manifest": raw.write_pictures_with_manifest,
}


@pytest.mark.parametrize("layout", list(WRITERS))
def test_each_layout_is_recognised(layout, tmp_path):
    WRITERS[layout](tmp_path)

    assert recognise(tmp_path).layout == layout
    assert recognise(tmp_path) is adapter_of(layout)


@pytest.mark.parametrize("layout", ["bp4d", "disfa", "gft"])
def test_a_layout_is_recognised_one_folder_above(layout, tmp_path):
    WRITERS[layout](tmp_path / "data set")

    assert recognise(tmp_path).layout == layout


def test_a_clinic_is_told_from_a_manifest_of_pictures(tmp_path):
    raw.write_csv(tmp_path / "manifest.csv", [["video", "patient_id", "grade_hb"]])

    assert recognise(tmp_path).layout == "clinic"


@pytest.mark.parametrize("header", [["file", "subjct", "AU1"], ["file"], ["subject", "AU1"]])
def test_a_manifest_with_a_slip_is_still_one(header, tmp_path):
    raw.write_csv(tmp_path / "manifest.csv", [header])

    assert recognise(tmp_path).layout == "manifest"


def test_what_is_no_layout_is_refused_with_what_is_there_and_what_would_be_one(tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes\n.txt").write_text("x")

    with pytest.raises(DataError) as caught:
        recognise(tmp_path)

    assert "it holds holiday/, notes\\n.txt" in caught.value.found
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "bp4d",
        "disfa",
        "gft",
        "clinic",
        "manifest",
    ]


def test_two_layouts_in_one_folder_are_refused(tmp_path):
    raw.write_bp4d(tmp_path / "a")
    raw.write_disfa(tmp_path / "b")

    with pytest.raises(DataError, match="looks like bp4d and like disfa"):
        recognise(tmp_path)


@pytest.mark.parametrize("root", ["", "DISFA+"])
def test_disfa_plus_is_refused_by_name(tmp_path, root):
    path = tmp_path / root / "Labels/SN001/A1_AU1_TrailNo_1/AU1.txt"
    path.parent.mkdir(parents=True)
    path.write_text("# frames\n000.jpg 0\n")

    with pytest.raises(DataError, match="is DISFA\\+") as caught:
        recognise(tmp_path)
    assert "its nine subjects are those of DISFA" in caught.value.message


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("x")])
def test_no_folder_is_refused(tmp_path, make):
    make(tmp_path / "there")

    with pytest.raises(DataError, match="no such folder"):
        recognise(tmp_path / "there")


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("manifest.csv", malformed_others.XLSX, "manifest.csv is a workbook of Excel (.xlsx)"),
        ("manifest.csv", malformed_others.ODS, "manifest.csv is a workbook of LibreOffice (.ods)"),
        (
            "manifest.csv",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "manifest.csv is a workbook of an old",
        ),
        ("manifest.csv", b"\xff\x00\x01", "manifest.csv is not UTF-8 text (in line 1)"),
        ("Manifest.XLSX", malformed_others.XLSX, "Manifest.XLSX is a workbook, which is not read"),
    ],
)
def test_a_workbook_in_the_place_of_a_manifest_is_told_with_the_way_out(
    name, data, problem, tmp_path
):
    (tmp_path / name).write_bytes(data)
    (tmp_path / "~$manifest.xlsx").write_bytes(b"lock")

    with pytest.raises(DataError) as caught:
        recognise(tmp_path)

    assert caught.value.found.startswith(f"--source {tmp_path}: {problem}")
    assert "CSV UTF-8" in caught.value.found
    assert "manifest.csv with the columns video" in caught.value.expected


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\n"])
def test_an_empty_manifest_is_told(data, tmp_path):
    (tmp_path / "manifest.csv").write_bytes(data)

    with pytest.raises(DataError) as caught:
        recognise(tmp_path)

    assert caught.value.found == f"--source {tmp_path}: manifest.csv is empty"


def test_a_folder_in_the_place_of_a_manifest_is_told(tmp_path):
    (tmp_path / "manifest.csv").mkdir()

    with pytest.raises(DataError, match=r"manifest.csv is a folder; expected a file"):
        recognise(tmp_path)


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "\n\nsep=;\n"])
@pytest.mark.parametrize(
    ("header", "layout"), [("video;patient_id", "clinic"), ("file;subject", "manifest")]
)
def test_a_manifest_under_excels_line_of_the_separator_is_recognised(
    first, header, layout, tmp_path
):
    (tmp_path / "manifest.csv").write_bytes(f"{first}{header}\r\n".encode())

    assert recognise(tmp_path).layout == layout


def test_a_manifest_in_capitals_is_to_be_renamed(tmp_path):
    (tmp_path / "Manifest.CSV").write_text("video,patient_id,grade_hb\n")

    with pytest.raises(
        DataError, match=r"Manifest.CSV has another spelling; rename it to manifest"
    ):
        recognise(tmp_path)


def test_a_workbook_of_another_name_is_not_guessed_about(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(malformed_others.XLSX)

    with pytest.raises(DataError, match="no layout is recognised; it holds a.xlsx"):
        recognise(tmp_path)
