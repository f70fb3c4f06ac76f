"""A table of what can be wrong with a source, and what is said of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from algr.data import ReadOptions, adapter_of, prepare_source
from algr.data.landmarks import HEADER
from algr.errors import DataError
from tests.data import raw_layouts as raw

Damage = Callable[[Path], object]
DEFAULT = ReadOptions()
LAYOUTS = ("bp4d", "disfa", "gft", "manifest", "clinic")


@dataclass(frozen=True)
class Case:
    layout: str
    name: str
    damage: Damage
    code: str
    text: str
    severity: str = "warning"
    options: ReadOptions = DEFAULT


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


def line(path: str, number: int, text: str) -> Damage:
    return lambda root: raw.change_line(root / path, number, text)


def add(path: str, text: str) -> Damage:
    return lambda root: (root / path).write_text((root / path).read_text() + text)


def put(path: str, data: bytes | str) -> Damage:
    content = data.encode() if isinstance(data, str) else data

    def damage(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return damage


def gone(path: str) -> Damage:
    def damage(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return damage


def cut(path: str, size: int) -> Damage:
    return lambda root: (root / path).write_bytes((root / path).read_bytes()[:size])


def again(path: str, other: str) -> Damage:
    def damage(root: Path) -> None:
        (root / other).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / path).is_dir() else shutil.copy
        copy(root / path, root / other)

    return damage


def moved(path: str, other: str) -> Damage:
    return lambda root: (root / path).rename(root / other)


def loop(path: str) -> Damage:
    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).symlink_to(root / path)

    return damage


def folder_for_file(path: str) -> Damage:
    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()

    return damage


def pts(path: str, values: object, *, name: str = "pts") -> Damage:
    return lambda root: scipy.io.savemat(root / path, {name: values})


def hdf(path: str, write: Callable[[h5py.File], object]) -> Damage:
    def damage(root: Path) -> None:
        with h5py.File(root / path, "w") as file:
            write(file)

    return damage


def cells(path: str, shape: tuple[int, ...]) -> Damage:
    def write(file: h5py.File) -> None:
        pred = file.create_dataset("fit/pred", (10, 1), dtype=h5py.ref_dtype)
        pred[6, 0] = file.create_dataset("cell", data=np.ones(shape)).ref

    return hdf(path, write)


def utf16(path: str) -> Damage:
    return lambda root: (root / path).write_bytes((root / path).read_text().encode("utf-16"))


def columns(path: str, change: Callable[[list[str]], list[str]]) -> Damage:
    """Change the cells of every line."""

    def damage(root: Path) -> None:
        lines = (root / path).read_text().splitlines()
        text = "\n".join(",".join(change(cells.split(","))) for cells in lines)
        (root / path).write_text(text + "\n")

    return damage


def both(*damages: Damage) -> Damage:
    return lambda root: [damage(root) for damage in damages]


OCC = "AUCoding/AU_OCC/F001_T1.csv"
MAT = "2DFeatures/F001_T1.mat"
PICTURES = "Sequences(2D+3D)/F001/T1"
AU4 = "ActionUnit_Labels/SN001/SN001_au4.txt"
LM = "Landmark_Points/SN001/tmp_frame_lm"
GFT = "AU_Occurrence/001A.csv"
M = "manifest.csv"
NINES = ",".join(["5", *["1"] * 27])

BP4D = [
    ("a table is cut off within a line", cut(OCC, 157), "label_line", f"{OCC}: line 3: 14 cells"),
    ("a table is empty", put(OCC, ""), "file_empty", f"{OCC}: is empty"),
    ("a table holds blanks only", put(OCC, " \n\n "), "file_empty", f"{OCC}: is empty"),
    ("a table has a header only", cut(OCC, 70), "no_frames", f"{OCC}: holds no frame"),
    ("a table holds commas only", put(OCC, ",,,\n"), "file_empty", f"{OCC}: holds no cell"),
    (
        "a frame is beyond reason",
        line(OCC, 3, "9999999" + ",0" * 27),
        "label_line",
        "line 3: '9999999",
    ),
    ("a table is UTF-16", utf16(OCC), "file_encoding", f"{OCC}: is not UTF-8"),
    ("a table is binary", put(OCC, bytes(range(256))), "file_encoding", f"{OCC}: is not UTF-8"),
    (
        "a table has no header",
        line(OCC, 1, NINES),
        "label_header",
        f"{OCC}: line 1: begins with 5,",
    ),
    ("a header of words", line(OCC, 1, "a,b,c"), "label_header", f"{OCC}: line 1: begins with a,b"),
    ("a frame is a word", line(OCC, 3, "six" + ",0" * 27), "label_line", f"{OCC}: line 3: 'six'"),
    ("a frame is half", line(OCC, 3, "6.5" + ",0" * 27), "label_line", f"{OCC}: line 3: '6.5'"),
    ("a frame is negative", line(OCC, 3, "-6" + ",0" * 27), "label_line", f"{OCC}: line 3: '-6'"),
    ("a frame is endless", line(OCC, 3, "9" * 30 + ",0" * 27), "label_line", f"{OCC}: line 3: '99"),
    ("a line is too short", line(OCC, 4, "7,0,1"), "label_line", f"{OCC}: line 4: 3 cells"),
    (
        "a frame stands twice alike",
        lambda root: raw.change_line(root / OCC, 3, (root / OCC).read_text().splitlines()[1]),
        "frame_twice",
        f"{OCC}: line 3: frame 5 stands in line 2",
    ),
    ("a quote is open", line(OCC, 3, '"6,0'), "label_line", f"{OCC}: line 5: "),
    ("a table is a folder", folder_for_file(OCC), "subject_without_labels", "F001: pictures are"),
    ("a table links to itself", loop(OCC), "subject_without_labels", "F001: pictures are th"),
    ("a table is gone", gone(OCC), "subject_without_labels", "F001: pictures are there, labels"),
    (
        "all pictures of a task are gone",
        gone(PICTURES),
        "no_pictures_of_recording",
        f"{OCC}: no fo",
    ),
    ("a picture is gone", gone(f"{PICTURES}/0006.jpg"), "picture_missing", f"{PICTURES}: 1 of 4"),
    (
        "a picture links to itself",
        loop(f"{PICTURES}/0006.jpg"),
        "picture_missing",
        f"{PICTURES}: 1 of 4 labelled frames have no picture, such as 6",
    ),
    (
        "a picture has a name for people",
        put(f"{PICTURES}/copy of 6.jpg", "x"),
        "picture_name",
        f"{PICTURES}: 1 pictures whose names are no frame numbers",
    ),
    (
        "a name holds a line break",
        put(f"{PICTURES}/6\n7.jpg", "x"),
        "picture_name",
        "such as 6\\n7.jpg",
    ),
    ("landmarks are gone", gone(MAT), "landmark_file", f"{MAT}: no such file"),
    ("landmarks are cut off", cut(MAT, 3000), "landmark_file", f"{MAT}: cannot be read"),
    ("landmarks begin elsewhere", cut(MAT, 300), "landmark_file", f"{MAT}: is no MATLAB 7.3 file"),
    ("landmarks are empty", put(MAT, ""), "landmark_file", f"{MAT}: is no MATLAB 7.3 file"),
    (
        "landmarks are MATLAB 5",
        pts(MAT, np.zeros((49, 2))),
        "landmark_file",
        f"{MAT}: is no MATLAB",
    ),
    (
        "landmarks lack their variable",
        hdf(MAT, lambda file: file.create_dataset("fit/pose", data=1)),
        "landmark_file",
        f"{MAT}: holds no fit/pred",
    ),
    (
        "landmarks are no cells",
        hdf(MAT, lambda file: file.create_dataset("fit/pred", data=np.zeros(3))),
        "landmark_file",
        f"{MAT}: its fit/pred is no cell array",
    ),
    (
        "landmarks are a group",
        hdf(MAT, lambda file: file.create_group("fit/pred")),
        "landmark_file",
        f"{MAT}: its fit/pred is no cell array",
    ),
    ("68 landmarks", cells(MAT, (2, 68)), "landmark_file", f"{MAT}: cell 7 of fit/pred is 2 x 68"),
    ("landmarks are empty cells", cells(MAT, (1, 2)), "landmarks_missing", f"{MAT}: 4 of 4 lab"),
    ("landmarks of all are gone", gone("2DFeatures"), "no_landmarks", "no 2DFeatures/F001_T1.mat"),
]
BP4D_REFUSED = [
    ("all tables are gone", gone("AUCoding"), "no_labels", "no table such as AUCoding/AU_OCC"),
    ("all pictures are gone", gone("Sequences(2D+3D)"), "no_pictures", "no folder such as Sequen"),
    (
        "a label is 2",
        line(OCC, 2, "5" + ",2" * 27),
        "label_value",
        f"{OCC}: line 2: AU4: '2' is no label",
    ),
    (
        "a label is a word",
        line(OCC, 2, "5,yes" + ",0" * 26),
        "label_value",
        f"{OCC}: line 2: AU1: 'yes' is no label",
    ),
    (
        "a label is a half",
        line(OCC, 2, "5,0.5" + ",0" * 26),
        "label_value",
        f"{OCC}: line 2: AU1: '0.5' is no label",
    ),
    (
        "a frame stands twice, with other labels",
        both(line(OCC, 2, "5" + ",0" * 27), line(OCC, 3, "5" + ",1" * 27)),
        "frame_contradicted",
        f"{OCC}: line 3: frame 5 stands in line 2",
    ),
    (
        "two columns of one action unit",
        columns(OCC, lambda row: [row[0], *row[1:3], row[2], *row[4:]]),
        "label_column_twice",
        f"{OCC}: line 1: has more than one column of AU2",
    ),
    (
        "a column is gone",
        columns(OCC, lambda row: row[:24]),
        "label_column",
        f"{OCC}: line 1: has no column of AU24",
    ),
    (
        "two paddings of one picture",
        again(f"{PICTURES}/0006.jpg", f"{PICTURES}/6.jpg"),
        "duplicate_picture",
        f"{PICTURES}: 0006.jpg and 6.jpg both have the number 6",
    ),
    (
        "two formats of one picture",
        again(f"{PICTURES}/0006.jpg", f"{PICTURES}/0006.png"),
        "duplicate_picture",
        f"{PICTURES}: 0006.jpg and 0006.png both have the number 6",
    ),
    (
        "two capitalisations of a table",
        again(OCC, "AUCoding/AU_OCC/f001_t1.csv"),
        "label_file_twice",
        "AUCoding/AU_OCC: F001_T1.csv and f001_t1.csv are both of F001_T1",
    ),
    (
        "two folders of pictures",
        again("Sequences(2D+3D)", "cropped"),
        "several_picture_folders",
        "pictures stand in Sequences(2D+3D), cropped",
    ),
    (
        "two folders of tables",
        again("AUCoding/AU_OCC", "old/AU_OCC"),
        "several_label_folders",
        "label tables stand in AUCoding/AU_OCC, old/AU_OCC",
    ),
    (
        "two folders of landmarks",
        again("2DFeatures", "old"),
        "several_landmark_folders",
        "landmarks stand in 2DFeatures, old",
    ),
    (
        "nothing can be used",
        both(cut(OCC, 70), gone("Sequences(2D+3D)/F003")),
        "no_recordings",
        "no recording can be used",
    ),
]
DISFA = [
    (
        "labels are gone",
        gone(AU4),
        "label_file_missing",
        "ActionUnit_Labels/SN001: no SN001_au4.txt",
    ),
    ("labels are empty", put(AU4, ""), "file_empty", f"{AU4}: is empty"),
    ("labels are UTF-16", utf16(AU4), "file_encoding", f"{AU4}: is not UTF-8"),
    ("labels are binary", put(AU4, b"\xff\xfe\x00"), "file_encoding", f"{AU4}: is not UTF-8"),
    ("labels link to themselves", loop(AU4), "label_file_missing", "no SN001_au4.txt"),
    ("a line has one cell", line(AU4, 2, "2"), "label_line", f"{AU4}: line 2: 1 cells; expected 2"),
    ("a frame is a word", line(AU4, 2, "two,0"), "label_line", f"{AU4}: line 2: 'two'"),
    ("a frame is negative", line(AU4, 2, "-2,0"), "label_line", f"{AU4}: line 2: '-2'"),
    ("lines are gone", cut(AU4, 8), "label_rows", "SN001: AU4: 2 of 4 frames have no line"),
    ("no line can be read", put(AU4, "x\ny\n"), "no_frames", f"{AU4}: holds no frame"),
    (
        "a line stands twice",
        lambda root: raw.change_line(root / AU4, 3, (root / AU4).read_text().splitlines()[1]),
        "frame_twice",
        f"{AU4}: line 3: frame 2 stands in line 2",
    ),
    ("frames go on", add(AU4, "5,1\n"), "label_rows", "SN001: AU1: 1 of 5 frames have no line"),
    (
        "all labels of a subject are gone",
        gone("ActionUnit_Labels/SN006"),
        "subject_without_labels",
        "SN006: pictures are there, labels are not",
    ),
    (
        "a picture is gone",
        gone("img/SN001/2.png"),
        "picture_missing",
        "SN001: 1 of 4 labelled frames",
    ),
    (
        "a picture has no number",
        put("img/SN001/first.png", "x"),
        "picture_name",
        "img/SN001: 1 pictures whose names are no frame numbers",
    ),
    (
        "pictures of a subject are gone",
        gone("img/SN006"),
        "no_pictures_of_recording",
        "SN006 has labels, but neither a video nor a folder",
    ),
    (
        "a video beside pictures",
        put("LeftVideoSN001_comp.avi", "x"),
        "videos_and_pictures",
        "SN001: both a video and a folder of pictures",
    ),
    (
        "a landmark file is gone",
        gone(f"{LM}/SN001_0001_lm.mat"),
        "landmarks_missing",
        f"{LM}: 1 of 4 frames have no landmark file, such as 2",
    ),
    (
        "a landmark file is cut off",
        cut(f"{LM}/SN001_0001_lm.mat", 200),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: cannot be read as a MATLAB 5 file",
    ),
    (
        "a landmark file is empty",
        put(f"{LM}/SN001_0001_lm.mat", ""),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: cannot be read as a MATLAB 5 file",
    ),
    (
        "a landmark file is text",
        put(f"{LM}/SN001_0001_lm.mat", "1 2 3 4\n" * 40),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: cannot be read as a MATLAB 5 file",
    ),
    (
        "a landmark file holds something else",
        pts(f"{LM}/SN001_0001_lm.mat", np.zeros((66, 2)), name="points"),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: holds no variable pts",
    ),
    (
        "a landmark file of 51 points",
        pts(f"{LM}/SN001_0001_lm.mat", np.zeros((51, 2))),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: points of shape 51 x 2",
    ),
    (
        "a landmark file lies on its side",
        pts(f"{LM}/SN001_0001_lm.mat", np.zeros((2, 66))),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: points of shape 2 x 66",
    ),
    (
        "landmarks are words",
        pts(f"{LM}/SN001_0001_lm.mat", np.array([["a", "b"]] * 66)),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: cannot be read as a MATLAB 5 file (the variable is no matrix",
    ),
    (
        "landmarks are nowhere",
        pts(f"{LM}/SN001_0001_lm.mat", np.full((66, 2), np.nan)),
        "landmarks_missing",
        f"{LM}: 1 of 4 frames have landmarks without a place (NaN)",
    ),
    (
        "landmarks of a subject are gone",
        gone("Landmark_Points/SN001"),
        "no_landmarks_of_recording",
        "SN001 has no folder of landmarks",
    ),
    ("all landmarks are gone", gone("Landmark_Points"), "no_landmarks", "no Landmark_Points/SN001"),
    (
        "a landmark file too many",
        again(f"{LM}/SN001_0003_lm.mat", f"{LM}/SN001_0004_lm.mat"),
        "landmark_surplus",
        f"{LM}: SN001_0004_lm.mat comes after the last labelled frame, 4",
    ),
]
DISFA_REFUSED = [
    ("all labels are gone", gone("ActionUnit_Labels"), "no_labels", "no file such as ActionUnit_"),
    ("all pictures are gone", gone("img"), "no_pictures", "no video such as Videos_LeftCamera"),
    (
        "an intensity is 6",
        line(AU4, 2, "2,6"),
        "label_value",
        f"{AU4}: line 2: AU4: '6' is no label",
    ),
    (
        "an intensity is a word",
        line(AU4, 2, "2,A"),
        "label_value",
        f"{AU4}: line 2: AU4: 'A' is no l",
    ),
    ("an intensity is 1.5", line(AU4, 2, "2,1.5"), "label_value", f"{AU4}: line 2: AU4: '1.5' is"),
    (
        "a frame has two intensities",
        both(line(AU4, 2, "2,1"), line(AU4, 3, "2,4")),
        "frame_contradicted",
        f"{AU4}: line 3: frame 2 stands in line 2",
    ),
    (
        "labels begin with 0",
        add(AU4, "0,0\n"),
        "label_origin",
        "ActionUnit_Labels/SN001: the labels begin with frame 0",
    ),
    (
        "two files of one action unit",
        again(AU4, "ActionUnit_Labels/SN001/SN001_au04.txt"),
        "label_file_twice",
        "ActionUnit_Labels/SN001: SN001_au04.txt and SN001_au4.txt are both of AU4",
    ),
    (
        "two folders of labels",
        again("ActionUnit_Labels", "old"),
        "several_label_folders",
        "SN001: labels stand in ActionUnit_Labels/SN001, old/SN001",
    ),
    (
        "two folders of pictures",
        again("img", "aligned_images"),
        "several_pictures",
        "SN001: pictures stand in aligned_images/SN001, img/SN001",
    ),
    (
        "two videos",
        both(
            put("a/LeftVideoSN001_comp.avi", "x"),
            put("b/LeftVideoSN001_comp.avi", "x"),
            gone("img"),
        ),
        "several_pictures",
        "SN001: pictures stand in a/LeftVideoSN001_comp.avi, b/LeftVideoSN001_comp.avi",
    ),
    (
        "pictures count from elsewhere",
        gone("img/SN001/0.png"),
        "frame_origin",
        "img/SN001: its pictures are numbered 1 to 3, the labels to 4",
    ),
    (
        "two paddings of one picture",
        again("img/SN001/2.png", "img/SN001/0002.png"),
        "duplicate_picture",
        "img/SN001: 0002.png and 2.png both have the number 2",
    ),
    (
        "two spellings of landmark files",
        again(f"{LM}/SN001_0001_lm.mat", f"{LM}/l00002_lm.mat"),
        "landmark_spelling",
        f"{LM}: holds SN001_0000_lm.mat and l00002_lm.mat",
    ),
    (
        "two folders of landmarks",
        again("Landmark_Points", "old"),
        "several_landmark_folders",
        "SN001: landmarks stand in Landmark_Points/SN001/tmp_frame_lm, old/SN001/tmp_frame_lm",
    ),
]
GFT_WRONG = [
    ("a table is empty", put(GFT, ""), "file_empty", f"{GFT}: is empty"),
    ("a table is UTF-16", utf16(GFT), "file_encoding", f"{GFT}: is not UTF-8"),
    ("a table has no header", line(GFT, 1, "1" + ",0" * 13), "label_header", f"{GFT}: line 1: beg"),
    ("a line is short", line(GFT, 3, "2,0"), "label_line", f"{GFT}: line 3: 2 cells; expected 14"),
    ("a frame is a word", line(GFT, 3, "b" + ",0" * 13), "label_line", f"{GFT}: line 3: 'b'"),
    ("a table is gone", gone(GFT), "subject_without_labels", "001A: pictures are there"),
    ("a picture is gone", gone("001A/2.jpg"), "picture_missing", f"{GFT}: 1 of 4 labelled frames"),
    ("pictures are gone", gone("001A"), "no_pictures_of_recording", f"{GFT}: neither a folder"),
    ("a picture has no number", put("001A/x.jpg", "x"), "picture_name", "001A: 1 pictures whose"),
    (
        "landmarks are gone",
        gone("Landmarks/001A.csv"),
        "no_landmarks_of_recording",
        "001A has no fi",
    ),
    ("landmarks are empty", put("Landmarks/001A.csv", ""), "landmark_file", "Landmarks/001A.csv: "),
    (
        "landmarks are words",
        line("Landmarks/001A.csv", 3, "2" + ",x" * 98),
        "landmark_file",
        "line 3: x0: 'x' is not a number",
    ),
    ("all landmarks are gone", gone("Landmarks"), "no_landmarks", "no Landmarks/001A.csv"),
]
GFT_REFUSED = [
    ("all tables are gone", gone("AU_Occurrence"), "no_labels", "no table such as AU_Occurrence"),
    ("all pictures are gone", both(gone("001A"), gone("001B")), "no_pictures", "no folder such as"),
    (
        "a label is 5",
        line(GFT, 3, "2,5" + ",0" * 12),
        "label_value",
        f"{GFT}: line 3: AU1: '5' is no",
    ),
    ("two tables", again(GFT, "old/001A.csv"), "label_file_twice", "001A: labels stand in AU_Occ"),
    ("two pictures", put("001A/02.jpg", "x"), "duplicate_picture", "001A: 02.jpg and 2.jpg both"),
    (
        "two sources",
        put("001A.mp4", "x"),
        "several_pictures",
        "001A: pictures stand in 001A, 001A.",
    ),
    (
        "a column is gone",
        line(GFT, 1, "frame,1,2,4"),
        "label_column",
        f"{GFT}: line 1: has no colu",
    ),
]
MANIFEST = [
    ("a picture is gone", gone("anna/1.png"), "file_missing", f"{M}: line 3: no file anna/1.png"),
    ("landmarks are gone", gone("anna/1.txt"), "landmark_file", "anna/1.txt: no such file"),
    (
        "landmarks are few",
        put("anna/1.txt", "1 2 3 4"),
        "landmark_file",
        "anna/1.txt: points of sha",
    ),
    (
        "landmarks are odd",
        put("anna/1.txt", "1 2 3"),
        "landmark_file",
        "anna/1.txt: holds 3 numbers",
    ),
    (
        "landmarks are words",
        put("anna/1.txt", "a b"),
        "landmark_file",
        "anna/1.txt: holds what is no",
    ),
    (
        "landmarks are binary",
        put("anna/1.txt", b"\xff"),
        "landmark_file",
        "anna/1.txt: cannot be re",
    ),
    (
        "landmarks are of another ending",
        line(M, 3, "anna/1.png,anna,anna/1.doc,0,1"),
        "landmark_file",
        "anna/1.doc: ends in '.doc'",
    ),
    (
        "landmarks are no array",
        both(line(M, 3, "anna/1.png,anna,anna/1.npy,0,1"), put("anna/1.npy", "x")),
        "landmark_file",
        "anna/1.npy: cannot be read",
    ),
    (
        "points have no braces",
        both(line(M, 3, "anna/1.png,anna,anna/1.pts,0,1"), put("anna/1.pts", "version: 1")),
        "landmark_file",
        "anna/1.pts: has no points between { and }",
    ),
    (
        "landmarks are nowhere",
        put("anna/1.txt", "nan " * 98),
        "landmarks_missing",
        "anna/0.png: 1 of 2 frames have no landmarks",
    ),
    (
        "a subject in two spellings",
        line(M, 3, "anna/1.png,Anna,anna/1.txt,0,1"),
        "similar_subjects",
        f"{M}: line 3: the subject differs from that of line 2",
    ),
    (
        "a column that means nothing",
        columns(M, lambda row: [*row, "mood"]),
        "unknown_column",
        f"{M}: column 'mood' is not known",
    ),
    ("it is UTF-16", utf16(M), "file_encoding", f"{M}: is not UTF-8"),
    ("it is empty", put(M, ""), "file_empty", f"{M}: is empty"),
]
MANIFEST_REFUSED = [
    (
        "a slip in a column",
        line(M, 1, "file,subjct,landmarks,AU1,AU2"),
        "manifest_header",
        "'subjec",
    ),
    ("no subject", line(M, 1, "file,x,landmarks,AU1,AU2"), "manifest_header", "'subject' is missi"),
    (
        "no labels",
        line(M, 1, "file,subject,landmarks,x,y"),
        "manifest_header",
        "neither columns AU",
    ),
    (
        "two kinds",
        line(M, 1, "file,subject,landmarks,AU1,grade_hb"),
        "manifest_header",
        "one of the",
    ),
    (
        "two columns",
        line(M, 1, "file,subject,landmarks,AU1,AU01"),
        "manifest_header",
        "'AU1' stands",
    ),
    (
        "AU of nothing",
        line(M, 1, "file,subject,landmarks,AU1,AUx"),
        "manifest_header",
        "'aux' names",
    ),
    (
        "a short line",
        line(M, 3, "anna/1.png,anna"),
        "manifest_line",
        f"{M}: line 3: 2 cells under 5",
    ),
    (
        "a long line",
        line(M, 3, "a.png,b,c,0,1,9"),
        "manifest_line",
        f"{M}: line 3: 6 cells under 5",
    ),
    ("no file", line(M, 3, ",anna,anna/1.txt,0,1"), "manifest_line", f"{M}: line 3: file: empty"),
    (
        "nobody",
        line(M, 3, "anna/1.png,,x.txt,0,1"),
        "manifest_line",
        f"{M}: line 3: subject: empty",
    ),
    (
        "a text",
        line(M, 3, "anna/1.txt,anna,,0,1"),
        "manifest_line",
        "line 3: file: 'anna/1.txt'; ex",
    ),
    ("outside", line(M, 3, "../a.png,anna,,0,1"), "manifest_line", "line 3: file: '../a.png'; exp"),
    (
        "absolute",
        line(M, 3, "/a.png,anna,,0,1"),
        "manifest_line",
        "line 3: file: '/a.png'; expected",
    ),
    (
        "a video without a frame",
        line(M, 3, "a.mp4,anna,,0,1"),
        "manifest_line",
        "line 3: frame: em",
    ),
    (
        "intensities",
        line(M, 3, "anna/1.png,anna,,3,1"),
        "label_value",
        "line 3: AU1: '3' is no labe",
    ),
    (
        "a word",
        line(M, 3, "anna/1.png,anna,,0,yes"),
        "label_value",
        f"{M}: line 3: AU2: 'yes' is no",
    ),
    (
        "an intensity is 6",
        line(M, 3, "anna/1.png,anna,,6,1"),
        "label_value",
        f"{M}: line 3: AU1: '6' is no label",
        ReadOptions(intensities=True),
    ),
    (
        "an action unit that is not there",
        put("unused", ""),
        "label_column",
        f"{M}: line 1: has no column AU9",
        ReadOptions(label_names=("AU1", "AU9")),
    ),
    (
        "a subject in two groups",
        put(M, "file,subject,group,AU1\nanna/0.png,anna,x,0\nanna/1.png,anna,y,0\n"),
        "group_differs",
        f"{M}: line 3: group: 'y' here and 'x' in line 2",
    ),
    (
        "a frame is a word",
        put(M, "file,subject,frame,AU1\nanna/0.png,anna,one,0\n"),
        "manifest_line",
        f"{M}: line 2: frame: 'one'",
    ),
    (
        "a frame stands twice",
        put(M, "file,subject,frame,AU1\nanna/0.png,anna,1,0\nanna/1.png,anna,1,0\n"),
        "manifest_line",
        f"{M}: line 3: frame 1 of this recording stands in line 2",
    ),
    (
        "some frames have no number",
        put(M, "file,subject,frame,AU1\nanna/0.png,anna,1,0\nanna/1.png,anna,,0\n"),
        "manifest_line",
        f"{M}: line 3: frame: empty, though other lines",
    ),
    (
        "a time is negative",
        put(M, "file,subject,time_s,AU1\nanna/0.png,anna,-1,0\n"),
        "manifest_line",
        f"{M}: line 2: time_s: '-1'",
    ),
    (
        "a grade is none",
        put(M, "file,subject,grade_hb\nanna/0.png,anna,VII\n"),
        "manifest_line",
        f"{M}: line 2: grade_hb: 'VII'",
    ),
    (
        "two grades of a recording",
        put(M, "file,subject,grade_hb\nanna/0.png,anna,I\nanna/1.png,anna,II\n"),
        "manifest_line",
        f"{M}: line 3: grade_hb: 2 here and 1 in line 2",
    ),
    ("no line", put(M, "file,subject,AU1\n"), "no_recordings", "no recording can be used"),
]
CLINIC = [
    ("a video is gone", gone("a.mp4"), "video_missing", "a.mp4: no such file"),
    ("landmarks are gone", gone("a_land.csv"), "landmark_file", "a_land.csv: "),
    (
        "landmarks are empty",
        put("a_land.csv", ""),
        "landmark_file",
        "a_land.csv: line 1: 0 columns",
    ),
    (
        "landmarks are words",
        line("a_land.csv", 2, "0" + ",x" * 98),
        "landmark_file",
        "line 2: x0: 'x",
    ),
    (
        "landmarks are few",
        line("a_land.csv", 2, "0,1,2"),
        "landmark_file",
        "line 2: 3 values instead",
    ),
    (
        "landmarks have a header only",
        put("a_land.csv", ",".join(HEADER) + "\n"),
        "landmark_file",
        "a_land.csv: holds no frame",
    ),
    (
        "a frame twice",
        line("a_land.csv", 3, "0" + ",1" * 98),
        "landmark_file",
        "line 3: frame 0 stan",
    ),
    (
        "a column that means nothing",
        columns(M, lambda row: [*row, "mood"]),
        "manifest",
        "column 'mood' is not known",
    ),
    (
        "a patient in two spellings",
        line(M, 3, "b.mp4,Anna,4"),
        "manifest",
        "the patient_id differs in capitals",
    ),
]
CLINIC_REFUSED = [
    ("a grade is none", line(M, 2, "a.mp4,anna,9"), "manifest", f"{M}: line 2: grade_hb: '9'"),
    ("no patient", line(M, 2, "a.mp4,,1"), "manifest", f"{M}: line 2: patient_id: empty"),
    (
        "no grade",
        line(M, 2, "a.mp4,anna,"),
        "manifest",
        "line 2: grade_hb: no video of this patient",
    ),
    ("a short line", line(M, 2, "a.mp4"), "manifest", f"{M}: line 2: 1 cells under 3 columns"),
    ("a slip", line(M, 1, "video,patientid,grade_hb"), "manifest", "did you mean 'patient_id'"),
    ("a column is gone", line(M, 1, "video,patient_id,x"), "manifest", "'grade_hb' is missing"),
    (
        "an open quote",
        line(M, 3, '"b.mp4,bert,4'),
        "manifest",
        f"{M}: line 3: the quote that opens",
    ),
    ("two grades", add(M, "a.mp4,anna,5\n"), "manifest", f"{M}: line 4: grade_hb: without a rater"),
    ("UTF-16", utf16(M), "manifest", f"{M}: {M}: is not UTF-8 text"),
]


def cases(layout: str, rows: list[tuple], severity: str) -> list[Case]:
    return [
        Case(layout, name, damage, code, text, severity, *options)
        for name, damage, code, text, *options in rows
    ]


CASES = [
    *cases("bp4d", BP4D, "warning"),
    *cases("bp4d", BP4D_REFUSED, "refused"),
    *cases("disfa", DISFA, "warning"),
    *cases("disfa", DISFA_REFUSED, "refused"),
    *cases("gft", GFT_WRONG, "warning"),
    *cases("gft", GFT_REFUSED, "refused"),
    *cases("manifest", MANIFEST, "warning"),
    *cases("manifest", MANIFEST_REFUSED, "refused"),
    *cases("clinic", CLINIC, "warning"),
    *cases("clinic", CLINIC_REFUSED, "refused"),
]
NAMES = [f"{case.layout}: {case.name}" for case in CASES]
REFUSED = [
    case
    for case in CASES
    if case.severity == "refused"
    and case.layout != "clinic"
    and case.code not in ("no_labels", "manifest_header")
]


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


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_sources_that_are_damaged_here_are_good(layout, good):
    findings = adapter_of(layout).read(good / layout, ReadOptions()).findings

    assert {f.code for f in findings if f.severity != "note"} <= {"partial_copy"}


def test_the_table_is_as_long_as_it_is_said_to_be():
    assert len(CASES) >= 120
    assert len(set(NAMES)) == len(NAMES)
