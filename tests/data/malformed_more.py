"""More that can be wrong: tables of other programs, arrays, links, codes, names, pairs."""

import io

import numpy as np

from algr.data import ReadOptions
from tests.data import landmark_files as other
from tests.data.damages import (
    add,
    again,
    both,
    cases,
    columns,
    cut,
    folder_for_file,
    gone,
    hdf,
    line,
    loop,
    pts,
    put,
    utf16,
)
from tests.data.malformed_bp4d import MAT, OCC, PICTURES
from tests.data.malformed_disfa import AU4, LM
from tests.data.malformed_others import GFT, M

POINTS = other.some_points(3, 68)
OPENFACE = other.openface2(POINTS)
PYFEAT = other.pyfeat(POINTS)
OPENFACE3 = other.openface3(POINTS)


def beside(name, data):
    """Another landmark file in the place of algr's own."""
    return both(gone("a_land.csv"), put(name, data))


def changed(text, number, change):
    lines = text.splitlines()
    lines[number - 1] = change(lines[number - 1])
    return "\n".join(lines) + "\n"


def array(values, save=np.save, **named):
    stream = io.BytesIO()
    save(stream, *([] if values is None else [values]), **named)
    return stream.getvalue()


def pts_file(count=68, stated=None, last="3 4"):
    rows = "\n".join(["1 2"] * (count - 1) + [last])
    return f"version: 1\nn_points: {stated or count}\n{{\n{rows}\n}}\n"


CLINIC = [
    (
        "a wrong grade and no file",
        both(line(M, 2, "a.mp4,anna,9"), gone("b.mp4")),
        "video_missing",
        "b.mp4: no such file",
    ),
    (
        "OpenFace: a word",
        beside("a.csv", changed(OPENFACE, 3, lambda text: text.replace("-1.5,", "-1.5,x", 1))),
        "landmark_file",
        "line 3: x_0: 'x",
    ),
    (
        "OpenFace: a short line",
        beside("a.csv", changed(OPENFACE, 3, lambda text: text[:60])),
        "landmark_file",
        "line 3: 13 cells",
    ),
    (
        "OpenFace: a point is gone",
        beside("a.csv", OPENFACE.replace("y_67", "z_67")),
        "landmark_file",
        "y_67",
    ),
    (
        "OpenFace: a header only",
        beside("a.csv", OPENFACE.splitlines()[0] + "\n"),
        "landmark_file",
        "a.csv: ",
    ),
    (
        "OpenFace: frame 0",
        beside("a.csv", other.openface2(POINTS, first=0)),
        "landmark_file",
        "a.csv: ",
    ),
    (
        "py-feat: a short line",
        beside("a.csv", changed(PYFEAT, 4, lambda text: text[:40])),
        "landmark_file",
        "line 4: 8 cells",
    ),
    (
        "py-feat: a word",
        beside("a.csv", changed(PYFEAT, 2, lambda text: text.replace("0.99,", "0.99,left", 1))),
        "landmark_file",
        "line 2: x_0: 'left",
    ),
    (
        "py-feat: half a frame",
        beside("a.csv", changed(PYFEAT, 2, lambda text: "0.5" + text[3:])),
        "landmark_file",
        "line 2: frame '0.5'",
    ),
    (
        "OpenFace 3: points that are no list",
        beside("a.csv", changed(OPENFACE3, 2, lambda text: text.replace("[[", "{{", 1))),
        "landmark_file",
        "line 2: landmarks: not a list",
    ),
    (
        "OpenFace 3: a frame is a word",
        beside("a.csv", changed(OPENFACE3, 2, lambda text: text.replace("a.mp4,0", "a.mp4,one"))),
        "landmark_file",
        "line 2: frame_index 'one'",
    ),
    (
        "an array of objects",
        beside("a.npy", array(np.array([{"x": 1}], dtype=object))),
        "landmark_file",
        "a.npy: cannot be read",
    ),
    (
        "an array of words",
        beside("a.npy", array(np.array(["a"]))),
        "landmark_file",
        "a.npy: an array of type",
    ),
    (
        "an array of another shape",
        beside("a.npy", array(np.zeros((3, 50, 2)))),
        "landmark_file",
        "a.npy: an array of shape (3, 50, 2)",
    ),
    (
        "an array is cut off",
        beside("a.npy", array(np.zeros((3, 49, 2)))[:200]),
        "landmark_file",
        "a.npy: cannot be read",
    ),
    ("an array is empty", beside("a.npy", b""), "landmark_file", "a.npy: is empty"),
    (
        "arrays of other names",
        beside("a.npz", array(None, np.savez, faces=np.zeros(3))),
        "landmark_file",
        "a.npz: an array of shape (3,)",
    ),
    (
        "frames of arrays twice",
        beside(
            "a.npz",
            array(None, np.savez, landmarks=np.zeros((2, 49, 2)), frames=np.array([1, 1])),
        ),
        "landmark_file",
        "a.npz: ",
    ),
    ("no .pts in the folder", beside("a_pts/readme.txt", "x"), "landmark_file", "a_pts: holds no"),
    (
        ".pts of another number of points",
        beside("a_pts/1.pts", pts_file(68, stated=66)),
        "landmark_file",
        "n_points: 66, but 68 points follow",
    ),
    (
        ".pts with a word",
        beside("a_pts/1.pts", pts_file(last="x y")),
        "landmark_file",
        "1.pts, line 71: ",
    ),
    (
        ".pts with one number",
        beside("a_pts/1.pts", pts_file(last="7")),
        "landmark_file",
        "1.pts, line 71: 1 numbers",
    ),
    (
        ".pts of one number twice",
        both(beside("a_pts/f1.pts", pts_file()), put("a_pts/g1.pts", pts_file())),
        "landmark_file",
        "frame 1: 2 files have this number",
    ),
    ("its landmarks are UTF-16", utf16("a_land.csv"), "landmark_file", "a_land.csv: "),
    (
        "its landmarks are cut off",
        cut("a_land.csv", 2000),
        "landmark_file",
        "line 4: 81 values instead",
    ),
    (
        "a video is empty",
        both(gone("a_land.csv"), put("a.mp4", "")),
        "unreadable",
        "a.mp4: cannot be read as a video",
    ),
    ("a video links to itself", loop("a.mp4"), "video_missing", "a.mp4: is a link to itself"),
    ("a video is a folder", folder_for_file("a.mp4"), "video_missing", "a.mp4: is a folder"),
]
CLINIC_REFUSED = [
    ("an empty manifest", put(M, ""), "manifest", f"{M}: is empty; expected the columns video"),
    (
        "an unknown side",
        put(M, "video,patient_id,grade_hb,affected_side\na.mp4,anna,1,up\nb.mp4,bert,4,left\n"),
        "manifest",
        "line 2: affected_side: 'up'",
    ),
    (
        "an unknown exercise",
        put(M, "video,patient_id,grade_hb,exercise\na.mp4,anna,1,jump\nb.mp4,bert,4,rest\n"),
        "manifest",
        "line 2: exercise: 'jump'",
    ),
    (
        "an end before the beginning",
        put(M, "video,patient_id,grade_hb,exercise,start_s,end_s\na.mp4,anna,1,rest,5,4\n"),
        "manifest",
        "line 2: end_s: 4 is not after start_s, 5",
    ),
    (
        "a rate of 0",
        put(M, "video,patient_id,grade_hb,fps_override\na.mp4,anna,1,0\n"),
        "manifest",
        "line 2: fps_override: '0'",
    ),
    (
        "one landmark file for two videos",
        put(M, "video,patient_id,grade_hb\na.mp4,anna,1\na.avi,bert,4\n"),
        "manifest",
        "line 3: video: has the same name but for its ending",
    ),
]
MANIFEST = [
    (
        "points have too few braces",
        both(line(M, 3, "anna/1.png,anna,anna/1.pts,0,1"), put("anna/1.pts", "{ 1 2")),
        "landmark_file",
        "anna/1.pts: has no } around its points",
    ),
    (
        "landmarks are an array of objects",
        both(
            line(M, 3, "anna/1.png,anna,anna/1.npy,0,1"),
            put("anna/1.npy", array(np.array([None]))),
        ),
        "landmark_file",
        "anna/1.npy: cannot be read",
    ),
    (
        "landmarks are an array of 50 points",
        both(
            line(M, 3, "anna/1.png,anna,anna/1.npy,0,1"),
            put("anna/1.npy", array(np.zeros((50, 2)))),
        ),
        "landmark_file",
        "anna/1.npy: points of shape 50 x 2",
    ),
    (
        "landmarks link to themselves",
        loop("anna/1.txt"),
        "landmark_file",
        "anna/1.txt: is a link to itself",
    ),
    (
        "landmarks are a folder",
        folder_for_file("anna/1.txt"),
        "landmark_file",
        "anna/1.txt: is a folder",
    ),
    (
        "a picture links to itself",
        loop("anna/1.png"),
        "file_missing",
        f"{M}: line 3: anna/1.png is a link to itself",
    ),
    (
        "a picture is a folder",
        folder_for_file("anna/1.png"),
        "file_missing",
        f"{M}: line 3: anna/1.png is a folder",
    ),
    (
        "a name is too long",
        line(M, 3, f"anna/{300 * 'x'}.png,anna,,0,1"),
        "file_missing",
        f"{M}: line 3: anna/{300 * 'x'}.png cannot be read (File name too long)",
    ),
    (
        "a name holds a line break",
        line(M, 3, '"anna/1\n.png",anna,,0,1'),
        "file_missing",
        "no file anna/1\\n.png",
    ),
    (
        "no file behind a wrong label",
        both(gone("anna/1.png"), line(M, 3, "anna/1.png,anna,,7,1")),
        "file_missing",
        f"{M}: line 3: no file anna/1.png",
    ),
    (
        "no file behind nobody",
        both(gone("anna/1.png"), line(M, 3, "anna/1.png,,,0,1")),
        "file_missing",
        f"{M}: line 3: no file anna/1.png",
    ),
    (
        "no file behind a wrong frame",
        put(M, "file,subject,frame,AU1\nanna/0.png,anna,1,0\nanna/9.png,anna,x,0\n"),
        "file_missing",
        f"{M}: line 3: no file anna/9.png",
    ),
]
MANIFEST_REFUSED = [
    (
        "an offset for pictures",
        put("unused", ""),
        "frame_offset_of_pictures",
        "--frame-offset moves frames of videos; the lines of 2 recordings, such as anna",
        ReadOptions(frame_offset=1),
    ),
    (
        "a wrong label behind no file",
        both(gone("anna/1.png"), line(M, 3, "anna/1.png,anna,,7,1")),
        "label_value",
        f"{M}: line 3: AU1: '7' is no label",
    ),
    (
        "a wrong label behind nobody",
        line(M, 3, "anna/1.png,,,7,1"),
        "label_value",
        f"{M}: line 3: AU1: '7' is no label",
    ),
    (
        "a time is a word",
        put(M, "file,subject,time_s,AU1\nanna/0.png,anna,now,0\n"),
        "manifest_line",
        f"{M}: line 2: time_s: 'now'",
    ),
    (
        "a frame is half",
        put(M, "file,subject,frame,AU1\nanna/0.png,anna,1.5,0\n"),
        "manifest_line",
        f"{M}: line 2: frame: '1.5'",
    ),
    (
        "a time is endless",
        put(M, "file,subject,time_s,AU1\nanna/0.png,anna,inf,0\n"),
        "manifest_line",
        f"{M}: line 2: time_s: 'inf'",
    ),
]
BP4D = [
    ("a code of letters", line(OCC, 3, "0x6" + ",0" * 27), "label_line", f"{OCC}: line 3: '0x6'"),
    ("a frame of NaN", line(OCC, 3, "nan" + ",0" * 27), "label_line", f"{OCC}: line 3: 'nan'"),
    ("a frame is empty", line(OCC, 3, ",0" * 27), "label_line", f"{OCC}: line 3: ''"),
    (
        "landmarks link to themselves",
        loop(MAT),
        "landmark_file",
        f"{MAT}: is a link to itself",
    ),
    ("landmarks are a folder", folder_for_file(MAT), "landmark_file", f"{MAT}: is a folder"),
    ("landmarks are text", put(MAT, "x y\n" * 400), "landmark_file", f"{MAT}: is text"),
    (
        "pictures have no number at all",
        put(f"{PICTURES}/½.jpg", "x"),
        "picture_name",
        f"{PICTURES}: 1 picture not used, as a name that is no frame number",
    ),
    (
        "landmarks are numbers of another kind",
        hdf(MAT, lambda file: file.create_dataset("fit/pred", data=np.zeros((3, 1), complex))),
        "landmark_file",
        f"{MAT}: its fit/pred is an array of complex128",
    ),
]
BP4D_REFUSED = [
    (
        "a label of 8",
        line(OCC, 4, "7" + ",8" * 27),
        "label_value",
        f"{OCC}: line 4: AU4: '8' is no label",
    ),
    (
        "a column is renamed",
        columns(OCC, lambda row: ["x" if cell == "12" else cell for cell in row]),
        "label_column",
        f"{OCC}: line 1: has no column of AU12",
    ),
]
DISFA = [
    ("a frame is half", line(AU4, 2, "2.5,0"), "label_line", f"{AU4}: line 2: '2.5'"),
    (
        "labels hold blanks only",
        put(AU4, " \n\n"),
        "file_empty",
        f"{AU4}: holds nothing but blanks",
    ),
    (
        "a landmark file links to itself",
        loop(f"{LM}/SN001_0001_lm.mat"),
        "no_file",
        f"{LM}/SN001_0001_lm.mat: is a link to itself",
    ),
    (
        "a landmark file has one number",
        pts(f"{LM}/SN001_0001_lm.mat", np.zeros((1, 1))),
        "landmark_file",
        f"{LM}/SN001_0001_lm.mat: points of shape 1 x 1",
    ),
    (
        "a picture's name holds a line break",
        put("img/SN001/a\nb.png", "x"),
        "picture_name",
        "a\\nb.png",
    ),
]
DISFA_REFUSED = [
    ("an intensity is negative", line(AU4, 2, "2,-2"), "label_value", f"{AU4}: line 2: AU4: '-2'"),
]
GFT_WRONG = [
    (
        "a table is binary",
        put(GFT, b"\xff\xfe\x00"),
        "file_encoding",
        f"{GFT}: is not UTF-8 text (in line 1)",
    ),
    ("a frame is half", line(GFT, 3, "2.5" + ",0" * 13), "label_line", f"{GFT}: line 3: '2.5'"),
    (
        "a header only",
        put(GFT, "frame,1,2,4,6,7,10,12,14,15,17,23,24,9\n"),
        "no_frames",
        f"{GFT}: holds no frame",
    ),
    (
        "landmarks are few",
        line("Landmarks/001A.csv", 3, "2,1,2"),
        "landmark_file",
        "line 3: 3 values instead",
    ),
    (
        "a frame of landmarks twice",
        line("Landmarks/001A.csv", 3, "1" + ",1" * 98),
        "landmark_file",
        "line 3: frame 1 stan",
    ),
]
GFT_REFUSED = [
    (
        "a frame has two labels",
        both(line(GFT, 2, "1" + ",0" * 13), add(GFT, "1" + ",1" * 13 + "\n")),
        "frame_contradicted",
        f"{GFT}: line 6: frame 1 stands in line 2",
    ),
    ("a label is a word", line(GFT, 3, "2,no" + ",0" * 12), "label_value", f"{GFT}: line 3: AU1"),
    (
        "two folders of one person",
        again("001A", "old/001A"),
        "several_pictures",
        "001A: pictures stand in 001A, old/001A",
    ),
]
CASES = [
    *cases("clinic", CLINIC, "warning"),
    *cases("clinic", CLINIC_REFUSED, "refused"),
    *cases("manifest", MANIFEST, "warning"),
    *cases("manifest", MANIFEST_REFUSED, "refused"),
    *cases("bp4d", BP4D, "warning"),
    *cases("bp4d", BP4D_REFUSED, "refused"),
    *cases("disfa", DISFA, "warning"),
    *cases("disfa", DISFA_REFUSED, "refused"),
    *cases("gft", GFT_WRONG, "warning"),
    *cases("gft", GFT_REFUSED, "refused"),
]
