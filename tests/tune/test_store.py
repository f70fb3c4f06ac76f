"""Studies on disk: begun, continued, refused."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from algr.config import SearchSpace, with_values
from algr.errors import IntegrityError, StudyError
from algr.tune import open_study, read_header, read_records, store


def test_the_enqueued_point_is_tried_first_and_numbers_have_no_gaps(tmp_path, run_study):
    records = run_study(tmp_path / "s")

    assert [record.number for record in records] == list(range(8))
    assert records[0].params == {"train.learning_rate": 0.01, "model.region_scale": 0.14}
    assert {record.state for record in records} == {"COMPLETE", "PRUNED"}


def test_a_finished_trials_value_is_its_best_epochs(tmp_path, run_study):
    first = run_study(tmp_path / "s", trials=1)[0]

    # level 0.9 - 0.2 - 0.06 = 0.64; epoch 7 gives 0.64 * (1 - 1/256), epoch 8 falls by 0.01
    assert first.value == pytest.approx(0.6375)
    assert first.to_dict() == {
        "number": 0,
        "state": "COMPLETE",
        "params": {"train.learning_rate": 0.01, "model.region_scale": 0.14},
        "value": first.value,
        "epochs": 9,
        "seconds": 1.0,
    }


def test_a_larger_number_of_trials_continues_the_same_study(tmp_path, run_study):
    whole = run_study(tmp_path / "whole", trials=8)
    run_study(tmp_path / "parts", trials=3)

    assert run_study(tmp_path / "parts", trials=8, resume=True) == whole


def test_resuming_a_complete_study_adds_nothing(tmp_path, run_study):
    before = run_study(tmp_path / "s", trials=4)

    assert run_study(tmp_path / "s", trials=4, resume=True) == before


def test_resume_without_a_number_wants_as_many_trials_as_before(tmp_path, run_study, identity):
    run_study(tmp_path / "s", trials=2)

    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=None, resume=True
    ) as store:
        assert store.wanted == 2
        assert store.take() is None


def test_resume_begins_a_study_that_does_not_exist(tmp_path, run_study):
    assert len(run_study(tmp_path / "s", trials=2, resume=True)) == 2


def test_whatever_line_the_journal_ends_with_the_resumed_study_is_the_undisturbed_one(
    tmp_path, run_study
):
    whole = run_study(tmp_path / "whole", trials=6)
    lines = (tmp_path / "whole" / "study.journal").read_bytes().splitlines(keepends=True)

    def resumed_after(count: int):
        folder = tmp_path / f"cut{count}"
        folder.mkdir()
        header = json.loads((tmp_path / "whole" / "study.json").read_text())
        (folder / "study.json").write_text(json.dumps(header))
        torn = lines[count][: len(lines[count]) // 2] if count < len(lines) else b""
        (folder / "study.journal").write_bytes(b"".join(lines[:count]) + torn)
        return run_study(folder, trials=6, resume=True)

    differing = [count for count in range(len(lines) + 1) if resumed_after(count) != whole]

    assert differing == []


def test_a_study_that_exists_is_not_begun_again(tmp_path, run_study):
    run_study(tmp_path / "s", trials=1)

    with pytest.raises(StudyError, match="--resume --name s"):
        run_study(tmp_path / "s", trials=1)


def test_resuming_with_something_else_shows_each_difference(tmp_path, run_study, identity):
    run_study(tmp_path / "s", trials=1)
    tree = identity.space.model_dump()
    tree["parameters"]["model.region_scale"]["high"] = 0.3
    other = dataclasses.replace(
        identity,
        config=with_values(identity.config, {"train.num_epochs": 20}),
        space=SearchSpace.model_validate(tree),
        fingerprint="e" * 64,
    )

    with (
        pytest.raises(StudyError) as caught,
        open_study(tmp_path / "s", identity=other, dataset="toy", trials=1, resume=True),
    ):
        pass

    assert caught.value.problems == (
        f"fingerprint: {'d' * 64} in the study, {'e' * 64} now",
        "space.parameters.model.region_scale.high: 0.25 in the study, 0.3 now",
        "train.num_epochs: 9 in the study, 20 now",
    )


def _forget_key(directory: Path, key: str) -> dict:
    """`study.json` as a version of algr wrote it that did not know the key."""
    file = directory / "study.json"
    tree = json.loads(file.read_text())
    del tree["identity"]["config"][key]
    file.write_text(json.dumps(tree))
    return tree["identity"]


def test_a_study_of_a_version_that_lacked_a_key_goes_on_with_the_digests_of_its_trials(
    tmp_path, run_study, identity
):
    run_study(tmp_path / "s", trials=2)
    recorded = _forget_key(tmp_path / "s", "train.recompute")
    trial = {**recorded, "space": None}
    expected = hashlib.sha256(json.dumps(trial, sort_keys=True).encode()).hexdigest()

    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=4, resume=True
    ) as store:
        assert store.identity.trial_digest(identity.config) == expected
    assert len(run_study(tmp_path / "s", trials=4, resume=True)) == 4


def test_a_study_of_a_version_that_lacked_a_key_does_not_go_on_with_another_value_of_it(
    tmp_path, run_study, identity
):
    run_study(tmp_path / "s", trials=2)
    _forget_key(tmp_path / "s", "train.recompute")
    config = with_values(identity.config, {"train.recompute": "regions"})
    other = dataclasses.replace(identity, config=config)

    with (
        pytest.raises(StudyError) as caught,
        open_study(tmp_path / "s", identity=other, dataset="toy", trials=4, resume=True),
    ):
        pass

    assert caught.value.problems == ("train.recompute: not set in the study, regions now",)


def test_beginning_without_a_number_of_trials_is_refused_and_leaves_nothing(tmp_path, identity):
    with (
        pytest.raises(StudyError, match="--trials"),
        open_study(tmp_path / "s", identity=identity, dataset="t", trials=None, resume=True),
    ):
        pass

    assert not (tmp_path / "s").exists()


def _hold_and_die(directory: Path, identity, ready) -> None:
    with open_study(directory, identity=identity, dataset="toy", trials=4, resume=True) as store:
        store.take()
        ready.set()
        multiprocessing.Event().wait()


def test_the_lock_keeps_others_out_and_dies_with_its_process(tmp_path, identity, run_study):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold_and_die, args=(tmp_path / "s", identity, ready))
    holder.start()
    assert ready.wait(60)

    with pytest.raises(StudyError, match="another process works on study 's'"):
        run_study(tmp_path / "s", trials=4, resume=True)
    os.kill(holder.pid, 9)
    holder.join()

    assert len(run_study(tmp_path / "s", trials=4, resume=True)) == 4


@pytest.mark.parametrize(
    ("resume", "message"), [(False, "study 's' exists"), (True, "is about something else")]
)
def test_a_study_that_another_command_begins_at_the_same_moment_is_found(
    tmp_path, identity, run_study, monkeypatch, resume, message
):
    """The other one is over before this one holds the lock."""
    locked = store._locked

    def late(directory: Path):
        monkeypatch.setattr(store, "_locked", locked)
        run_study(directory, trials=2)
        return locked(directory)

    monkeypatch.setattr(store, "_locked", late)
    config = with_values(identity.config, {"train.batch_size": 4})
    other = dataclasses.replace(identity, config=config)
    with (
        pytest.raises(StudyError, match=message),
        open_study(tmp_path / "s", identity=other, dataset="toy", trials=4, resume=resume),
    ):
        pass

    assert read_header(tmp_path / "s").digest == identity.digest


def test_a_lock_that_a_dead_process_left_in_the_journal_does_not_delay(tmp_path, run_study):
    run_study(tmp_path / "s", trials=1)
    journal = tmp_path / "s" / "study.journal"
    (tmp_path / "s" / "study.journal.lock").symlink_to(journal)

    assert len(run_study(tmp_path / "s", trials=2, resume=True)) == 2


def test_failures_carry_their_reason_and_no_value(tmp_path, identity):
    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=1, resume=False
    ) as store:
        trial = store.take()
        store.report(trial.number, epoch=0, value=0.5)
        record = store.fail(trial.number, reason="loss is not a number", seconds=2.0)

        assert record.state == "FAIL"
        assert record.value is None
        assert record.reason == "loss is not a number"
        assert store.best() is None


def test_an_epoch_that_was_passed_is_not_judged_again(tmp_path, identity):
    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=2, resume=False
    ) as store:
        good, bad = store.take(), store.take()
        assert not store.report(bad.number, epoch=0, value=0.1)
        assert not store.report(bad.number, epoch=1, value=0.1)
        assert not store.report(good.number, epoch=0, value=0.9)

        assert not store.report(bad.number, epoch=0, value=0.1)


@pytest.mark.parametrize(
    ("others_before", "others_after", "stops"), [((), (0.5, 0.6), False), ((0.5, 0.6), (), True)]
)
def test_the_last_epoch_gets_the_same_answer_after_a_crash_whatever_others_reported(
    tmp_path, identity, others_before, others_after, stops
):
    given = {"identity": identity, "dataset": "toy", "trials": 3}
    with open_study(tmp_path / "s", **given, resume=False) as opened:
        number, *others = (opened.take().number for _ in range(3))
        for other, value in zip(others, others_before, strict=False):
            opened.report(other, epoch=0, value=value)
        first = opened.report(number, epoch=0, value=0.3)
        for other, value in zip(others, others_after, strict=False):
            opened.report(other, epoch=0, value=value)

    with open_study(tmp_path / "s", **given, resume=True) as opened:
        again = opened.report(opened.take().number, epoch=0, value=0.3)

    assert (first, again) == (stops, stops)


def test_only_the_best_trials_checkpoint_is_kept(tmp_path, identity):
    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=4, resume=False
    ) as store:
        numbers = [store.take().number for _ in range(4)]
        for number, value in zip(numbers, (0.3, 0.6, 0.5, 0.9), strict=True):
            file = store.checkpoint(number)
            file.parent.mkdir(parents=True)
            file.touch()
            store.report(number, epoch=0, value=value)
        store.complete(0, seconds=0)
        store.complete(1, seconds=0)
        store.complete(2, seconds=0)

        # 3 still runs, 1 is the best so far
        assert sorted(path.name for path in (tmp_path / "s" / "trials").iterdir()) == ["1", "3"]


def test_header_and_records_are_read_while_a_search_runs(tmp_path, identity):
    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=2, resume=False
    ) as store:
        store.take()

        assert read_header(tmp_path / "s").dataset == "toy"
        assert read_header(tmp_path / "s").digest == identity.digest
        assert [record.state for record in read_records(tmp_path / "s")] == ["RUNNING"]


def test_a_renamed_folder_is_still_the_same_study(tmp_path, run_study):
    before = run_study(tmp_path / "s", trials=2)
    (tmp_path / "s").rename(tmp_path / "t")

    assert run_study(tmp_path / "t", trials=2, resume=True) == before


def test_an_unknown_study_is_named_beside_those_that_exist(tmp_path, run_study):
    run_study(tmp_path / "s", trials=1)

    with pytest.raises(StudyError, match="there is: s"):
        read_records(tmp_path / "other")


def test_a_damaged_header_is_an_integrity_error(tmp_path, run_study):
    run_study(tmp_path / "s", trials=1)
    (tmp_path / "s" / "study.json").write_text("{")

    with pytest.raises(IntegrityError, match=r"study\.json cannot be read"):
        run_study(tmp_path / "s", trials=1, resume=True)


def test_a_damaged_journal_is_an_integrity_error(tmp_path, run_study):
    run_study(tmp_path / "s", trials=1)
    journal = tmp_path / "s" / "study.journal"
    journal.write_bytes(b"garbage\n" + journal.read_bytes())

    with pytest.raises(IntegrityError, match=r"study\.journal cannot be read"):
        run_study(tmp_path / "s", trials=1, resume=True)
