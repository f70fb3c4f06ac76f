import numpy as np
import pytest

from algr.data import landmark_path, read_landmark_csv
from algr.data.landmark_formats import read_landmarks
from algr.data.landmarks import HEADER
from algr.errors import DataError

ROW = ",".join(["1.5"] * 98)


def test_points_are_read_as_x_and_y(kit, tmp_path):
    track = kit.face_points()
    read = read_landmark_csv(kit.write_landmarks(tmp_path / "a_land.csv", [track, track + 1]))

    assert read.frames.tolist() == [0, 1]
    np.testing.assert_allclose(read.points_FL2[1], track + 1, atol=0.0051)
    np.testing.assert_array_equal(read.at(0), read.points_FL2[0])
    assert read.at(2) is None


def test_rows_may_stand_in_any_order_and_cells_may_be_empty(tmp_path):
    path = tmp_path / "a_land.csv"
    path.write_text(",".join(HEADER) + f"\n7,{ROW}\n\n3,,{ROW[4:]}\n", encoding="utf-8")

    read = read_landmark_csv(path)

    assert read.frames.tolist() == [3, 7]
    assert np.isnan(read.points_FL2[0, 0, 0])
    assert np.isnan(read.points_FL2).sum() == 1


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_header(tmp_path):
    path = tmp_path / "a_land.csv"
    path.write_text(",".join(HEADER) + f"\n0,{ROW}\n", encoding="utf-8-sig")

    assert read_landmark_csv(path).frames.tolist() == [0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("frame,x0\n", "a_land.csv: line 1: 2 columns"),
        ("", "a_land.csv: line 1: 0 columns"),
        (",".join(HEADER).replace("x7", "x_7"), "column 16 is 'x_7' instead of 'x7'"),
        (",".join(HEADER) + "\n0,1,2\n", "line 2: 3 values instead of 99"),
        (",".join(HEADER) + f"\n0,{ROW}\n1.5,{ROW}\n", "line 3: frame '1.5' is not a whole number"),
        (",".join(HEADER) + f"\n-1,{ROW}\n", "line 2: frame '-1' is not a whole number"),
        (",".join(HEADER) + f"\n0,abc,{ROW[4:]}\n", "line 2: x0: 'abc' is not a number"),
        (",".join(HEADER) + f"\n0,inf,{ROW[4:]}\n", "line 2: x0: 'inf' is not a place"),
        (",".join(HEADER) + f"\n0,1e160,{ROW[4:]}\n", "line 2: x0: '1e160' is not a place"),
        (",".join(HEADER) + f"\n{9**400},{ROW}\n", "is not a whole number"),
        (",".join(HEADER) + f"\n4,{ROW}\n4,{ROW}\n", "line 3: frame 4 stands in line 2 already"),
        (",".join(HEADER) + "\n0,1\n1,2\n", "a_land.csv: 2 wrong lines"),
        (",".join(HEADER) + "\n0,1" * 14, "… and 4 more"),
    ],
)
def test_wrong_lines_are_named_with_the_file(tmp_path, body, message):
    path = tmp_path / "a_land.csv"
    path.write_text(body, encoding="utf-8")

    with pytest.raises(DataError) as caught:
        read_landmark_csv(path)

    assert message in caught.value.message


@pytest.mark.parametrize("content", [b"frame,\xff\xfe\x00", None])
def test_a_file_that_is_no_text_or_not_there_is_an_error(tmp_path, content):
    path = tmp_path / "a_land.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DataError, match="a_land.csv"):
        read_landmark_csv(path)


def test_the_file_lies_beside_its_video(tmp_path):
    assert landmark_path(tmp_path / "x" / "v.1.MP4") == tmp_path / "x" / "v.1_land.csv"


@pytest.mark.parametrize(
    ("encoding", "mark", "named"),
    [
        ("utf-16", "", 'is UTF-16 text; expected UTF-8: save it as "CSV UTF-8", or convert it'),
        ("utf-16-le", "", "iconv -f UTF-16LE -t UTF-8"),
        ("utf-16-be", "", "iconv -f UTF-16BE -t UTF-8"),
        ("utf-32", "", "is UTF-32 text; expected UTF-8"),
        ("utf-32-be", "\ufeff", "iconv -f UTF-32 -t UTF-8"),
        ("utf-32-le", "", "iconv -f UTF-32LE -t UTF-8"),
    ],
)
@pytest.mark.parametrize("reader", [read_landmark_csv, read_landmarks])
def test_landmarks_in_two_or_four_bytes_a_letter_are_told_with_the_way_out(
    encoding, mark, named, reader, tmp_path
):
    path = tmp_path / "a_land.csv"
    path.write_bytes((mark + ",".join(HEADER) + f"\n4,{ROW}\n").encode(encoding))

    with pytest.raises(DataError) as caught:
        reader(path)

    assert caught.value.message.startswith("a_land.csv: is UTF-")
    assert named in caught.value.message


def test_wrong_lines_are_told_apart_in_one_line_too(tmp_path):
    path = tmp_path / "a_land.csv"
    path.write_text(",".join(HEADER) + f"\n4,{ROW}\n4,{ROW}\n4,{ROW}\n")

    with pytest.raises(DataError) as caught:
        read_landmark_csv(path)

    assert caught.value.in_one_line == (
        "a_land.csv: 2 wrong lines: line 3: frame 4 stands in line 2 already; line 4: frame 4 "
        "stands in line 2 already; expected a frame number and 98 coordinates in pixels per line"
    )
