import pickle

from algr.engine import FoldEpoch, FoldFailedError, FoldFailure, epoch_value


def with_score(fold: int, value: float | None) -> FoldEpoch:
    return FoldEpoch(fold, 0, {}, {"f1_macro": value, "f1_mean": 0.9}, 1.0)


def test_the_value_of_an_epoch_is_the_mean_of_the_folds_headlines() -> None:
    epochs = [with_score(0, 0.2), with_score(1, 0.4), with_score(2, 0.9)]

    assert epoch_value(epochs, "grade") == 0.5
    assert epoch_value(epochs, "au") == 0.9


def test_an_undefined_headline_is_left_out_of_the_mean() -> None:
    assert epoch_value([with_score(0, 0.25), with_score(1, None)], "grade") == 0.25
    assert epoch_value([with_score(0, None)], "grade") is None


def test_a_failure_crosses_process_borders_whole() -> None:
    failure = FoldFailure(2, 3, 14, "diverged", "the training loss is not finite")

    error = pickle.loads(pickle.dumps(FoldFailedError(failure, advice="lower it")))

    assert error.failure == failure
    assert error.message.splitlines() == [
        "fold 2, epoch 3, step 14: the training loss is not finite",
        "  to do: lower it",
    ]
