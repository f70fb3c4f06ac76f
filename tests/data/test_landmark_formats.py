import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from algr.data import read_landmark_csv
from algr.data.landmark_formats import holds_landmarks, read_landmarks
from algr.data.landmark_formats.points import POINT_SETS, to_landmarks
from algr.data.landmarks import LandmarkTrack, write_landmark_csv
from algr.errors import DataError, UsageError
from tests.data import landmark_files as files


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        read_landmarks(path, **options)
    return caught.value.message


def test_49_points_are_those_of_68_without_jaw_and_inner_mouth_corners():
    points = files.some_points(1, 68)

    np.testing.assert_array_equal(points[:, list(POINT_SETS[68])], files.iris_free(points))


def test_66_points_lack_the_inner_mouth_corners_already():
    points = files.some_points(1, 68)
    of_66 = np.delete(points, [60, 64], axis=1)

    np.testing.assert_array_equal(of_66[:, list(POINT_SETS[66])], files.iris_free(points))


def test_98_points_give_corners_and_lids_in_the_order_of_the_49():
    chosen = POINT_SETS[98]

    assert len(set(chosen)) == 49
    assert [chosen[i] for i in (0, 4, 5, 9)] == [33, 37, 42, 46]
    assert [chosen[i] for i in (10, 13, 16)] == [51, 54, 57]
    assert [chosen[i] for i in (19, 22, 25, 28)] == [60, 64, 68, 72]
    assert [chosen[i] for i in (31, 34, 37, 40)] == [76, 79, 82, 85]
    assert [chosen[i] for i in (43, 44, 45, 46, 47, 48)] == [89, 90, 91, 93, 94, 95]


@pytest.mark.parametrize("spaces", [False, True])
def test_openface_2_counts_frames_from_1_and_rows_without_success_are_missing(tmp_path, spaces):
    points = files.some_points(3, 68)
    text = files.openface2(points, success=[1, 0, 1], spaces=spaces)

    track = read_landmarks(write(tmp_path / "a.csv", text))

    assert track.form == "OpenFace 2"
    assert track.frames.tolist() == [0, 1, 2]
    np.testing.assert_allclose(track.points_FL2[[0, 2]], files.iris_free(points)[[0, 2]], rtol=1e-6)
    assert np.isnan(track.points_FL2[1]).all()
    assert track.notes == ("no face in 1 of 3 frames",)


def test_of_several_faces_in_a_frame_the_largest_is_taken_and_counted(tmp_path):
    large = files.some_points(1, 68)[0]
    text = files.openface2([large / 2, large, large / 3], faces=[1, 1, 2])

    track = read_landmarks(write(tmp_path / "a.csv", text))

    np.testing.assert_allclose(track.points_FL2[0], files.iris_free(large[None])[0], rtol=1e-6)
    assert track.notes == ("several faces in 1 frames: the largest is taken",)


def test_py_feat_counts_frames_from_0_and_writes_them_as_fractions(tmp_path):
    points = files.some_points(2, 68)
    points[1] = np.nan

    track = read_landmarks(write(tmp_path / "a.csv", files.pyfeat(points, frames=[0, 5])))

    assert (track.form, track.frames.tolist()) == ("py-feat", [0, 5])
    np.testing.assert_allclose(track.points_FL2[0], files.iris_free(points)[0], rtol=1e-6)
    assert np.isnan(track.points_FL2[1]).all()


@pytest.mark.parametrize("separator", [",", "\t"])
def test_openface_3_holds_98_points_in_one_cell(tmp_path, separator):
    points = files.some_points(2, 98)
    points[1] = np.nan

    track = read_landmarks(write(tmp_path / "a.tsv", files.openface3(points, separator=separator)))

    assert (track.form, track.frames.tolist()) == ("OpenFace 3", [0, 1])
    np.testing.assert_allclose(track.points_FL2[0], points[0, list(POINT_SETS[98])], rtol=1e-6)
    assert np.isnan(track.points_FL2[1]).all()


@pytest.mark.parametrize(("base", "shift"), [(None, 1), (1, 1), (0, 0)])
def test_pts_files_count_pixels_from_1_unless_told_otherwise(tmp_path, base, shift):
    points = files.some_points(1, 68)

    track = read_landmarks(write(tmp_path / "a.pts", files.pts(points[0])), base=base)

    np.testing.assert_allclose(track.points_FL2, files.iris_free(points) - shift, rtol=1e-6)
    assert track.notes == (f"pixels counted from {shift}",)


@pytest.mark.parametrize(
    ("names", "first_frame", "frames"),
    [
        (["v2_0001", "v2_0002", "v2_0010"], None, [0, 1, 9]),
        (["0", "2"], None, [0, 2]),
        (["7", "9"], None, [6, 8]),
        (["7", "9"], 7, [0, 2]),
    ],
)
def test_a_folder_of_pts_files_has_its_frames_in_the_names(tmp_path, names, first_frame, frames):
    points = files.some_points(len(names), 49)
    written = [
        write(tmp_path / f"{name}.pts", files.pts(p)) for name, p in zip(names, points, strict=True)
    ]

    track = read_landmarks(tmp_path, first_frame=first_frame)

    assert len(written) == len(frames)
    assert track.frames.tolist() == frames
    np.testing.assert_allclose(track.points_FL2, points - 1, rtol=1e-6)


@pytest.mark.parametrize("count", [49, 66, 68])
def test_numpy_arrays_have_a_row_per_frame(tmp_path, count):
    points = files.some_points(3, count)
    np.save(tmp_path / "a.npy", points)
    np.savez(tmp_path / "b.npz", landmarks=points, frames=np.array([4, 2, 9]))

    plain, numbered = read_landmarks(tmp_path / "a.npy"), read_landmarks(tmp_path / "b.npz")

    assert (plain.frames.tolist(), numbered.frames.tolist()) == ([0, 1, 2], [2, 4, 9])
    expected = points[:, list(POINT_SETS[count])]
    np.testing.assert_allclose(plain.points_FL2, expected, rtol=1e-6)
    np.testing.assert_allclose(numbered.points_FL2, expected[[1, 0, 2]], rtol=1e-6)


@pytest.mark.parametrize("separator", ["\t", " "])
def test_lists_of_jaanet_have_a_frame_per_line(tmp_path, separator):
    points = files.some_points(2, 49)
    lines = [separator.join(map(str, one.ravel())) for one in points]

    track = read_landmarks(write(tmp_path / "a_land.txt", "\n".join(lines) + "\n\n"))

    assert track.frames.tolist() == [0, 1]
    np.testing.assert_allclose(track.points_FL2, points, rtol=1e-6)


def test_our_own_csv_is_recognised_and_may_be_shifted(kit, tmp_path):
    path = kit.write_landmarks(tmp_path / "a.csv", [kit.face_points(), kit.face_points()], first=1)

    plain, shifted = read_landmarks(path), read_landmarks(path, base=1, first_frame=1)

    assert (plain.frames.tolist(), shifted.frames.tolist()) == ([1, 2], [0, 1])
    np.testing.assert_allclose(shifted.points_FL2, plain.points_FL2 - 1, rtol=1e-6)


@given(
    points=arrays(
        np.float32, (2, 49, 2), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan)
    ),
    first=st.integers(0, 10**6),
)
def test_what_is_written_is_read_back_bit_for_bit(tmp_path_factory, points, first):
    path = tmp_path_factory.mktemp("track") / "a_land.csv"
    track = LandmarkTrack(frames=np.array([first, first + 3]), points_FL2=points)

    write_landmark_csv(path, track)
    read = read_landmark_csv(path)

    np.testing.assert_array_equal(read.frames, track.frames)
    np.testing.assert_array_equal(read.points_FL2, points)


ROW_2 = files.openface2(files.some_points(1, 68)).splitlines()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "patient,grade\n1,2\n", "a.csv: begins with 'patient,grade', which no known"),
        ("a.csv", "", "a.csv: is empty"),
        ("a.csv", "frame, timestamp, confidence, success\n1,0,1,1\n", "no column x_0 (136 are"),
        ("a.csv", f"{ROW_2[0]}\n1,2\n3\n", "line 3: 1 cell, the header has 142"),
        ("a.csv", f"{ROW_2[0]}\n0{ROW_2[1][1:]}\n", "line 2: frame '0' is not a whole number from"),
        ("a.csv", f"{ROW_2[0]}\n{ROW_2[1]}x\n", "line 2: y_67: '"),
        ("a.csv", f"{ROW_2[0]}\n" + "1\n" * 14, "… and 4 more"),
        ("a.csv", files.pyfeat(files.some_points(1, 68)).replace("0.0", "-1", 1), "frame '-1' is"),
        ("a.csv", files.openface3(files.some_points(1, 50)), "landmarks: (50, 2) numbers instead"),
        ("a.csv", files.openface3(files.some_points(1, 98)).replace("]]", "]"), "not a list of pa"),
        ("a.pts", "version: 1\nn_points: 5\n{\n1 2\n}\n", "n_points: 5"),
        ("a.pts", "version: 1\nn_points: 49\n{\n1 2\n1 2 3\n1 b\n}\n", "line 5: 3 numbers instead"),
        ("a.pts", "version: 1\nn_points: 49\n{\n1 2\n}\n", "49, but 1 points follow"),
        ("a.txt", "1 2 3\n4 5\n", "line 1: 3 numbers instead of 98"),
        ("a.txt", "1 " * 98 + "\n" + "1 " * 97 + "z\n", "line 2: 'z' is not a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, name, text, message):
    found = refusal(write(tmp_path / name, text))

    assert message in found
    assert "expected:" in found
    assert "to do:" in found


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 50, 2)), "an array of shape (3, 50, 2)"),
        (np.zeros((3, 2, 49)), "an array of shape (3, 2, 49)"),
        (np.array(["a"]), "an array of type <U1"),
        (np.full((1, 49, 2), np.inf), "row 0: a number is not a place"),
        (np.array([{}]), "cannot be read"),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)

    assert message in refusal(tmp_path / "a.npy")


def test_an_array_file_that_is_cut_off_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 49, 2)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:500])

    assert "a.npy: cannot be read" in refusal(tmp_path / "a.npy")


def test_a_folder_of_pts_files_that_do_not_fit_together_is_refused(tmp_path):
    write(tmp_path / "a1.pts", files.pts(files.some_points(1, 49)[0]))
    write(tmp_path / "b1.pts", files.pts(files.some_points(1, 68)[0]))
    write(tmp_path / "c.pts", "")

    found = refusal(tmp_path)

    assert "c.pts: no frame number in the name" in found
    assert "frame 1: 2 files have this number" in found


def test_an_empty_folder_and_a_missing_file_are_refused(tmp_path):
    assert "holds no .pts file" in refusal(tmp_path)
    assert "gone.csv: cannot be read" in refusal(tmp_path / "gone.csv")


def test_a_first_frame_needs_frame_numbers(tmp_path):
    path = write(tmp_path / "a.pts", files.pts(files.some_points(1, 49)[0]))

    with pytest.raises(UsageError, match=r"--first-frame 3: a\.pts has no frame numbers"):
        read_landmarks(path, first_frame=3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (files.openface2(files.some_points(1, 68)), True),
        (files.openface3(files.some_points(1, 98)), True),
        (files.pyfeat(files.some_points(1, 68)), True),
        ("frame,x0,y0\n", True),
        ("time,grade\n1,2\n", False),
    ],
)
def test_tables_of_landmarks_are_told_from_other_tables(tmp_path, text, expected):
    assert holds_landmarks(write(tmp_path / "a.csv", text)) is expected


def whole_files():
    """One of each format, as bytes."""
    texts = [
        files.openface2(files.some_points(2, 68)),
        files.pyfeat(files.some_points(2, 68)),
        files.openface3(files.some_points(2, 98)),
        files.pts(files.some_points(1, 68)[0]),
        " ".join(["1.5"] * 98),
    ]
    plain, packed = io.BytesIO(), io.BytesIO()
    np.save(plain, files.some_points(2, 49))
    np.savez(packed, landmarks=files.some_points(2, 66))
    return [*(text.encode() for text in texts), plain.getvalue(), packed.getvalue()]


@given(
    content=st.sampled_from(whole_files()),
    at=st.floats(0, 1),
    cut=st.integers(0, 60),
    put=st.binary(max_size=4) | st.sampled_from([b"nan", b"1e400", b'"', b"\n", b"[", b"\x00"]),
)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, content, at, cut, put):
    path = tmp_path_factory.mktemp("damaged") / "a.bin"
    place = round(at * len(content))
    path.write_bytes(content[:place] + put + content[place + cut :])

    outcome = read_or_refuse(path)

    assert outcome.startswith("a.bin") or outcome == "(49, 2)"


def read_or_refuse(path):
    try:
        return str(read_landmarks(path).points_FL2.shape[1:])
    except DataError as error:
        return error.message


def test_a_number_of_points_of_5000_digits_is_refused(tmp_path):
    path = tmp_path / "face.pts"
    path.write_text(f"version: 1\nn_points: {'1' * 5000}\n{{\n1 2\n}}\n", encoding="utf-8")

    with pytest.raises(DataError, match="n_points"):
        read_landmarks(path)


def test_49_points_of_98_are_corners_and_lids_and_lips_in_order():
    """WFLW: eyes 60-67 and 68-75, of which 62, 66, 70, 74 are the middles of the lids."""
    numbered = np.repeat(np.arange(98.0)[None, :, None], 2, axis=2)

    points_L = to_landmarks(numbered)[0, :, 0].astype(int).tolist()

    assert points_L[19:31] == [60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75]
    assert points_L[:19] == [*range(33, 38), *range(42, 47), *range(51, 60)]
    assert points_L[31:] == [*range(76, 88), 89, 90, 91, 93, 94, 95]
