"""Copies of datasets at other places; the places are folders, and a server that speaks S3."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from algr.config import DataHome
from algr.data import open_dataset, verify_dataset
from algr.data.remote import local_name, pull_dataset, push_dataset
from algr.errors import DataError, IntegrityError


@pytest.fixture
def dataset(make_dataset, kit):
    people = [kit.person(name=name, grade=grade) for grade, name in enumerate("abc")]
    return make_dataset(people)


@pytest.fixture
def place(tmp_path):
    return (tmp_path / "share" / "lab").as_uri()


@pytest.fixture
def elsewhere(tmp_path):
    """The data home of another machine."""
    return DataHome(tmp_path / "elsewhere")


def test_what_was_pushed_is_pulled_the_same(dataset, home, place, elsewhere):
    pushed = push_dataset(home, "made", place)
    pulled = pull_dataset(elsewhere, place)

    copy = open_dataset(elsewhere, "lab")
    assert pushed.fingerprint == pulled.fingerprint == copy.fingerprint == dataset.fingerprint
    assert (pushed.files_copied, pulled.files_copied) == (2, 2)
    assert verify_dataset(copy.directory).frames == 6
    rows = np.arange(6)
    np.testing.assert_array_equal(copy.gather(rows).images_BHWC, dataset.gather(rows).images_BHWC)


def test_a_second_time_nothing_is_copied(dataset, home, place, elsewhere):
    push_dataset(home, "made", place)
    pull_dataset(elsewhere, place)

    assert push_dataset(home, "made", place).files_copied == 0
    assert pull_dataset(elsewhere, place).files_copied == 0


def test_a_path_without_a_scheme_is_a_place_too(dataset, home, tmp_path, elsewhere):
    push_dataset(home, "made", str(tmp_path / "share" / "lab"))

    assert local_name(elsewhere, str(tmp_path / "share" / "lab")) == "lab"
    assert [local_name(elsewhere, name) for name in ("lab", "../lab")] == ["lab", "../lab"]


def test_a_copy_that_was_broken_off_goes_on(dataset, home, place, elsewhere, tmp_path):
    push_dataset(home, "made", place)

    def stop(done, total, file):
        if file == "videos.parquet":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull_dataset(elsewhere, place, progress=stop)
    assert not elsewhere.dataset("lab").exists()

    assert pull_dataset(elsewhere, place).files_copied == 1
    assert verify_dataset(elsewhere.dataset("lab")).frames == 6


def test_a_push_that_was_broken_off_leaves_no_dataset_and_goes_on(dataset, home, place, elsewhere):
    def stop(done, total, file):
        if file == "videos.parquet":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push_dataset(home, "made", place, progress=stop)
    with pytest.raises(DataError, match=r"no dataset.json"):
        pull_dataset(elsewhere, place)

    assert push_dataset(home, "made", place).files_there >= 1
    assert pull_dataset(elsewhere, place).fingerprint == dataset.fingerprint


@pytest.mark.parametrize("file", ["frames-00000.arrow", "videos.parquet"])
def test_a_file_that_was_altered_there_is_named_and_nothing_is_left(
    dataset, home, place, elsewhere, tmp_path, file
):
    push_dataset(home, "made", place)
    path = tmp_path / "share" / "lab" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(IntegrityError, match=rf"lab/{file}: is not what dataset.json says"):
        pull_dataset(elsewhere, place)

    assert not elsewhere.dataset("lab").exists()


def test_another_dataset_is_replaced_only_when_asked(
    dataset, home, place, elsewhere, make_dataset, kit
):
    push_dataset(home, "made", place)
    pull_dataset(elsewhere, place)
    other = make_dataset([kit.person(name="z", grade=1)], name="other")

    with pytest.raises(DataError, match="another dataset lies there"):
        push_dataset(home, "other", place)
    push_dataset(home, "other", place, replace=True)
    with pytest.raises(DataError, match="is another one than that of"):
        pull_dataset(elsewhere, place)
    pull_dataset(elsewhere, place, replace=True)

    assert verify_dataset(elsewhere.dataset("lab")).fingerprint == other.fingerprint


def test_files_of_another_dataset_of_the_same_size_are_not_taken_for_its_own(
    dataset, home, place, elsewhere, make_dataset, kit
):
    alike = [kit.person(name=name, grade=grade) for grade, name in enumerate("xyz")]
    other = make_dataset(alike, name="other")
    push_dataset(home, "other", place)

    def stop(done, total, file):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push_dataset(home, "made", place, replace=True, progress=stop)
    push_dataset(home, "made", place)

    sizes = [sum(entry.bytes for entry in d.description.shards) for d in (dataset, other)]
    assert sizes[0] == sizes[1]
    assert pull_dataset(elsewhere, place).fingerprint == dataset.fingerprint


def test_a_place_that_was_damaged_is_mended_by_replacing(dataset, home, place, elsewhere, tmp_path):
    push_dataset(home, "made", place)
    shard = tmp_path / "share" / "lab" / "frames-00000.arrow"
    shard.write_bytes(b"0" * shard.stat().st_size)

    push_dataset(home, "made", place, replace=True)

    assert pull_dataset(elsewhere, place).fingerprint == dataset.fingerprint
    assert sorted(path.name for path in shard.parent.iterdir()) == [
        "dataset.json",
        "frames-00000.arrow",
        "videos.parquet",
    ]


def pull_in_a_process(root, place):
    return pull_dataset(DataHome(root), place).files_copied


def test_processes_that_ask_at_once_make_one_copy(dataset, home, place, elsewhere):
    push_dataset(home, "made", place)
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(2, mp_context=context) as pool:
        calls = [pool.submit(pull_in_a_process, elsewhere.root, place) for _ in range(4)]
        copied = sorted(call.result() for call in calls)

    assert copied == [0, 0, 0, 2]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("nothing://a/b", "nothing://a/b: cannot be opened"),
        ("file:///no/such/place", "no dataset.json"),
    ],
)
def test_a_place_that_cannot_be_used_is_an_error(elsewhere, uri, message):
    with pytest.raises(DataError, match=message):
        pull_dataset(elsewhere, uri)


def test_passwords_of_an_address_are_not_shown(elsewhere):
    with pytest.raises(DataError) as caught:
        pull_dataset(elsewhere, "nothing://anna:secret@a/b")

    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_an_object_store_is_a_place(dataset, home, elsewhere, monkeypatch):
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        query = f"endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        place = f"s3://lab/sets/made?{query}&allow_bucket_creation=true"

        push_dataset(home, "made", place)
        pulled = pull_dataset(elsewhere, place)

        assert pulled.fingerprint == dataset.fingerprint
        assert verify_dataset(elsewhere.dataset("made")).frames == 6
        assert push_dataset(home, "made", place).files_copied == 0
        with pytest.raises(DataError, match="s3://lab/sets/other: no dataset.json"):
            pull_dataset(elsewhere, place.replace("sets/made", "sets/other"))
    finally:
        server.stop()
