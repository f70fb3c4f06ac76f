"""What a study takes over from an earlier one, and points of a file."""

import dataclasses

import pytest

from algr.config import SearchSpace, load_points, with_values
from algr.errors import ConfigError
from algr.tune import TrialRecord, has_begun, open_study, read_warm_start


@pytest.fixture
def earlier(tmp_path, run_study):
    run_study(tmp_path / "earlier", trials=8)
    return tmp_path / "earlier"


def _begin(directory, identity, warm, *, trials=2):
    with open_study(
        directory,
        identity=identity,
        dataset="toy",
        trials=trials,
        resume=True,
        adopted=warm.observed,
    ) as store:
        store.enqueue(warm.points)
        while (trial := store.take()) is not None:
            store.report(trial.number, epoch=0, value=0.1)
            store.complete(trial.number, seconds=1.0)
        return store.records(), store.best()


def test_trials_of_the_very_same_count_as_observed_and_not_as_own(tmp_path, earlier, identity):
    warm = read_warm_start(earlier, identity=identity)
    records, best = _begin(tmp_path / "s", identity, warm)

    assert warm.because == ()
    assert len([record for record in records if record.adopted]) == 8
    assert len([record for record in records if not record.adopted]) == 2
    assert [record.number for record in records] == list(range(10))
    assert best.adopted.startswith("earlier/")


def test_no_point_that_was_adopted_is_trained_again(tmp_path, earlier, identity):
    warm = read_warm_start(earlier, identity=identity)
    records, _ = _begin(tmp_path / "s", identity, warm, trials=4)

    adopted = [dict(record.params) for record in records if record.adopted]
    own = [dict(record.params) for record in records if not record.adopted]
    assert dict(identity.space.enqueue[0]) in adopted
    assert len(own) == 4
    assert [point for point in own if point in adopted] == []


def test_a_point_that_was_tried_here_is_not_adopted_as_well(tmp_path, earlier, identity, run_study):
    run_study(tmp_path / "s", trials=1)
    warm = read_warm_start(earlier, identity=identity)
    records, _ = _begin(tmp_path / "s", identity, warm, trials=2)

    point = dict(identity.space.enqueue[0])
    assert len([record for record in records if record.adopted]) == 7
    assert len([record for record in records if dict(record.params) == point]) == 1


def test_adopting_twice_adds_nothing(tmp_path, earlier, identity):
    warm = read_warm_start(earlier, identity=identity)
    before, _ = _begin(tmp_path / "s", identity, warm)

    assert _begin(tmp_path / "s", identity, warm)[0] == before


def test_a_study_does_not_adopt_its_own_trials(earlier, identity, run_study):
    warm = read_warm_start(earlier, identity=identity)

    records, _ = _begin(earlier, identity, warm, trials=8)

    assert len(warm.observed) == 8
    assert len(records) == 8


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fingerprint": "e" * 64}, f"fingerprint: {'d' * 64} there, {'e' * 64} here"),
        ({"folds_hash": "0" * 64}, f"folds_hash: {'f' * 64} there, {'0' * 64} here"),
        ({"objectives": ("val/loss",)}, "objectives: not set there, ['val/loss'] here"),
    ],
)
def test_values_of_something_else_never_count(earlier, identity, change, reason):
    warm = read_warm_start(earlier, identity=dataclasses.replace(identity, **change))

    assert warm.observed == ()
    assert warm.because == (reason,)
    assert warm.remarks[1] == f"  {reason}"


def test_the_best_points_of_something_else_are_tried_first(tmp_path, earlier, identity):
    config = with_values(identity.config, {"train.batch_size": 4})
    other = dataclasses.replace(identity, config=config)
    warm = read_warm_start(earlier, identity=other)
    records, _ = _begin(tmp_path / "s", other, warm)

    assert warm.because == ("train.batch_size: 8 there, 4 here",)
    assert [dict(record.params) for record in records][1] == warm.points[0]


def test_values_outside_the_new_bounds_are_left_out(earlier, identity):
    tree = identity.space.model_dump()
    tree["parameters"]["model.region_scale"]["high"] = 0.15
    tree["parameters"]["train.learning_rate"]["low"] = 5e-4
    narrow = dataclasses.replace(identity, space=SearchSpace.model_validate(tree))

    warm = read_warm_start(earlier, identity=narrow)

    assert len(warm.observed) + warm.left_out == 8
    assert max(trial.params["model.region_scale"] for trial in warm.observed) <= 0.15
    assert warm.left_out > 0


def test_a_study_with_other_parameters_is_refused_with_the_difference(earlier, identity):
    tree = identity.space.model_dump()
    tree["parameters"]["loss.align_weight"] = tree["parameters"].pop("model.region_scale")
    other = dataclasses.replace(
        identity, space=SearchSpace.model_validate({"parameters": tree["parameters"]})
    )

    with pytest.raises(ConfigError) as caught:
        read_warm_start(earlier, identity=other)

    assert caught.value.problems == (
        "loss.align_weight: only in this space",
        "model.region_scale: only in that of earlier",
    )


def test_points_of_a_file_are_read_as_a_list_or_under_a_key(tmp_path, identity):
    (tmp_path / "a.yaml").write_text("- {train.learning_rate: 0.02}\n- {model.region_scale: 0.1}\n")
    (tmp_path / "b.yaml").write_text("points:\n- {train.learning_rate: 0.02}\n")
    given = {"space": identity.space, "config": identity.config}

    assert len(load_points(tmp_path / "a.yaml", **given)) == 2
    assert load_points(tmp_path / "b.yaml", **given) == ({"train.learning_rate": 0.02},)


def test_all_wrong_points_are_named_together(tmp_path, identity):
    (tmp_path / "p.yaml").write_text("- {train.learning_rat: 0.02}\n- {model.region_scale: 9}\n")

    with pytest.raises(ConfigError) as caught:
        load_points(tmp_path / "p.yaml", space=identity.space, config=identity.config)

    assert caught.value.problems == (
        "point 1: train.learning_rat is not a parameter of this space; did you mean "
        "'train.learning_rate'?",
        "point 2: model.region_scale: 9 lies outside the parameter's bounds",
    )


@pytest.mark.parametrize("text", ["", "a: 1\n", "- 3\n", "- {}\n"])
def test_a_file_without_points_is_refused(tmp_path, identity, text):
    (tmp_path / "p.yaml").write_text(text)

    with pytest.raises(ConfigError, match="holds no points"):
        load_points(tmp_path / "p.yaml", space=identity.space, config=identity.config)


def test_a_study_that_only_adopted_trials_has_not_begun():
    adopted = TrialRecord(0, "COMPLETE", {}, 0.5, 1, 1.0, adopted="earlier/0")
    waiting = TrialRecord(1, "WAITING", {}, None, 0, 0.0)
    own = TrialRecord(2, "RUNNING", {}, None, 0, 0.0)

    assert not has_begun([adopted, waiting])
    assert has_begun([adopted, own])
