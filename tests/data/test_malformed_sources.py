"""A table of what can be wrong with a source, and what is said of it."""

import shutil
import struct
import zlib
from pathlib import Path

import pytest

from algr.data import ReadOptions, adapter_of, prepare_source
from algr.data.landmarks import HEADER
from algr.errors import DataError
from tests.data import (
    malformed_bp4d,
    malformed_disfa,
    malformed_more,
    malformed_named,
    malformed_others,
)
from tests.data import raw_layouts as raw
from tests.data.damages import Case, cut, put

VIDEO = "Videos_LeftCamera/LeftVideoSN001_comp.avi"
LAYOUTS = ("bp4d", "disfa", "gft", "manifest", "clinic")
CASES = [
    *malformed_bp4d.CASES,
    *malformed_disfa.CASES,
    *malformed_others.CASES,
    *malformed_more.CASES,
    *malformed_named.CASES,
]
NAMES = [f"{case.layout}: {case.name}" for case in CASES]
REFUSED = [
    case
    for case in CASES
    if case.severity == "refused"
    and case.layout != "clinic"
    and case.code not in ("no_labels", "manifest_header", "file_empty")
]


def clinic(root: Path) -> Path:
    rows = [["video", "patient_id", "grade_hb"], ["a.mp4", "anna", 1], ["b.mp4", "bert", 4]]
    raw.write_csv(root / "manifest.csv", rows)
    for name in "ab":
        (root / f"{name}.mp4").write_bytes(b"video")
        tracks = [[frame, *raw.points(name, frame).ravel().tolist()] for frame in range(3)]
        raw.write_csv(root / f"{name}_land.csv", [HEADER, *tracks])
    return root


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    root = tmp_path_factory.mktemp("good")
    raw.write_bp4d(root / "bp4d", subjects=["F001", "F003"])
    raw.write_disfa(root / "disfa", subjects=["SN001", "SN006"], frames=4)
    raw.write_gft(root / "gft", people=["001A", "001B"])
    raw.write_pictures_with_manifest(root / "manifest", subjects=["anna", "bert"], frames=2)
    clinic(root / "clinic")
    return root


def damaged(case: Case, good: Path, tmp_path: Path) -> Path:
    root = tmp_path / "source"
    shutil.copytree(good / case.layout, root)
    case.damage(root)
    return root


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_what_is_wrong_is_named_once_with_its_place(case, good, tmp_path):
    root = damaged(case, good, tmp_path)

    findings = adapter_of(case.layout).read(root, case.options).findings

    told = [finding for finding in findings if case.text in finding.text()]
    assert [finding.severity for finding in told] == [case.severity], findings
    assert told[0].code.startswith(case.code)
    assert "\n" not in told[0].text()


@pytest.mark.parametrize("case", REFUSED, ids=[f"{c.layout}: {c.name}" for c in REFUSED])
def test_what_is_refused_leaves_nothing_behind(case, good, tmp_path, home):
    root = damaged(case, good, tmp_path)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(DataError) as caught:
        prepare_source(layout=case.layout, source=root, home=home, name="x", options=case.options)

    assert case.text in caught.value.message
    assert sorted(tmp_path.iterdir()) == before


HUGE = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
PNG_OF_A_HUGE_PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I", len(HUGE))
    + b"IHDR"
    + HUGE
    + struct.pack(">I", zlib.crc32(b"IHDR" + HUGE))
    + struct.pack(">I", 0)
    + b"IDAT"
    + struct.pack(">I", zlib.crc32(b"IDAT"))
)
PICTURE = "Sequences(2D+3D)/F001/T1/0006.jpg"
CANNOT = "LeftVideoSN001_comp.avi: cannot be read"
DECODED = [
    ("a picture is empty", "bp4d", put(PICTURE, ""), "F001_T1: 1 picture cannot be read"),
    (
        "a picture is cut off",
        "bp4d",
        cut(PICTURE, 600),
        "F001_T1: 1 picture cannot be read, such as 0006.jpg",
    ),
    (
        "a picture is text",
        "bp4d",
        put(PICTURE, "no picture\n" * 50),
        "F001_T1: 1 picture cannot be read, such as 0006.jpg",
    ),
    (
        "a picture is gigantic",
        "bp4d",
        put(PICTURE, PNG_OF_A_HUGE_PICTURE),
        "F001_T1: 1 picture cannot be read, such as 0006.jpg",
    ),
    (
        "a picture of a manifest is empty",
        "manifest",
        put("anna/1.png", ""),
        "anna: 1 picture cannot be read, such as 1.png",
    ),
    (
        "a picture of a manifest is gigantic",
        "manifest",
        put("anna/1.png", PNG_OF_A_HUGE_PICTURE),
        "anna: 1 picture cannot be read, such as 1.png",
    ),
    ("a video is empty", "disfa", put(VIDEO, ""), "LeftVideoSN001_comp.avi: is empty: 0 bytes"),
    ("a video is text", "disfa", put(VIDEO, "no video\n" * 50), CANNOT),
    ("a video is cut off within its head", "disfa", cut(VIDEO, 300), CANNOT),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Sources with pictures and videos that can be decoded."""
    root = tmp_path_factory.mktemp("real")
    raw.write_bp4d(root / "bp4d", subjects=["F001", "F003"], real=True)
    raw.write_pictures_with_manifest(
        root / "manifest", subjects=["anna", "bert"], frames=2, real=True
    )
    raw.write_disfa(root / "disfa", subjects=["SN001", "SN006"], frames=4, pictures="")
    raw.write_avi(root / "disfa" / VIDEO, "SN001", 4)
    raw.write_avi(root / "disfa" / VIDEO.replace("SN001", "SN006"), "SN006", 4)
    return root


@pytest.mark.parametrize(
    ("layout", "damage", "text"),
    [case[1:] for case in DECODED],
    ids=[f"{case[1]}: {case[0]}" for case in DECODED],
)
def test_what_only_decoding_shows_is_named_once_and_the_rest_is_prepared(
    layout, damage, text, real, tmp_path, home
):
    root = tmp_path / "source"
    shutil.copytree(real / layout, root)
    damage(root)

    summary = prepare_source(layout=layout, source=root, home=home, name="x")

    told = [*summary.warnings, *(f"{part.video}: {part.reason}" for part in summary.left_out)]
    named = [message for message in told if text in message.splitlines()[0]]
    assert len(named) == 1, told
    assert summary.frames > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_sources_that_are_damaged_here_are_good(layout, good):
    findings = adapter_of(layout).read(good / layout, ReadOptions()).findings

    assert {f.code for f in findings if f.severity != "note"} <= {"partial_copy"}


def test_the_table_is_as_long_as_it_is_said_to_be():
    assert len(CASES) >= 260
    assert len(set(NAMES)) == len(NAMES)


KNOWN_OF_USERS = [
    ("a truncated .mat", "bp4d: landmarks are cut off", f"{malformed_bp4d.MAT}: "),
    ("a table with missing rows", "disfa: lines are gone", "no line, such as 3-4"),
    ("another encoding", "bp4d: a table is Latin-1", "(in line 3)"),
    ("another encoding", "clinic: UTF-16", "manifest.csv"),
    ("a video of zero bytes", "clinic: a video is empty", "a.mp4: "),
    ("landmarks that are NaN", "bp4d: landmarks of a frame are NaN", f"{malformed_bp4d.MAT}: 1 of"),
    ("a row that stands twice", "disfa: a line stands twice", "line "),
    ("a link to itself", "bp4d: a table links to itself", f"{malformed_bp4d.OCC}: is a link"),
    ("a name with a line break", "bp4d: a picture has a line break in its name", r"00\n06.jpg"),
]


@pytest.mark.parametrize(("_kind", "name", "place"), KNOWN_OF_USERS)
def test_what_users_are_known_to_have_is_in_the_table_with_its_place(
    _kind, name, place, good, tmp_path
):
    (case,) = [case for case in CASES if f"{case.layout}: {case.name}" == name]

    findings = adapter_of(case.layout).read(damaged(case, good, tmp_path), case.options).findings

    (told,) = [finding for finding in findings if case.text in finding.text()]
    assert place in told.text()


def test_hardly_two_kinds_of_damage_are_told_of_in_one_sentence(good, tmp_path):
    told = {
        (case.layout, finding.text())
        for number, case in enumerate(CASES)
        for finding in adapter_of(case.layout)
        .read(damaged(case, good, tmp_path / str(number)), case.options)
        .findings
        if case.text in finding.text()
    }

    assert len(told) >= 260
