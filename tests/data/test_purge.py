import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algr.data import verify_dataset
from algr.data.purge import has_remains, purge_subjects, share_of
from algr.data.purge_log import PurgeEntry, append, earlier_fingerprints, read_log, unfinished
from algr.data.staging import staging_folder
from algr.data.store import PreparedDataset
from algr.errors import DataError, IntegrityError

NAMES = ("anna", "bert", "cleo", "dora")


@pytest.fixture
def people(kit):
    """Four people of known pictures, whoever else is in the dataset."""
    return {
        name: kit.person(name=name, grade=number, frames=3 + number, group="ab" * (number < 2))
        for number, name in enumerate(NAMES)
    }


def test_what_is_left_is_what_would_have_been_prepared_without_the_person(make_dataset, people):
    whole = make_dataset(list(people.values()), name="whole", rows_per_shard=4)
    without = make_dataset([people[name] for name in NAMES if name != "cleo"], name="without")

    purged = purge_subjects(whole.directory, {"cleo"})

    left = PreparedDataset.open(whole.directory)
    assert purged.fingerprint == left.fingerprint == without.fingerprint
    assert purged.fingerprint_before == whole.fingerprint
    assert (purged.removed.subjects, purged.removed.videos, purged.removed.frames) == (1, 1, 5)
    assert left.subjects == without.subjects
    assert [video.digest for video in left.videos] == [video.digest for video in without.videos]
    rows = np.arange(without.num_frames)
    np.testing.assert_array_equal(left.gather(rows).images_BHWC, without.gather(rows).images_BHWC)
    assert verify_dataset(whole.directory).frames == 3 + 4 + 6


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(gone=st.sets(st.sampled_from(NAMES), max_size=3), shard=st.integers(1, 12))
def test_any_people_can_go_from_shards_of_any_size(
    make_dataset, people, tmp_path_factory, gone, shard
):
    number = len(list(tmp_path_factory.getbasetemp().rglob("dataset.json")))
    whole = make_dataset(list(people.values()), name=f"w{number}", rows_per_shard=shard)
    without = make_dataset([people[name] for name in NAMES if name not in gone], name=f"x{number}")

    assert purge_subjects(whole.directory, gone).fingerprint == without.fingerprint


def test_no_picture_of_the_person_is_left_on_the_disk(make_dataset, people, tmp_path):
    dataset = make_dataset(list(people.values()))
    rows = dataset.indices_of([s.digest for s in dataset.subjects if s.subject_id == "cleo"])
    pictures = [image.tobytes()[:4096] for image in dataset.gather(rows).images_BHWC]
    beside = dataset.directory.parent
    for name in (".made.retired", ".made.building"):
        (beside / name).mkdir()
        (beside / name / "frames-00000.arrow").write_bytes(pictures[0])
    (beside / ".made.staging").mkdir()
    (beside / ".made.staging" / "a.arrow").write_bytes(pictures[1])

    purge_subjects(dataset.directory, {"cleo"})

    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [p for p in files if any(pixels in p.read_bytes() for pixels in pictures)]
    assert b"cleo" not in b"".join(path.read_bytes() for path in files)
    assert [path.name for path in beside.iterdir()] == ["made"]


def test_the_source_no_longer_counts_as_that_of_the_dataset(make_dataset, people):
    dataset = make_dataset(list(people.values()))

    purge_subjects(dataset.directory, {"cleo"})

    after = PreparedDataset.open(dataset.directory).description
    assert after.source_digest != dataset.description.source_digest
    assert after.parameters == dataset.description.parameters


def test_a_dataset_of_which_nobody_is_left_goes(make_dataset, people):
    dataset = make_dataset([people["dora"]])

    purged = purge_subjects(dataset.directory, {"dora"})

    assert purged.fingerprint == ""
    assert list(dataset.directory.parent.iterdir()) == []


def test_somebody_who_is_not_there_changes_nothing(make_dataset, people):
    dataset = make_dataset(list(people.values()))
    before = {p.name: p.read_bytes() for p in dataset.directory.iterdir()}

    purged = purge_subjects(dataset.directory, {"nobody"})

    assert purged.removed.subjects == 0
    assert {p.name: p.read_bytes() for p in dataset.directory.iterdir()} == before


def test_a_damaged_dataset_is_not_made_whole(make_dataset, people):
    dataset = make_dataset(list(people.values()))
    shard = dataset.directory / "frames-00000.arrow"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)

    with pytest.raises(IntegrityError, match="is damaged"):
        purge_subjects(dataset.directory, {"cleo"})

    assert shard.read_bytes() == content
    assert not has_remains(dataset.directory)


def test_a_dataset_that_is_being_prepared_is_left_alone(make_dataset, people):
    dataset = make_dataset(list(people.values()))

    with (
        staging_folder(dataset.directory),
        pytest.raises(DataError, match="is being prepared by another process"),
    ):
        purge_subjects(dataset.directory, {"cleo"})


def test_a_dataset_that_is_not_there_is_an_error(home):
    with pytest.raises(DataError, match="no dataset 'nothing'"):
        share_of(home.dataset("nothing"), {"cleo"})


KILLED = '''
"""Purge copies of a dataset, and die at the first, second, … change of a name or flush."""
import itertools, json, os, shutil, signal, sys
from pathlib import Path
from algr.data import PreparedDataset, verify_dataset
from algr.data.purge import has_remains, purge_subjects

source, place = map(Path, sys.argv[1:])
changes = itertools.count(1)

def dying(function, at):
    def wrapped(*args, **kwargs):
        if next(changes) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped

results = []
for at in range(1, 99):
    directory = place / f"at{at}" / "made"
    shutil.copytree(source, directory)
    child = os.fork()
    if not child:
        Path.rename = dying(Path.rename, at)
        Path.replace = dying(Path.replace, at)
        os.fsync = dying(os.fsync, at)
        shutil.rmtree = dying(shutil.rmtree, at)
        purge_subjects(directory, {"cleo"})
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    purged = purge_subjects(directory, {"cleo"})
    verify_dataset(directory)
    results.append({
        "killed": os.WIFSIGNALED(status),
        "again": purged.removed.subjects,
        "fingerprint": purged.fingerprint,
        "remains": has_remains(directory) or len(list(directory.parent.iterdir())) != 1,
    })
    if not os.WIFSIGNALED(status):
        break
print(json.dumps(results))
'''


def test_a_kill_at_any_moment_leaves_the_old_dataset_or_the_new_one(make_dataset, people, tmp_path):
    whole = make_dataset(list(people.values()), name="whole")
    without = make_dataset([people[name] for name in NAMES if name != "cleo"], name="without")
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    command = [sys.executable, str(script), str(whole.directory), str(tmp_path / "copies")]

    results = json.loads(subprocess.check_output(command, text=True))

    *killed, last = results
    assert len(killed) >= 8
    assert all(result["killed"] for result in killed)
    assert not last["killed"]
    assert {result["fingerprint"] for result in results} == {without.fingerprint}
    assert {result["remains"] for result in results} == {False}
    assert {result["again"] for result in killed} == {0, 1}


def entry(**changes):
    values = {
        "dataset": "made",
        "fingerprint_before": "a" * 64,
        "subjects": 1,
        "videos": 2,
        "frames": 3,
        "used_by": ("run made-1",),
    }
    return PurgeEntry.start(**(values | changes))


def test_the_record_tells_what_was_started_and_what_was_ended(home):
    home.root.mkdir()
    one, other = entry(), entry(dataset="other")

    append(home, one)
    append(home, other)
    append(home, one.done(fingerprint="b" * 64))

    assert [line.state for line in read_log(home)] == ["started", "started", "done"]
    assert unfinished(home) == (other,)


def test_the_fingerprints_before_earlier_purges_are_remembered(home):
    home.root.mkdir()
    for before, after in (("a", "b"), ("b", "c"), ("x", "y")):
        append(home, entry(fingerprint_before=before).done(fingerprint=after))

    assert earlier_fingerprints(home, "c") == ("c", "b", "a")
    assert earlier_fingerprints(home, "z") == ("z",)


def test_a_record_that_algr_did_not_write_is_named(home):
    home.root.mkdir()
    (home.root / "purges.jsonl").write_text("{}\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"purges.jsonl: line 1 is not a record"):
        read_log(home)
