"""What users are known to have: links, workbooks, odd bytes, odd names, points that are NaN."""

import h5py
import numpy as np

from tests.data.damages import Case, Damage, again, both, cases, gone, hdf, line, link, put
from tests.data.malformed_bp4d import MAT, OCC, PICTURES
from tests.data.malformed_disfa import AU4, LM
from tests.data.malformed_others import GFT, M

WORKBOOK = b"PK\x03\x04" + bytes(range(200))
LATIN = b"frame,AU1\n1,0\n2,\xe9\n"
HEAD = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512)


def tracked(lost: int) -> Damage:
    """Ten cells of 49 points, of which those of one frame are NaN."""

    def write(file: h5py.File) -> None:
        pred = file.create_dataset("fit/pred", (10, 1), dtype=h5py.ref_dtype)
        for entry in range(10):
            points = np.full((2, 49), np.nan) if entry == lost else np.ones((2, 49))
            pred[entry, 0] = file.create_dataset(f"cell{entry}", data=points).ref

    return hdf(MAT, write)


BP4D = [
    ("a table links to nothing", link(OCC, "away.csv"), "no_file", f"{OCC}: is a link to what is"),
    ("a table is a workbook", put(OCC, WORKBOOK), "file_encoding", f"{OCC}: is a ZIP archive"),
    (
        "a table is Latin-1",
        put(OCC, LATIN),
        "file_encoding",
        f"{OCC}: is not UTF-8 text (in line 3)",
    ),
    (
        "a picture links to nothing",
        link(f"{PICTURES}/0006.jpg", "away.jpg"),
        "no_file",
        f"{PICTURES}/0006.jpg: is a link to what is not there",
    ),
    (
        "a picture is a folder",
        both(gone(f"{PICTURES}/0006.jpg"), put(f"{PICTURES}/0006.jpg/x", "")),
        "no_file",
        f"{PICTURES}/0006.jpg: is a folder; expected a file",
    ),
    (
        "a picture has a line break in its name",
        put(f"{PICTURES}/00\n06.jpg", "x"),
        "picture_name",
        r"such as 00\n06.jpg",
    ),
    ("landmarks link to nothing", link(MAT, "away.mat"), "landmark_file", f"{MAT}: is a link to w"),
    ("landmarks are a head only", put(MAT, HEAD), "landmark_file", f"{MAT}: is cut off: nothing"),
    ("landmarks are a workbook", put(MAT, WORKBOOK), "landmark_file", f"{MAT}: is no MATLAB 7.3"),
    (
        "landmarks of a frame are NaN",
        tracked(6),
        "landmarks_missing",
        f"{MAT}: 1 of 4 labelled frames have no landmarks",
    ),
]
DISFA = [
    (
        "labels link to nothing",
        link(AU4, "away.txt"),
        "no_file",
        f"{AU4}: is a link to what is not",
    ),
    ("labels are a workbook", put(AU4, WORKBOOK), "file_encoding", f"{AU4}: is a ZIP archive"),
    (
        "a landmark file links to nothing",
        link(f"{LM}/SN001_0001_lm.mat", "away.mat"),
        "no_file",
        f"{LM}/SN001_0001_lm.mat: is a link to what is not there",
    ),
    (
        "a landmark file is of another subject",
        again(f"{LM}/SN001_0001_lm.mat", f"{LM}/SN006_0003_lm.mat"),
        "landmark_of_another",
        f"{LM}: SN006_0003_lm.mat: named for another subject than the folder",
    ),
    (
        "a landmark file is a folder",
        both(gone(f"{LM}/SN001_0001_lm.mat"), put(f"{LM}/SN001_0001_lm.mat/x", "")),
        "no_file",
        f"{LM}/SN001_0001_lm.mat: is a folder; expected a file",
    ),
]
GFT_WRONG = [
    ("a table is a workbook", put(GFT, WORKBOOK), "file_encoding", f"{GFT}: is a ZIP archive"),
    (
        "a table is Latin-1",
        put(GFT, LATIN),
        "file_encoding",
        f"{GFT}: is not UTF-8 text (in line 3)",
    ),
    ("a table links to nothing", link(GFT, "away.csv"), "no_file", f"{GFT}: is a link to what is"),
]
MANIFEST = [
    (
        "a picture links to nothing",
        link("anna/1.png", "away.png"),
        "file_missing",
        f"{M}: line 3: anna/1.png is a link to what is not there",
    ),
    (
        "a subject has a line break",
        line(M, 3, 'anna/1.png,"an\nna",anna/1.txt,0,1'),
        "similar_subjects",
        f"{M}: line 4: the subject differs from that of line 2",
    ),
    (
        "landmarks link to nothing",
        link("anna/1.txt", "x"),
        "landmark_file",
        "anna/1.txt: is a link t",
    ),
]
CLINIC = [
    (
        "a video links to nothing",
        link("a.mp4", "x"),
        "video_missing",
        "a.mp4: is a link to what is",
    ),
]
CASES: list[Case] = [
    *cases("bp4d", BP4D, "warning"),
    *cases("disfa", DISFA, "warning"),
    *cases("gft", GFT_WRONG, "warning"),
    *cases("manifest", MANIFEST, "warning"),
    *cases("clinic", CLINIC, "warning"),
]
