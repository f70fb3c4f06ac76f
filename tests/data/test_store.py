import ctypes
import json
import mmap
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algr.config import DataHome
from algr.data import (
    DatasetWriter,
    PreparedDataset,
    describe_dataset,
    list_datasets,
    open_dataset,
    verify_dataset,
)
from algr.data.description import Description
from algr.errors import DataError, IntegrityError


@pytest.fixture
def people(kit):
    return [
        kit.person(name="a", grade=0, frames=3),
        kit.person(name="b", grade=1, frames=2),
        kit.person(name="c", grade=2, frames=4),
        kit.person(name="d", grade=3, frames=1),
    ]


@pytest.fixture
def dataset(make_dataset, people):
    return make_dataset(people, rows_per_shard=256)


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """A dataset of action units over three shards, and its frames."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (600, 200, 200, 3), dtype=np.uint8)
    landmarks = rng.uniform(0, 200, (600, 49, 2)).astype(np.float32)
    landmarks[7] = np.nan
    labels = rng.integers(-1, 2, (600, 2))
    directory = tmp_path_factory.mktemp("store") / "units"
    with DatasetWriter(
        directory, kind="au", label_names=("AU1", "AU2"), exercises=("T1",), rows_per_shard=256
    ) as writer:
        writer.add_video(
            subject_id="s", images=images, landmarks=landmarks, labels=labels, exercise=0
        )
        return writer.finish(), images, landmarks, labels


def test_gathered_rows_are_the_written_frames_in_the_order_asked_for(units):
    dataset, images, landmarks, labels = units
    rows = np.array([599, 0, 255, 256, 300, 7, 7])

    batch = dataset.gather(rows)

    np.testing.assert_array_equal(batch.images_BHWC, images[rows])
    np.testing.assert_array_equal(batch.landmarks_BL2, landmarks[rows])
    np.testing.assert_array_equal(batch.labels_BA, labels[rows])
    assert batch.grade_B.tolist() == [-1] * 7


@given(rows=st.lists(st.integers(0, 599), max_size=8))
def test_any_rows_can_be_gathered(units, rows):
    dataset, images, _, _ = units

    batch = dataset.gather(np.array(rows, dtype=np.int64))

    np.testing.assert_array_equal(batch.images_BHWC, images[rows])


def test_shards_have_the_asked_for_size(units):
    dataset = units[0]

    assert [shard.rows for shard in dataset.description.shards] == [256, 256, 88]
    assert sorted(path.name for path in dataset.directory.iterdir()) == [
        "dataset.json",
        "frames-00000.arrow",
        "frames-00001.arrow",
        "frames-00002.arrow",
        "videos.parquet",
    ]


def test_images_are_views_of_the_mapped_file_and_cannot_be_written(units):
    rows = next(iter(units[0].batches()))

    assert not rows.image.flags.owndata
    assert not rows.image.flags.writeable


@pytest.mark.parametrize("rows", [[-1], [600], [3, 700]])
def test_rows_outside_of_the_dataset_are_refused(units, rows):
    with pytest.raises(IndexError, match="0 to 599"):
        units[0].gather(np.array(rows))


def test_columns_tell_subject_video_exercise_and_grade(dataset, people):
    frames = dataset.frames
    names = [subject.subject_id for subject in dataset.subjects]

    assert sorted(names) == ["a", "b", "c", "d"]
    assert [frames.subject_names[i] for i in frames.subject_index] == frames.subject_id.tolist()
    grade_of = {person.name: person.grade for person in people}
    assert frames.grade.tolist() == [grade_of[name] for name in frames.subject_id]
    assert frames.grade_hb.tolist() == [grade_of[name] + 1 for name in frames.subject_id]
    assert set(frames.video_id) == {"a-0", "b-1", "c-2", "d-3"}
    assert set(frames.exercise) == {""}
    assert frames.labels.shape == (10, 0)


def test_exercises_have_names(units):
    assert set(units[0].frames.exercise) == {"T1"}


def test_subjects_stand_in_the_order_of_their_digests(dataset):
    digests = [subject.digest for subject in dataset.subjects]

    assert digests == sorted(digests)
    assert all(len(digest) == 24 for digest in digests)
    assert [s.frames for s in dataset.subjects] == np.bincount(
        dataset.frames.subject_index
    ).tolist()


def test_rows_of_subjects_are_ascending_and_complete(dataset):
    chosen = [dataset.subjects[2].digest, dataset.subjects[0].digest]

    rows = dataset.indices_of(chosen)

    assert rows.tolist() == np.flatnonzero(np.isin(dataset.frames.subject_index, [0, 2])).tolist()
    assert rows.dtype == np.int64
    assert dataset.indices_of([]).tolist() == []


def test_an_unknown_subject_is_an_error(dataset):
    with pytest.raises(DataError, match="has no subject ffff"):
        dataset.indices_of(["ffff"])


def test_a_dataset_travels_between_processes_as_its_path(dataset):
    text = pickle.dumps(dataset)
    copy = pickle.loads(text)

    assert len(text) < 1000
    assert copy.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(
        copy.gather(np.array([4])).images_BHWC[0], dataset.gather(np.array([4])).images_BHWC[0]
    )


def test_a_shard_can_be_read_by_any_arrow_program(dataset):
    with pa.ipc.open_file(pa.memory_map(str(dataset.directory / "frames-00000.arrow"))) as reader:
        table = reader.read_all()

    assert table.num_rows == 10
    assert table.schema.field("image").type.shape == [200, 200, 3]


def test_a_home_lists_and_describes_its_datasets(dataset, home):
    (summary,) = list_datasets(home)

    assert summary.to_dict() == {
        "name": "made",
        "kind": "grade",
        "frames": 10,
        "subjects": 4,
        "fingerprint": dataset.fingerprint,
        "simulated": False,
    }
    facts = describe_dataset(home, "made")
    assert facts["subjects_per_grade"] == {"normal": 1, "low": 1, "medium": 1, "high": 1}
    assert facts["frames_per_grade"] == {"normal": 3, "low": 2, "medium": 4, "high": 1}
    assert json.loads(json.dumps(facts)) == facts


def test_an_empty_home_has_no_datasets(home):
    assert list_datasets(home) == []


def test_a_missing_dataset_tells_what_is_there_and_what_to_type(dataset, home):
    with pytest.raises(DataError) as caught:
        open_dataset(home, "fpara")

    assert "no dataset 'fpara'" in caught.value.message
    assert "one of: made" in caught.value.message
    assert "algr data prepare clinic --source DIR --name fpara" in caught.value.message


def test_a_missing_dataset_in_an_empty_home_tells_of_the_simulator(home):
    with pytest.raises(DataError, match="algr data simulate fpara DIR"):
        open_dataset(home, "fpara")


def test_an_intact_dataset_verifies(dataset):
    report = verify_dataset(dataset.directory)

    assert (report.name, report.shards, report.frames) == ("made", 1, 10)
    assert report.to_dict()["fingerprint"] == dataset.fingerprint


def test_verifying_a_dataset_that_is_not_there_says_so(home):
    with pytest.raises(DataError, match="no dataset 'x'"):
        verify_dataset(home.dataset("x"))


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "cut":
            path.write_bytes(data[:-8])
        case "grown":
            path.write_bytes(data + b"\0")
        case "gone":
            path.unlink()
        case "footer":
            path.write_bytes(data[:-64] + bytes(64))
        case "pixel":
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        case "text":
            path.write_bytes(data.replace(b"normal", b"normaI"))


@pytest.mark.parametrize(
    ("file", "how", "message"),
    [
        ("frames-00000.arrow", "cut", r"frames-00000\.arrow has \d+ bytes instead of"),
        ("frames-00000.arrow", "grown", r"frames-00000\.arrow has \d+ bytes instead of"),
        ("frames-00000.arrow", "gone", r"frames-00000\.arrow is missing"),
        ("frames-00000.arrow", "footer", r"frames-00000\.arrow cannot be read"),
        ("videos.parquet", "cut", r"videos\.parquet has \d+ bytes instead of"),
        ("dataset.json", "cut", r"dataset\.json is not JSON"),
        ("dataset.json", "text", r"dataset\.json does not have the checksum"),
    ],
)
def test_a_damaged_file_is_named_at_every_use(dataset, file, how, message):
    damage(dataset.directory / file, how)

    with pytest.raises(IntegrityError, match=message) as caught:
        PreparedDataset.open(dataset.directory)

    assert caught.value.exit_code == 8


def test_a_changed_pixel_is_found_by_verifying(dataset):
    damage(dataset.directory / "frames-00000.arrow", "pixel")

    PreparedDataset.open(dataset.directory)
    with pytest.raises(IntegrityError, match=r"frames-00000\.arrow has another checksum"):
        verify_dataset(dataset.directory)


def test_verifying_names_all_damaged_files(units, tmp_path):
    copy = tmp_path / "units"
    shutil.copytree(units[0].directory, copy)
    damage(copy / "frames-00000.arrow", "pixel")
    damage(copy / "frames-00002.arrow", "gone")

    with pytest.raises(IntegrityError) as caught:
        verify_dataset(copy)

    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "frames-00000.arrow",
        "frames-00002.arrow",
    ]


def test_a_fingerprint_that_the_content_does_not_have_is_found(dataset):
    description = Description.read(dataset.directory)
    description.model_copy(update={"fingerprint": "0" * 64}).write(dataset.directory)

    with pytest.raises(IntegrityError, match="the content has the fingerprint"):
        verify_dataset(dataset.directory)


def test_another_schema_version_is_not_taken_for_damage(dataset):
    path = dataset.directory / "dataset.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))

    with pytest.raises(DataError, match="schema version 2"):
        PreparedDataset.open(dataset.directory)


def test_two_subjects_with_one_face_are_refused(make_dataset, kit, home):
    twins = [kit.person(name="a", grade=0, seed=5), kit.person(name="b", grade=0, seed=5)]

    with pytest.raises(DataError, match="two subjects have the same pictures, in a-0 and b-1"):
        make_dataset(twins)

    assert [path.name for path in home.datasets.iterdir()] == []


def add_person(writer, name, images, *, grade, group=""):
    landmarks = np.random.default_rng(grade).uniform(0, 200, (len(images), 49, 2))
    writer.add_video(
        subject_id=name,
        images=images,
        landmarks=landmarks.astype(np.float32),
        grade=grade,
        group=group,
        video_id=f"video-{name}",
    )


@pytest.fixture
def pictures():
    return np.random.default_rng(1).integers(0, 256, (5, 200, 200, 3), dtype=np.uint8)


def test_one_shared_picture_is_refused_whatever_its_grade_and_landmarks(tmp_path, pictures):
    with DatasetWriter(tmp_path / "d", kind="grade") as writer:
        add_person(writer, "a", pictures[:3], grade=0)
        add_person(writer, "b", pictures[2:], grade=3)

        with pytest.raises(DataError, match="video-[ab] and video-[ab]") as caught:
            writer.finish()

    assert "subjects" in caught.value.found
    assert not (tmp_path / "d").exists()


def test_subjects_of_one_group_may_share_a_picture(tmp_path, pictures):
    with DatasetWriter(tmp_path / "d", kind="grade") as writer:
        add_person(writer, "a", pictures[:3], grade=0, group="g")
        add_person(writer, "b", pictures[2:], grade=3, group="g")

        assert writer.finish().num_frames == 6


def test_a_black_picture_shows_nobody_and_may_be_shared(tmp_path, pictures):
    pictures[2] = 0
    with DatasetWriter(tmp_path / "d", kind="grade") as writer:
        add_person(writer, "a", pictures[:3], grade=0)
        add_person(writer, "b", pictures[2:], grade=3)

        assert writer.finish().num_frames == 6


def test_a_writer_does_not_write_over_a_dataset(dataset):
    with pytest.raises(DataError, match="exists already"):
        DatasetWriter(dataset.directory, kind="grade")


@pytest.mark.parametrize("use", ["list", "open", "verify"])
def test_a_dataset_that_a_killed_replacement_took_away_comes_back(dataset, home, use):
    dataset.directory.rename(dataset.directory.with_name(f".{dataset.name}.retired"))
    uses = {
        "list": lambda: list_datasets(home)[0].name,
        "open": lambda: open_dataset(home, dataset.name).name,
        "verify": lambda: verify_dataset(dataset.directory).name,
    }

    assert uses[use]() == dataset.name
    assert [path.name for path in home.datasets.iterdir()] == [dataset.name]


def resident_share(path):
    """Of a file's pages, how many lie in the page cache; mincore(2) on a mapping of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    states = ctypes.create_string_buffer(pages)
    with path.open("rb") as file:
        place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    assert libc.mincore(place, size, states) == 0
    libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(size))
    return sum(state & 1 for state in states.raw) / pages


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what lies in its page cache")
def test_opening_a_dataset_reads_none_of_its_pixels(make_dataset, kit):
    directory = make_dataset([kit.person(name="anna", grade=0, frames=700)]).directory
    shard = directory / "frames-00000.arrow"
    with shard.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if resident_share(shard) > 0.1:
        pytest.skip("the temporary folder lies in memory, so that nothing has to be read")

    dataset = PreparedDataset.open(directory)

    assert dataset.frames.landmarks.shape == (700, 49, 2)
    assert resident_share(shard) < 0.05


def written_with_parts(folder, parts):
    with DatasetWriter(folder, kind="au", label_names=("AU1",)) as writer:
        for number, part in enumerate(parts):
            images = np.random.default_rng(number).integers(0, 256, (1, 200, 200, 3))
            writer.add_video(
                subject_id=f"s{number}",
                images=images.astype(np.uint8),
                landmarks=np.zeros((1, 49, 2), np.float32),
                labels=[[1]],
                part=part,
            )
        return writer.finish()


def test_parts_of_published_folds_are_kept_and_enter_no_fingerprint(tmp_path):
    first = written_with_parts(tmp_path / "a", [1, 2, 3])
    second = written_with_parts(tmp_path / "b", [0, 0, 0])

    assert {subject.subject_id: subject.part for subject in first.subjects} == {
        "s0": 1,
        "s1": 2,
        "s2": 3,
    }
    assert {subject.part for subject in second.subjects} == {0}
    assert first.fingerprint == second.fingerprint


def test_a_dataset_without_parts_is_written_as_older_versions_wrote_it(tmp_path):
    written_with_parts(tmp_path / "a", [0, 0])

    subjects = json.loads((tmp_path / "a" / "dataset.json").read_text())["subjects"]
    keys = {"digest", "subject_id", "frames", "grade", "videos", "group"}
    assert set(subjects[0]) - {"pictures"} == keys


@pytest.mark.parametrize("name", ["bp4d", "disfa", "gft"])
def test_a_dataset_that_has_the_name_of_a_layout_is_prepared_from_it(tmp_path, name):
    with pytest.raises(DataError, match=f"algr data prepare {name} --source DIR --name {name}"):
        open_dataset(DataHome(tmp_path), name)
