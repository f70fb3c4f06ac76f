import av
import numpy as np
import pytest
from PIL import Image

from algr.simulate import contact_sheet
from algr.simulate.disfa import STUDIO
from algr.simulate.disfa_plan import UNITS, plan_takes
from tests.simulate.raw_layouts import FRAMES, contents, decoded, frame_points, levels, small_disfa

LEFT = "Videos_LeftCamera/LeftVideoSN001_comp.avi"
RIGHT = "Video_RightCamera/RightVideoSN001_Comp.avi"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulated") / "disfa"
    small_disfa(out)
    return out


def test_folders_and_files_are_spelled_as_on_a_users_disk(source):
    names = contents(source).keys()

    assert LEFT in names
    assert RIGHT in names
    assert {name for name in names if name.startswith("ActionUnit_Labels/SN001/")} == {
        f"ActionUnit_Labels/SN001/SN001_au{unit}.txt"
        for unit in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    }
    assert {name.split("/")[0] for name in names} == {
        "ActionUnit_Labels",
        "Landmark_Points",
        "Video_RightCamera",
        "Videos_LeftCamera",
        "simulated.json",
    }


@pytest.mark.parametrize("name", [LEFT, RIGHT])
def test_videos_are_avi_of_20_frames_per_second(source, name):
    with av.open(str(source / name)) as container:
        stream = container.streams.video[0]

        assert container.format.name == "avi"
        assert stream.average_rate == 20
        assert (stream.width, stream.height) == (256, 192)
    assert len(decoded(source / name)) == FRAMES


def test_at_full_scale_pictures_have_the_size_of_the_real_ones():
    assert STUDIO.scaled(1.0).size == (1024, 768)


def test_the_cameras_see_the_face_from_two_sides(source):
    left, right = decoded(source / LEFT)[0], decoded(source / RIGHT)[0]

    assert np.abs(left.astype(float) - right).mean() > 2.0


@pytest.mark.parametrize("unit", UNITS)
def test_labels_are_frame_and_intensity_from_1(source, unit):
    found = levels(source, "SN006", unit)

    assert [frame for frame, _ in found] == list(range(1, FRAMES + 1))
    assert {level for _, level in found} <= {0, 1, 2, 3, 4, 5}


def test_landmark_files_are_66_points_in_two_spellings(source):
    from_0, from_1 = frame_points(source, "SN001"), frame_points(source, "SN003")

    assert list(from_0) == [f"SN001_{frame:04d}_lm.mat" for frame in range(FRAMES)]
    assert list(from_1) == [f"l0{frame:04d}_lm.mat" for frame in range(1, FRAMES + 1)]
    assert {points.shape for points in (*from_0.values(), *from_1.values())} == {(66, 2)}


def test_landmark_files_begin_as_matlab_writes_them(source):
    path = source / "Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat"

    assert path.read_bytes()[:20] == b"MATLAB 5.0 MAT-file,"
    assert path.read_bytes()[124:128] == b"\x00\x01IM"


def test_the_jaw_comes_first_and_runs_below_the_mouth(source):
    points = frame_points(source, "SN001")["SN001_0000_lm.mat"]
    jaw, face = points[:17], points[17:]

    assert (np.diff(jaw[:, 0]) > 0).all()
    assert jaw[:, 1].argmax() in (7, 8, 9)
    assert (np.diff(jaw[:8, 1]) > 0).all()
    assert (np.diff(jaw[9:, 1]) < 0).all()
    assert face[31:43, 1].max() < jaw[8, 1]
    assert jaw[0, 0] < face[:, 0].min()
    assert face[:, 0].max() < jaw[16, 0]


def test_the_edge_of_the_face_is_where_the_jaw_points_are(source):
    points = frame_points(source, "SN001")["SN001_0000_lm.mat"] - 1
    image = decoded(source / LEFT)[0].astype(float)
    inside = np.round(0.85 * points[[4, 12]] + 0.15 * points[30]).astype(int)
    outside = np.round(1.2 * points[[4, 12]] - 0.2 * points[30]).astype(int)
    step = image[inside[:, 1], inside[:, 0]] - image[outside[:, 1], outside[:, 0]]

    assert np.abs(step).max(axis=1).min() > 12


def test_a_simulation_that_was_broken_off_is_finished_with_the_same_bytes(source, tmp_path):
    out = tmp_path / "broken"
    small_disfa(out)
    (out / LEFT).rename(out / f"{LEFT}.part")

    summary = small_disfa(out)

    assert (summary.written, summary.videos, summary.frames) == (1, 3, 3 * FRAMES)
    assert contents(out) == contents(source)


def test_a_subject_is_the_same_however_many_there_are():
    few = plan_takes(subjects=2, seed=5, traps=(), frames=20)
    many = plan_takes(subjects=5, seed=5, traps=(), frames=20)

    assert [take.seed for take in few] == [take.seed for take in many[:2]]
    np.testing.assert_array_equal(few[1].intensity[12], many[1].intensity[12])


def test_a_contact_sheet_has_a_row_per_subject(source, tmp_path):
    contact_sheet(source, tmp_path / "sheet.png", landmarks=True, width_px=64)

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (84 + 9 * 64, 18 + 3 * 48)
