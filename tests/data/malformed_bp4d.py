"""What can be wrong with a copy of BP4D."""

import numpy as np

from tests.data import raw_layouts as raw
from tests.data.damages import (
    again,
    both,
    cases,
    cells,
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
    without_lines,
)

OCC = "AUCoding/AU_OCC/F001_T1.csv"
MAT = "2DFeatures/F001_T1.mat"
PICTURES = "Sequences(2D+3D)/F001/T1"
NINES = ",".join(["5", *["1"] * 27])

BP4D = [
    (
        "a table is cut off within a line",
        cut(OCC, 157),
        "label_line",
        f"{OCC}: line 3: 14 cells; expected 28: the table breaks off here; the rows from frame 6 "
        "on are gone, at most 5 frames: 6-10 have a picture",
    ),
    (
        "a table is cut off within a frame number",
        cut(OCC, 131),
        "label_line",
        f"{OCC}: line 3: 1 cell; expected 28: the table breaks off here; the rows from frame 6 on",
    ),
    (
        "a table is cut off, and lacks the frame before",
        both(without_lines(OCC, 4), line(OCC, 4, "8,0,1")),
        "label_line",
        f"{OCC}: line 4: 3 cells; expected 28: the table breaks off here; the rows from frame 8 on",
    ),
    (
        "a table is cut off, and has no pictures",
        both(cut(OCC, 157), gone(PICTURES)),
        "label_line",
        f"{OCC}: line 3: 14 cells; expected 28: the table breaks off here",
    ),
    ("a table is empty", put(OCC, ""), "file_empty", f"{OCC}: is empty"),
    (
        "a table holds blanks only",
        put(OCC, " \n\n "),
        "file_empty",
        f"{OCC}: holds nothing but blanks",
    ),
    ("a table has a header only", cut(OCC, 70), "no_frames", f"{OCC}: holds no frame"),
    ("a table holds commas only", put(OCC, ",,,\n"), "file_empty", f"{OCC}: holds no cell"),
    (
        "a frame is beyond reason",
        line(OCC, 3, "9999999" + ",0" * 27),
        "label_line",
        "line 3: '9999999",
    ),
    ("a table is UTF-16", utf16(OCC), "file_encoding", f"{OCC}: is UTF-16 text"),
    (
        "a table is binary",
        put(OCC, bytes(range(256))),
        "file_encoding",
        f"{OCC}: is not UTF-8 text (in line 2)",
    ),
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
    ("a quote is open", line(OCC, 3, '"6,0'), "label_line", f"{OCC}: line 5: "),
    (
        "a table is a folder",
        folder_for_file(OCC),
        "no_file",
        f"{OCC}: is a folder; expected a file",
    ),
    ("a table links to itself", loop(OCC), "no_file", f"{OCC}: is a link to itself"),
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
        "no_file",
        f"{PICTURES}/0006.jpg: is a link to itself",
    ),
    (
        "a picture has a name for people",
        put(f"{PICTURES}/copy of 6.jpg", "x"),
        "picture_name",
        f"{PICTURES}: 1 picture not used, as a name that is no frame number",
    ),
    (
        "a name holds a line break",
        put(f"{PICTURES}/6\n7.jpg", "x"),
        "picture_name",
        "such as 6\\n7.jpg",
    ),
    ("landmarks are gone", gone(MAT), "landmark_file", f"{MAT}: no such file"),
    (
        "landmarks are cut off",
        cut(MAT, 3000),
        "landmark_file",
        f"{MAT}: is cut off: 3000 of 16664 bytes are there; copy the file again",
    ),
    ("landmarks begin elsewhere", cut(MAT, 300), "landmark_file", f"{MAT}: is no MATLAB 7.3 file"),
    ("landmarks are empty", put(MAT, ""), "landmark_file", f"{MAT}: is empty: 0 bytes"),
    (
        "landmarks are MATLAB 5",
        pts(MAT, np.zeros((49, 2))),
        "landmark_file",
        f"{MAT}: is a MATLAB 5 file; expected 7.3",
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
        f"{MAT}: its fit/pred is an array of float64",
    ),
    (
        "landmarks are a group",
        hdf(MAT, lambda file: file.create_group("fit/pred")),
        "landmark_file",
        f"{MAT}: its fit/pred is a group",
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
        "a frame stands twice alike",
        lambda root: raw.change_line(root / OCC, 3, (root / OCC).read_text().splitlines()[1]),
        "frame_twice",
        f"{OCC}: line 3: frame 5 stands in line 2",
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
BP4D_NOTED = [
    (
        "rows are gone within a table",
        without_lines(OCC, 3),
        "label_rows",
        f"{OCC}: no row for 1 frame with a picture, between frames that have one: 6",
    ),
]
CASES = [
    *cases("bp4d", BP4D, "warning"),
    *cases("bp4d", BP4D_REFUSED, "refused"),
    *cases("bp4d", BP4D_NOTED, "note"),
]
