import av
import numpy as np
import pytest

from algr.data import VideoFrame, find_landmarks, landmark_file, no_landmarks, prepare_clinic
from algr.data.detection import detect_video
from algr.data.landmark_source import DetectorReader, LandmarkSource
from algr.data.usable import NO_POINTS, NO_ROW
from algr.errors import DataError
from tests.data import landmark_files as files
from tests.data.drawn_faces import Face, MarkNetworks, picture


def put(folder, *names):
    made = {
        "a_land.csv": "frame,x0,y0\n",
        "a.csv": files.openface2(files.some_points(1, 68)),
        "a.npy": "",
        "a.npz": "",
    }
    for name in names:
        path = folder / name
        if name.endswith("_pts"):
            path.mkdir()
        else:
            path.write_text(made[name], encoding="utf-8")
    return find_landmarks(folder / "a.mp4", models=None)


@pytest.mark.parametrize(
    ("names", "chosen", "passed_over"),
    [
        (["a_pts", "a.npz", "a.npy", "a.csv", "a_land.csv"], "a_land.csv", 4),
        (["a_pts", "a.npz", "a.npy", "a.csv"], "a.csv", 3),
        (["a_pts", "a.npz", "a.npy"], "a.npy", 2),
        (["a_pts", "a.npz"], "a.npz", 1),
        (["a_pts"], "a_pts", 0),
    ],
)
def test_files_beside_a_video_are_taken_in_order(tmp_path, names, chosen, passed_over):
    source = put(tmp_path, *names)

    assert source.name == chosen
    assert len(source.passed_over) == passed_over


def test_another_table_of_that_name_is_no_landmark_file(tmp_path):
    (tmp_path / "a.csv").write_text("time,grade\n1,2\n")

    assert put(tmp_path) is None


def test_a_file_comes_before_the_detector(tmp_path):
    assert find_landmarks(tmp_path / "a.mp4", models=tmp_path).name == "detector"
    put(tmp_path, "a.npy")
    assert find_landmarks(tmp_path / "a.mp4", models=tmp_path).name == "a.npy"


def test_without_any_the_ways_out_are_told(tmp_path):
    message = no_landmarks(tmp_path / "a.mp4", or_aligned=True).message

    assert "a.mp4: no landmarks beside it, and no landmark detector" in message
    assert "a_land.csv" in message
    assert "pip install 'algr[landmarks]' and see algr landmarks status" in message
    assert "aligned face images of 200 x 200" in message


def test_the_digest_of_a_folder_covers_names_and_contents(tmp_path):
    folder = tmp_path / "a_pts"
    folder.mkdir()
    (folder / "1.pts").write_text("one")
    source = landmark_file(folder)
    before = source.digest()

    (folder / "1.pts").rename(folder / "2.pts")
    renamed = source.digest()
    (folder / "2.pts").write_text("two")

    assert len({before, renamed, source.digest()}) == 3


def test_the_digest_of_the_detector_does_not_depend_on_where_it_lies(tmp_path):
    here, there = (LandmarkSource(path=None, models=tmp_path / name) for name in "ab")

    assert here.digest() == there.digest()


def frame_of(image, index=0):
    return VideoFrame(index=index, time_s=index / 6, image_HWC=image)


def test_a_file_says_why_a_frame_is_not_used(kit, tmp_path):
    path = kit.write_landmarks(tmp_path / "a_land.csv", [kit.face_points(), np.full((49, 2), 5.0)])
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:2], "1" + "," * 98]) + "\n")
    reader = landmark_file(path).open()
    image = kit.noise(1)[0]

    found = [reader.of(frame_of(image, index)) for index in range(3)]

    assert [one.problem for one in found] == ["", NO_POINTS, NO_ROW]
    assert found[0].points_L2.shape == (49, 2)


def test_the_detector_says_why_a_frame_is_not_used():
    reader = DetectorReader(MarkNetworks())
    pictures = [picture(Face(300, 200)), np.zeros((480, 640, 3), np.uint8)]

    found = [reader.of(frame_of(image, index)) for index, image in enumerate(pictures)]

    assert [one.problem for one in found] == ["", "no face found"]
    np.testing.assert_allclose(found[0].points_L2, Face(300, 200).points(), atol=3)


def test_a_whole_video_gives_a_row_per_frame(kit, tmp_path):
    face = Face(100, 80)
    seen, empty = picture(face, width=240, height=200), np.zeros((200, 240, 3), np.uint8)
    path = kit.write_video(tmp_path / "a.mp4", [seen, empty, seen])
    told = []

    found = detect_video(path, networks=MarkNetworks(), progress=lambda *at: told.append(at))

    assert found.track.frames.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.track.points_FL2[2], face.points(), atol=3)
    assert np.isnan(found.track.points_FL2[1]).all()
    assert found.rejected == {"no face found": 1}
    assert told[-1] == (3, 3)


def test_a_clinic_is_prepared_with_the_files_of_another_program(openface_clinic, home):
    summary = prepare_clinic(source=openface_clinic.folder, home=home, name="made")

    assert summary.left_out == ()
    assert summary.landmarks == {"files": 5}
    assert summary.warnings == (
        "bert_take.mp4: landmarks of bert_take_land.csv are used, not those of bert_take.csv",
    )
    assert "landmarks: files 5" in summary.lines()


def test_landmarks_that_change_change_the_preparation(openface_clinic, home):
    prepare_clinic(source=openface_clinic.folder, home=home, name="made")
    (openface_clinic.folder / "anna_take.csv").write_text("frame,x0,y0\n")

    with pytest.raises(DataError, match="'made' was prepared from other files"):
        prepare_clinic(source=openface_clinic.folder, home=home, name="made")


def test_an_interlaced_video_is_prepared_with_a_word_about_it(clinic, home):
    video = clinic.folder / "cleo_take.mp4"
    with av.open(str(video), "w") as container:
        flags = {"flags": "+ildct+ilme", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=12, options=flags)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for image in np.random.default_rng(0).integers(0, 256, (8, 96, 96, 3), np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())

    summary = prepare_clinic(source=clinic.folder, home=home, name="made")

    assert summary.warnings == ("cleo_take.mp4: interlaced; one field of each frame is used",)
    assert summary.left_out == ()
