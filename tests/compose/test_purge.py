import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from algr.compose import purge_patient
from algr.config import DataHome
from algr.data import DatasetWriter, hash_id, open_dataset
from algr.data.purge_log import PurgeEntry, append, read_log
from algr.data.staging import staging_folder
from algr.errors import DataError, TrackingError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "id.key"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return DataHome(tmp_path / "home")


@pytest.fixture
def datasets(home):
    """Two datasets of three people each; anna is in both."""
    for name, people in (("first", "anna bert cleo"), ("second", "anna dora emil")):
        with DatasetWriter(home.dataset(name), kind="grade") as writer:
            for person in people.split():
                rng = np.random.default_rng(sum(map(ord, person)))
                writer.add_video(
                    subject_id=hash_id("patient", person),
                    images=rng.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
                    landmarks=np.zeros((2, 49, 2), np.float32),
                    grade=1,
                )
            writer.finish()
    return home


def write_json(path, value):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def purge(home, **changes):
    options = {"home": home, "dataset": None, "dry_run": False, "tracking_uri": None}
    return purge_patient(hash_id("patient", "anna"), **(options | changes))


def test_a_patient_leaves_all_datasets(datasets):
    outcome = purge(datasets)

    assert [item.dataset for item in outcome.datasets] == ["first", "second"]
    assert [open_dataset(datasets, name).num_frames for name in ("first", "second")] == [4, 4]
    with pytest.raises(DataError, match="the patient is in no dataset"):
        purge(datasets)


def test_a_dry_run_tells_the_same_and_changes_nothing(datasets):
    before = {p: p.read_bytes() for p in datasets.root.rglob("*") if p.is_file()}

    outcome = purge(datasets, dataset="first", dry_run=True)

    assert outcome.datasets[0].frames == 2
    assert outcome.datasets[0].frames_left == 4
    assert {p: p.read_bytes() for p in datasets.root.rglob("*") if p.is_file()} == before


def test_what_used_the_dataset_is_listed_and_written_down_without_ids(datasets):
    fingerprint = open_dataset(datasets, "first").fingerprint
    write_json(datasets.run("cv-1") / "plan.json", {"fingerprint": fingerprint})
    write_json(datasets.run("cv-2") / "plan.json", {"fingerprint": "another"})
    write_json(datasets.study("search-1") / "study.json", {"identity": {"f": fingerprint}})
    write_json(datasets.models / "m" / "bundle.json", {"fingerprint": fingerprint})

    outcome = purge(datasets, dataset="first")

    used = [use.text() for use in outcome.datasets[0].used_by]
    assert used == ["run cv-1", "study search-1", "pulled model m"]
    log = outcome.log.read_text(encoding="utf-8")
    assert hash_id("patient", "anna") not in log
    assert "anna" not in log
    assert [entry.state for entry in read_log(datasets)] == ["started", "done"]
    assert read_log(datasets)[1].used_by == tuple(used)


def test_kept_weights_that_came_of_the_dataset_are_listed(datasets):
    fingerprint = open_dataset(datasets, "first").fingerprint
    datasets.starts.mkdir(parents=True)
    weights = {"a": np.zeros(1, np.float32)}
    save_file(weights, datasets.starts / f"{'1' * 64}.safetensors", {"start": fingerprint})
    save_file(weights, datasets.starts / f"{'2' * 64}.safetensors", {"start": "another"})

    outcome = purge(datasets, dataset="first", dry_run=True)

    used = [use.text() for use in outcome.datasets[0].used_by]
    assert used == [f"weights to start from {'1' * 64}.safetensors"]


def test_what_used_the_dataset_before_an_earlier_purge_is_listed_too(datasets):
    fingerprint = open_dataset(datasets, "first").fingerprint
    write_json(datasets.run("cv-1") / "plan.json", {"fingerprint": fingerprint})
    purge_patient(
        hash_id("patient", "bert"),
        home=datasets,
        dataset="first",
        dry_run=False,
        tracking_uri=None,
    )

    outcome = purge(datasets, dataset="first")

    assert [use.text() for use in outcome.datasets[0].used_by] == ["run cv-1"]


def test_a_purge_that_was_killed_behind_the_swap_is_ended(datasets):
    entry = PurgeEntry.start(
        dataset="first", fingerprint_before="old", subjects=1, videos=1, frames=2, used_by=()
    )
    append(datasets, entry)
    retired = datasets.datasets / ".first.retired"
    retired.mkdir()
    (retired / "frames-00000.arrow").write_bytes(b"face")

    outcome = purge(datasets, dataset="first")

    assert outcome.ended == ("first",)
    assert not retired.exists()
    assert [line.state for line in read_log(datasets)] == ["started", "done", "started", "done"]


def test_a_tracking_server_that_does_not_answer_stops_it_before_anything_is_changed(datasets):
    with pytest.raises(TrackingError):
        purge(datasets, dataset="first", tracking_uri="http://127.0.0.1:9")

    assert open_dataset(datasets, "first").num_frames == 6
    assert read_log(datasets) == ()


def test_frames_of_a_preparation_that_never_became_a_dataset_go_too(datasets):
    staging = datasets.datasets / ".third.staging"
    staging.mkdir()
    (staging / "anna.arrow").write_bytes(b"frames")

    purge(datasets, dry_run=True)
    assert staging.exists()
    outcome = purge(datasets)

    assert not staging.exists()
    assert outcome.ended == ("third",)


def test_a_preparation_that_is_going_on_is_left_alone(datasets):
    with staging_folder(datasets.dataset("third")) as staging:
        outcome = purge(datasets)

        assert staging.exists()
    assert outcome.ended == ()
