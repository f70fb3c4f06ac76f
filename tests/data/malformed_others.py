"""What can be wrong with a copy of GFT, a manifest or a clinic."""

from algr.data import ReadOptions
from algr.data.landmarks import HEADER
from tests.data.damages import add, again, both, cases, columns, elsewhere, gone, line, put, utf16

GFT = "AU_Occurrence/001A.csv"
M = "manifest.csv"
XLSX = b"PK\x03\x04" + bytes(range(200)) + b"xl/workbook.xml" + bytes(range(200))
ODS = b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet" + bytes(range(200))

GFT_WRONG = [
    ("a table is empty", put(GFT, ""), "file_empty", f"{GFT}: is empty"),
    ("a table is UTF-16", utf16(GFT), "file_encoding", f"{GFT}: is UTF-16 text"),
    ("a table has no header", line(GFT, 1, "1" + ",0" * 13), "label_header", f"{GFT}: line 1: beg"),
    ("a line is short", line(GFT, 3, "2,0"), "label_line", f"{GFT}: line 3: 2 cells; expected 14"),
    ("a frame is a word", line(GFT, 3, "b" + ",0" * 13), "label_line", f"{GFT}: line 3: 'b'"),
    ("a table is gone", gone(GFT), "subject_without_labels", "001A: pictures are there"),
    ("a picture is gone", gone("001A/2.jpg"), "picture_missing", f"{GFT}: 1 of 4 labelled frames"),
    ("pictures are gone", gone("001A"), "no_pictures_of_recording", f"{GFT}: neither a folder"),
    ("a picture has no number", put("001A/x.jpg", "x"), "picture_name", "001A: 1 picture not used"),
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
        "anna/1.pts: has no { and no } around its points",
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
]
MANIFEST_REFUSED = [
    ("it is UTF-16", utf16(M), "file_encoding", f"{M}: is UTF-16 text"),
    ("it is empty", put(M, ""), "file_empty", f"{M}: is empty"),
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
        "landmarks above the folder",
        line(M, 3, "anna/1.png,anna,../1.txt,0,1"),
        "manifest_line",
        f"{M}: line 3: landmarks: '../1.txt'; expected a path below the folder",
    ),
    (
        "a link out of the folder",
        elsewhere("anna/1.png"),
        "manifest_line",
        f"{M}: line 3: file: anna/1.png is a link that leads out of the folder",
    ),
    (
        "a link of landmarks out of the folder",
        elsewhere("anna/1.txt"),
        "manifest_line",
        f"{M}: line 3: landmarks: anna/1.txt is a link that leads out of the folder",
    ),
    (
        "a folder that is a link out of the source",
        elsewhere("anna"),
        "manifest_line",
        f"{M}: line 2: file: anna/0.png is a link that leads out of the folder",
    ),
    (
        "a line stands twice",
        add(M, "anna/1.png,anna,anna/1.txt,0,1\n"),
        "manifest_line",
        f"{M}: line 6: anna/1.png of this subject stands in line 3 already; expected one line per",
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
    (
        "a video is gone",
        gone("a.mp4"),
        "video_missing",
        f"{M}: line 2: a.mp4: no such file; the video is left out",
    ),
    (
        "landmarks are gone, and the video is none",
        gone("a_land.csv"),
        "unreadable",
        "a.mp4: cannot be read as a video",
    ),
    ("landmarks are empty", put("a_land.csv", ""), "landmark_file", "a_land.csv: is empty"),
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
    ("a short line", line(M, 2, "a.mp4"), "manifest", f"{M}: line 2: 1 cell under 3 columns"),
    ("a slip", line(M, 1, "video,patientid,grade_hb"), "manifest", "did you mean 'patient_id'"),
    ("a column is gone", line(M, 1, "video,patient_id,x"), "manifest", "'grade_hb' is missing"),
    (
        "an open quote",
        line(M, 3, '"b.mp4,bert,4'),
        "manifest",
        f"{M}: line 3: the quote that opens",
    ),
    ("two grades", add(M, "a.mp4,anna,5\n"), "manifest", f"{M}: line 4: grade_hb: without a rater"),
    ("UTF-16", utf16(M), "manifest", f"{M}: is UTF-16 text"),
    (
        "it is a workbook of Excel",
        put(M, XLSX),
        "manifest",
        f'{M}: is a workbook of Excel (.xlsx), whatever its name ends in; export it as "CSV UTF-8"',
    ),
    (
        "it is a workbook of LibreOffice",
        put(M, ODS),
        "manifest",
        f"{M}: is a workbook of LibreOffice (.ods)",
    ),
    (
        "a workbook in its place",
        both(gone(M), put("manifest.xlsx", XLSX)),
        "manifest",
        f'{M}: no such file; manifest.xlsx is a workbook, which is not read; export it as "CSV',
    ),
    (
        "it is gone",
        gone(M),
        "manifest",
        f"{M}: no such file; expected a table with the columns video, patient_id, grade_hb",
    ),
    (
        "a line stands twice",
        add(M, "a.mp4,anna,1\n"),
        "manifest",
        f"{M}: line 4: stands in line 2 already: the same video, rater, exercise and times",
    ),
    (
        "a line stands twice, once without its grade",
        add(M, "a.mp4,anna,\n"),
        "manifest",
        f"{M}: line 4: stands in line 2 already",
    ),
    (
        "a video above the folder",
        line(M, 2, "../a.mp4,anna,1"),
        "manifest",
        f"{M}: line 2: video: '../a.mp4'; expected a path below the folder: copy or move the file "
        "there, or put the manifest into a folder that is above it",
    ),
    (
        "a video of an absolute path",
        line(M, 2, "/nas/a.mp4,anna,1"),
        "manifest",
        f"{M}: line 2: video: '/nas/a.mp4'; expected a path below",
    ),
    (
        "a video of a Windows path",
        line(M, 2, "D:\\nas\\a.mp4,anna,1"),
        "manifest",
        f"{M}: line 2: video: 'D:/nas/a.mp4'; expected a path below",
    ),
    (
        "a workbook of another name in its place",
        both(gone(M), put("patients.ods", ODS)),
        "manifest",
        f"{M}: no such file; patients.ods is a workbook, which is not read",
    ),
    (
        "a video that is the folder itself",
        line(M, 2, ".,anna,1"),
        "manifest",
        f"{M}: line 2: video: '.'; expected a path below the folder",
    ),
    (
        "it holds a zero byte",
        line(M, 2, "a\0.mp4,anna,1"),
        "manifest",
        f"{M}: is not UTF-8 text (in line 2)",
    ),
    (
        "a link out of the folder",
        elsewhere("a.mp4"),
        "manifest",
        f"{M}: line 2: video: a.mp4 is a link that leads out of the folder: copy or move",
    ),
    (
        "a link of landmarks out of the folder",
        elsewhere("a_land.csv"),
        "manifest",
        f"{M}: line 2: video: a_land.csv is a link that leads out of the folder",
    ),
]
CASES = [
    *cases("gft", GFT_WRONG, "warning"),
    *cases("gft", GFT_REFUSED, "refused"),
    *cases("manifest", MANIFEST, "warning"),
    *cases("manifest", MANIFEST_REFUSED, "refused"),
    *cases("clinic", CLINIC, "warning"),
    *cases("clinic", CLINIC_REFUSED, "refused"),
]
