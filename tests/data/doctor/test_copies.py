"""One recording under two patients, as a copy that is not equal byte by byte."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from algr.data import ReadOptions, prepare_clinic, prepare_source
from algr.data.doctor import examine_source
from algr.data.doctor.copies import alike_footage, longest_chain
from algr.data.sketch import SIDE, Sketcher, Sketches, face_box, frames_apart
from algr.errors import DataError
from algr.simulate import simulate_bp4d, simulate_disfa, simulate_fpara
from tests.data.copied_videos import Copy, copy_take, give_to
from tests.data.doctor.agreement import doctors_story, preparations_story

PLAIN = ReadOptions()
COPIES = {
    "remuxed": Copy(is_remuxed=True),
    "at a low bit rate": Copy(crf=36),
    "smaller": Copy(scale=0.6),
    "cut in time": Copy(first=9),
    "with landmarks a pixel beside": Copy(jitter_px=1.0),
    "with landmarks two pixels beside": Copy(jitter_px=2.0),
    "with all of it": Copy(crf=32, scale=0.8, first=5, jitter_px=2.0),
}


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filmed") / "clinic"
    simulate_fpara(folder, subjects=4, seed=3, seconds_per_exercise=0.4, video_fps=12.0)
    return folder


@pytest.fixture
def source(filmed, tmp_path):
    return shutil.copytree(filmed, tmp_path / "clinic")


def first_video(source):
    return sorted(path.name for path in source.glob("*.mp4"))[0]


def found_twice(source):
    found = examine_source(source, sample=2000)
    return [item for item in found.findings if item.code == "subject_twice"]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_under_another_name_is_refused_by_doctor_and_preparation(copy, source, home):
    copy_take(source, first_video(source), "other.mp4", copy)
    give_to(source, "other.mp4", "somebody-else")

    doctor = doctors_story(source, PLAIN)

    assert doctor == preparations_story(source, "clinic", PLAIN, home)
    (reason,) = doctor.reasons
    assert "two patients have the same pictures" in reason
    assert first_video(source) in reason
    assert "other.mp4" in reason
    assert "give both one patient_id in manifest.csv" in reason
    assert not home.dataset("told").exists()


def test_a_few_frames_under_another_name_are_a_warning_of_both(source, home):
    copy_take(source, first_video(source), "other.mp4", Copy(first=-3))
    give_to(source, "other.mp4", "somebody-else")
    common = {"source": source, "home": home}

    (doctor,) = found_twice(source)
    summary = prepare_clinic(name="told", **common)

    assert doctor.severity == "warning"
    assert "if they are one, give both one patient_id" in doctor.message
    assert doctor.text() in summary.warnings
    assert [item["code"] for item in summary.to_dict()["findings"]] == ["subject_twice"]
    with pytest.raises(DataError, match="--strict") as caught:
        prepare_clinic(name="strict", strict=True, **common)
    assert caught.value.problems[0] == doctor.text()


def test_a_copy_of_which_few_frames_are_sampled_is_refused_too(source, home):
    copy_take(source, first_video(source), "other.mp4", Copy(crf=30, scale=0.8))
    give_to(source, "other.mp4", "somebody-else")

    with pytest.raises(DataError, match="two patients have the same pictures"):
        prepare_clinic(source=source, home=home, name="told", fps=1.5)


def test_a_copy_in_a_resumed_preparation_is_refused_too(source, home):
    copy_take(source, first_video(source), "other.mp4", Copy(crf=30))
    give_to(source, "other.mp4", "somebody-else")

    def stop(step):
        if step.stage == "decoding" and step.videos_done >= step.videos_total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_clinic(source=source, home=home, name="told", progress=stop)
    with pytest.raises(DataError, match="two patients have the same pictures"):
        prepare_clinic(source=source, home=home, name="told")


def test_a_copy_under_the_same_patient_is_kept(source, home):
    copy_take(source, first_video(source), "other.mp4", Copy(crf=30))
    patient = next(
        line.split(",")[1]
        for line in (source / "manifest.csv").read_text().splitlines()
        if line.startswith(first_video(source))
    )
    give_to(source, "other.mp4", patient)

    summary = prepare_clinic(source=source, home=home, name="told")

    assert not summary.warnings
    assert not found_twice(source)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize(
    ("simulate", "size", "layout"),
    [
        (simulate_bp4d, {"subjects": 6, "tasks": 2, "frames": 24, "scale": 0.5}, "bp4d"),
        (simulate_disfa, {"subjects": 6, "frames": 60, "scale": 0.5}, "disfa"),
        (simulate_fpara, {"subjects": 6}, "clinic"),
    ],
)
def test_different_people_are_never_taken_for_one(simulate, size, layout, seed, tmp_path, home):
    simulate(tmp_path / "source", seed=seed, **size)
    common = {"source": tmp_path / "source", "home": home, "name": "told"}

    summary = (
        prepare_clinic(**common) if layout == "clinic" else prepare_source(layout=layout, **common)
    )

    assert not [text for text in summary.warnings if "the same pictures" in text]
    assert not found_twice(tmp_path / "source")


def pictures(count, *, seed):
    """Sketches of unlike pictures with a face in the middle."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 16, 16), dtype=np.uint8)
    box = np.array([0.3, 0.3, 0.7, 0.7], np.float32)
    return Sketches(
        whole_NSS=coarse.repeat(4, axis=1).repeat(4, axis=2), face_N4=np.tile(box, (count, 1))
    )


def joined(*parts):
    return Sketches(
        whole_NSS=np.concatenate([part.whole_NSS for part in parts]),
        face_N4=np.concatenate([part.face_N4 for part in parts]),
    )


def people(*names, group=""):
    return [SimpleNamespace(subject=name, group=group, name=name) for name in names]


@pytest.mark.parametrize(("common", "is_sure"), [(2, False), (11, False), (12, True)])
def test_few_pictures_in_common_are_in_doubt_and_a_dozen_are_sure(common, is_sure):
    shared = pictures(common, seed=1)
    one = joined(pictures(20, seed=2), shared)
    other = joined(shared, pictures(30, seed=3))

    (found,) = alike_footage({0: one, 1: other}, people("anna", "bert"))

    assert (found.pictures, found.is_sure) == (common, is_sure)


@pytest.mark.parametrize(
    ("common", "more", "is_sure"), [(3, 0, False), (4, 0, True), (4, 2, False)]
)
def test_most_of_a_short_recording_is_sure(common, more, is_sure):
    shared = pictures(common, seed=1)
    one = joined(pictures(20, seed=2), shared)
    other = joined(shared, pictures(more, seed=3))

    (found,) = alike_footage({0: one, 1: other}, people("anna", "bert"))

    assert (found.pictures, found.is_sure) == (common, is_sure)


@pytest.mark.parametrize("scale", [0.8, 0.6, 0.4])
def test_a_picture_of_another_size_has_the_same_sketch(scale):
    rng = np.random.default_rng(0)
    fine = Image.fromarray(rng.integers(0, 256, (348, 260), dtype=np.uint8))
    picture = fine.resize((1040, 1392), Image.Resampling.BICUBIC).convert("RGB")
    smaller = picture.resize(tuple(round(side * scale) for side in picture.size))

    one, other = (sketches_of(image).whole_NSS[0].ravel() for image in (picture, smaller))

    assert np.corrcoef(one, other)[0, 1] > 0.98


def sketches_of(image):
    sketcher = Sketcher(1)
    sketcher.add(np.asarray(image), np.full((49, 2), np.nan))
    return sketcher.sketches()


def test_one_picture_in_common_is_not_told():
    shared = pictures(1, seed=1)

    assert not alike_footage({0: shared, 1: shared}, people("anna", "bert"))


def test_pictures_in_another_order_do_not_add_up():
    one = pictures(20, seed=1)
    other = Sketches(whole_NSS=one.whole_NSS[::-1], face_N4=one.face_N4)

    assert not alike_footage({0: one, 1: other}, people("anna", "bert"))


def test_pictures_of_one_room_with_different_faces_are_not_one():
    one = pictures(20, seed=1)
    whole = one.whole_NSS.copy()
    whole[:, 28:32, 28:32] += 128
    face = np.tile(np.array([0.42, 0.42, 0.52, 0.52], np.float32), (20, 1))

    found = [
        alike_footage(
            {
                0: Sketches(whole_NSS=one.whole_NSS, face_N4=boxes),
                1: Sketches(whole_NSS=whole, face_N4=boxes),
            },
            people("anna", "bert"),
        )
        for boxes in (face, np.full((20, 4), np.nan, np.float32))
    ]

    assert found[0] == []
    assert (found[1][0].pictures, found[1][0].is_sure) == (20, False)


def test_recordings_of_two_people_add_up():
    parts = [pictures(6, seed=seed) for seed in (1, 2)]

    found = alike_footage(dict(enumerate([*parts, *parts])), people("anna", "anna", "bert", "bert"))

    assert [(item.first, item.second, item.is_sure) for item in found] == [
        (0, 2, True),
        (1, 3, True),
    ]


def test_the_longest_chain_goes_forward_in_both():
    same = np.zeros((5, 5), bool)
    same[[0, 1, 2, 3, 3], [1, 0, 2, 4, 2]] = True

    assert longest_chain(same) == 3
    assert longest_chain(np.ones((4, 7), bool)) == 4
    assert longest_chain(np.ones((4, 1), bool)) == longest_chain(np.ones((1, 4), bool)) == 1
    assert longest_chain(np.zeros((3, 3), bool)) == 0


def test_sketches_are_made_of_some_frames_and_come_back_from_a_file(tmp_path):
    image = np.zeros((128, 256, 3), np.uint8)
    image[:, 128:] = 200
    sketcher = Sketcher(160)
    for _ in range(160):
        sketcher.add(image, np.array([[63.5, 31.5], [127.5, 63.5]]))

    sketcher.sketches().save(tmp_path / "a.npz")
    read = Sketches.load(tmp_path / "a.npz")

    assert len(read) == 54
    assert read.whole_NSS[0, :, [0, SIDE - 1]].tolist() == [[0] * SIDE, [200] * SIDE]
    np.testing.assert_allclose(read.face_N4[-1], [0.25, 0.25, 0.5, 0.5])


def test_short_recordings_are_sketched_whole_and_long_ones_every_eighth_frame():
    assert [frames_apart(frames) for frames in (0, 10, 95, 96, 5000)] == [1, 1, 1, 2, 8]


def test_a_face_without_points_has_no_box():
    assert np.isnan(face_box(None, size=(10, 10))).all()
    assert np.isnan(face_box(np.full((49, 2), np.nan), size=(10, 10))).all()
