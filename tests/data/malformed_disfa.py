"""What can be wrong with a copy of DISFA."""

import numpy as np

from tests.data import raw_layouts as raw
from tests.data.damages import add, again, both, cases, cut, gone, line, loop, pts, put, utf16

AU4 = "ActionUnit_Labels/SN001/SN001_au4.txt"
LABELS = "ActionUnit_Labels/SN001"
LM = "Landmark_Points/SN001/tmp_frame_lm"

DISFA = [
    (
        "labels are gone",
        gone(AU4),
        "label_file_missing",
        "ActionUnit_Labels/SN001: no SN001_au4.txt",
    ),
    ("labels are empty", put(AU4, ""), "file_empty", f"{AU4}: is empty"),
    ("labels are UTF-16", utf16(AU4), "file_encoding", f"{AU4}: is UTF-16 text"),
    (
        "labels are binary",
        put(AU4, b"1,0\n2,\xff\n"),
        "file_encoding",
        f"{AU4}: is not UTF-8 text (in line 2)",
    ),
    ("labels link to themselves", loop(AU4), "no_file", f"{AU4}: is a link to itself"),
    ("the last line has one cell", line(AU4, 4, "4"), "label_line", f"{AU4}: line 4: 1 cell; expe"),
    ("a line has one cell", line(AU4, 2, "2"), "label_line", f"{AU4}: line 2: 1 cell; expected 2"),
    ("a frame is a word", line(AU4, 2, "two,0"), "label_line", f"{AU4}: line 2: 'two'"),
    ("a frame is negative", line(AU4, 2, "-2,0"), "label_line", f"{AU4}: line 2: '-2'"),
    ("lines are gone", cut(AU4, 8), "label_rows", "SN001: AU4: 2 of 4 frames have no line"),
    ("no line can be read", put(AU4, "x\ny\n"), "no_frames", f"{AU4}: holds no frame"),
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
        "img/SN001: 1 picture not used, as a name that is no frame number",
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
        "a line stands twice",
        lambda root: raw.change_line(root / AU4, 3, (root / AU4).read_text().splitlines()[1]),
        "frame_twice",
        f"{AU4}: line 3: frame 2 stands in line 2",
    ),
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
        "ActionUnit_Labels/SN001: the labels begin with frame 0 in SN001_au4.txt and with a later "
        "one in 7 other files. Where they count from 0, add 1 to the frame numbers of SN001_au4.",
    ),
    (
        "labels begin with a frame 0 too many",
        both(*(add(f"{LABELS}/SN001_au{unit}.txt", "0,0\n") for unit in raw.DISFA_UNITS)),
        "label_origin",
        f"{LABELS}: the labels begin with frame 0 and end with 4, and 4 pictures are there. Where",
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
DISFA_NOTED = [
    (
        "labels count from 0",
        raw.count_labels_from_0("SN001"),
        "labels_from_0",
        "the labels of 1 subject count from 0 (SN001 0 to 3): 1 is added to their frame numbers",
    ),
]
CASES = [
    *cases("disfa", DISFA, "warning"),
    *cases("disfa", DISFA_REFUSED, "refused"),
    *cases("disfa", DISFA_NOTED, "note"),
]
