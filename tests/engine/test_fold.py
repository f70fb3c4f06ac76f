import io
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import torch

from algr.config import Config
from algr.data import Fold, PreparedDataset, crop_batch, plan_folds, refit_fold
from algr.engine import FoldFailedError, FoldProgress, FoldTrainer
from algr.engine.batches import GatheredFrames, LoadedBatch, Rows
from algr.errors import ConfigError, DataError, StudyError

CPU = torch.device("cpu")
MakeConfig = Callable[..., Config]


def trainer_of(
    config: Config,
    dataset: PreparedDataset,
    *,
    protocol: Literal["honest", "paper", "nested"] = "honest",
    fold: Fold | None = None,
    **others: Any,
) -> FoldTrainer:
    cv = config.cv.model_copy(update={"protocol": protocol})
    chosen = fold or plan_folds(dataset, cv=cv, seed=0).folds[1]
    return FoldTrainer(
        config=config, dataset=dataset, fold=chosen, protocol=protocol, device=CPU, **others
    )


def weights_of(trainer: FoldTrainer) -> list[float]:
    return [float(w.double().sum()) for w in trainer.state()["model"].values()]


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    read: dict[str, Any] = torch.load(file, weights_only=True)
    return read


def assert_same(left: Any, right: Any) -> None:
    """Equal bit for bit, whatever it is made of."""
    torch.testing.assert_close(left, right, rtol=0, atol=0)


def test_progress_grows_with_each_step_up_to_all_images_of_the_epoch(
    make_config: MakeConfig, grades: PreparedDataset
) -> None:
    told: list[FoldProgress] = []
    trainer = trainer_of(make_config(), grades, on_progress=told.append)
    trainer.run_epoch()
    told.clear()
    trainer.run_epoch()

    images = [progress.images for progress in told]
    assert images == sorted(set(images))
    assert len(images) > 1
    assert images[-1] == told[-1].of_images
    assert {(progress.fold, progress.epoch) for progress in told} == {(1, 1)}


@pytest.mark.parametrize("kind", ["jaanet", "algrnet"])
def test_a_resumed_fold_ends_with_the_same_bits(
    make_config: MakeConfig, grades: PreparedDataset, kind: str
) -> None:
    config = make_config(model__kind=kind, train__num_epochs=3)
    undisturbed = trainer_of(config, grades)
    expected = [undisturbed.run_epoch() for _ in range(3)]

    stopped = trainer_of(config, grades)
    stopped.run_epoch()
    resumed = trainer_of(config, grades)
    resumed.load_state(through_a_file(stopped.state()))
    epochs = [resumed.run_epoch() for _ in range(2)]

    assert [entry.train for entry in epochs] == [entry.train for entry in expected[1:]]
    assert [entry.validation for entry in epochs] == [entry.validation for entry in expected[1:]]
    assert_same(resumed.state(), undisturbed.state())
    assert resumed.score_test().counts == undisturbed.score_test().counts


def test_training_lowers_the_loss_on_the_frames_it_sees(
    make_config: MakeConfig, units: PreparedDataset
) -> None:
    config = make_config(data__augment=False, loss__align_weight=0, train__decay_every_epochs=9)
    trainer = trainer_of(config, units, fold=refit_fold(units))

    losses = [trainer.run_epoch().train["loss"] for _ in range(7)]

    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.usefixtures("two_threads")
def test_global_random_state_and_threads_are_left_alone(
    config: Config, units: PreparedDataset
) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()

    trainer = trainer_of(config, units)
    trainer.run_epoch()
    trainer.score_test()

    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == 2


def test_numbers_depend_on_seed_and_fold_not_on_what_was_drawn_before(
    make_config: MakeConfig, units: PreparedDataset
) -> None:
    torch.manual_seed(1)
    first = trainer_of(make_config(), units).run_epoch()
    torch.manual_seed(2)
    again = trainer_of(make_config(), units).run_epoch()
    other = trainer_of(make_config(seed=1), units).run_epoch()

    assert again.train == first.train
    assert other.train != first.train


class Noted(GatheredFrames):
    """Notes which rows are read."""

    def __init__(self, dataset: PreparedDataset) -> None:
        super().__init__(dataset, device=CPU)
        self.rows: list[Rows] = []

    def load(self, rows_B: Rows) -> LoadedBatch:
        self.rows.append(rows_B)
        return super().load(rows_B)

    def taken(self) -> set[int]:
        rows = set(np.concatenate(self.rows).tolist())
        self.rows.clear()
        return rows


def test_no_epoch_looks_at_a_test_subject(config: Config, units: PreparedDataset) -> None:
    frames = Noted(units)
    trainer = trainer_of(config, units, frames=frames)

    trainer.run_epoch()
    while_training = frames.taken()
    trainer.score_test()
    while_testing = frames.taken()

    fold = trainer.fold
    assert while_training == set(units.indices_of((*fold.train, *fold.validation)).tolist())
    assert while_testing == set(units.indices_of(fold.test).tolist())


def test_each_epoch_is_shuffled_and_cropped_anew(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = Noted(units)
    offsets: list[list[int]] = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        offsets.append(kwargs["offsets_B2"].tolist())
        return crop_batch(*args, **kwargs)

    monkeypatch.setattr("algr.engine.fold.crop_batch", noted)
    trainer = trainer_of(config, units, fold=refit_fold(units), frames=frames)

    trainer.run_epoch()
    trainer.run_epoch()

    first, second = np.concatenate(frames.rows[:3]), np.concatenate(frames.rows[3:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(units.num_frames))
    assert first.tolist() != second.tolist()
    assert offsets[:3] != offsets[3:]


def test_test_subjects_are_scored_once(config: Config, units: PreparedDataset) -> None:
    frames = Noted(units)
    trainer = trainer_of(config, units, frames=frames)
    trainer.run_epoch()

    first = trainer.score_test()
    frames.rows.clear()

    assert trainer.score_test() is first
    assert frames.rows == []


def with_validation_scores(
    monkeypatch: pytest.MonkeyPatch, trainer: FoldTrainer, values: list[float | None]
) -> None:
    found = iter([{"f1_mean": value} for value in values])
    monkeypatch.setattr(trainer, "_validate", lambda *, step: next(found))


def test_the_first_of_the_best_validation_epochs_is_chosen_and_its_weights_scored(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(config, units)
    with_validation_scores(monkeypatch, trainer, [0.1, 0.6, 0.6, 0.2])
    weights = []
    for _ in range(4):
        trainer.run_epoch()
        weights.append(weights_of(trainer))

    result = trainer.score_test()
    final = [float(w.double().sum()) for w in trainer.final_model().state_dict().values()]

    assert result.chosen_epoch == 1
    assert final == weights[1]


def test_an_undefined_validation_score_is_below_every_other(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(config, units)
    with_validation_scores(monkeypatch, trainer, [None, 0.0, None])

    for _ in range(3):
        trainer.run_epoch()

    assert trainer.chosen_epoch == 1


def test_without_any_defined_validation_score_the_last_epoch_is_chosen(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(config, units)
    with_validation_scores(monkeypatch, trainer, [None, None])

    for _ in range(2):
        trainer.run_epoch()

    assert trainer.chosen_epoch == 1


def test_under_the_papers_protocol_the_test_subjects_choose_the_epoch(
    config: Config, units: PreparedDataset
) -> None:
    trainer = trainer_of(config, units, protocol="paper")

    epochs = [trainer.run_epoch() for _ in range(2)]
    result = trainer.score_test()

    assert trainer.fold.validation == ()
    assert result.test == epochs[result.chosen_epoch].validation
    assert result.test["f1_mean"] == max(entry.validation["f1_mean"] or 0 for entry in epochs)


def test_a_refit_keeps_the_last_epochs_weights_and_scores_nothing(
    config: Config, units: PreparedDataset
) -> None:
    trainer = trainer_of(config, units, fold=refit_fold(units))

    epochs = [trainer.run_epoch() for _ in range(2)]
    result = trainer.score_test()

    assert [entry.validation for entry in epochs] == [{}, {}]
    assert (result.chosen_epoch, result.test, result.counts) == (1, {}, None)
    assert_same(dict(trainer.final_model().state_dict()), trainer.state()["model"])


def test_predictions_belong_to_the_test_rows(config: Config, grades: PreparedDataset) -> None:
    trainer = trainer_of(config, grades)
    trainer.run_epoch()

    result = trainer.score_test()

    predictions = result.predictions
    assert predictions.rows_N.tolist() == grades.indices_of(trainer.fold.test).tolist()
    assert predictions.probability_NK.sum(1) == pytest.approx(1)
    truth = grades.frames.grade[predictions.rows_N]
    hits = (predictions.probability_NK.argmax(1) == truth).sum()
    assert hits == np.trace(result.counts.table)
    assert result.test_subjects == len(trainer.fold.test)


def test_a_diverged_fold_says_where_and_why(
    make_config: MakeConfig, units: PreparedDataset
) -> None:
    config = make_config(train__learning_rate=1e30, train__clip_norm=None)
    trainer = trainer_of(config, units)

    with pytest.raises(FoldFailedError) as caught:
        trainer.run_epoch()

    failure = caught.value.failure
    assert (failure.fold, failure.epoch, failure.kind) == (1, 0, "diverged")
    assert failure.step >= 1
    assert "not finite" in failure.reason
    assert "train.learning_rate" in caught.value.message


def test_running_out_of_memory_names_the_batch_size(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(config, units)

    def too_much(*args: object, **kwargs: object) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr("algr.engine.fold.train_step", too_much)
    with pytest.raises(FoldFailedError, match=r"train\.batch_size 8") as caught:
        trainer.run_epoch()

    assert caught.value.failure.kind == "out_of_memory"
    assert caught.value.__context__ is None


def test_other_errors_of_torch_are_not_taken_for_lack_of_memory(
    config: Config, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("algr.engine.fold.train_step", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        trainer_of(config, units).run_epoch()


def test_everything_that_is_not_built_is_refused_at_once(
    make_config: MakeConfig, units: PreparedDataset
) -> None:
    config = make_config(train__init_from="bp4d", train__compile="on")

    with pytest.raises(ConfigError) as caught:
        trainer_of(config, units)

    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "train.init_from",
        "train.compile",
    ]


def test_a_fold_without_validation_subjects_is_refused_under_honest(
    config: Config, units: PreparedDataset
) -> None:
    digests = [subject.digest for subject in units.subjects]
    fold = Fold(index=0, train=tuple(digests[:4]), validation=(), test=tuple(digests[4:]))

    with pytest.raises(DataError, match="validation subjects"):
        trainer_of(config, units, fold=fold)


def test_the_state_of_another_fold_is_refused(config: Config, units: PreparedDataset) -> None:
    plan = plan_folds(units, cv=config.cv, seed=0)
    other = trainer_of(config, units, fold=plan.folds[2])

    with pytest.raises(StudyError, match="fold 2 of seed 0"):
        trainer_of(config, units).load_state(other.state())


def test_reduced_precision_trains_too(make_config: MakeConfig, units: PreparedDataset) -> None:
    exact = trainer_of(make_config(), units).run_epoch()
    reduced = trainer_of(make_config(train__precision="bf16"), units).run_epoch()

    assert reduced.train["loss"] != exact.train["loss"]
    assert math.isclose(reduced.train["loss"], exact.train["loss"], rel_tol=0.05)


def test_landmarks_can_begin_at_the_mean_face_of_the_training_subjects(
    make_config: MakeConfig, grades: PreparedDataset
) -> None:
    config = make_config(train__landmark_start="mean")
    trainer = trainer_of(config, grades)
    rows = grades.indices_of(trainer.fold.train)
    expected = grades.frames.landmarks[rows].mean(0) - 12
    bias = trainer._model.landmark_head.last.bias.detach().reshape(49, 2).numpy()
    np.testing.assert_allclose(bias, expected, rtol=0, atol=1e-3)
