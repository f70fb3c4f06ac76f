"""What long runs show while they last."""

import pytest

from algr.cli import live
from algr.cli.live import EpochDisplay
from algr.engine import FoldEpoch, FoldProgress


def test_a_pipe_gets_a_line_about_all_folds_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    display = EpochDisplay("cross-validation x", 6, "f1_macro", started=0.0, shown_at=0.0)

    for seconds, images in ((1.0, 100), (25.0, 200), (26.0, 210)):
        clock[0] = seconds
        display.on_progress(FoldProgress(fold=1, epoch=1, images=40, of_images=400))
        display.on_progress(FoldProgress(fold=0, epoch=1, images=images, of_images=400))

    assert capsys.readouterr().err.splitlines() == [
        "cross-validation x: in epoch 2/6, fold 0 25%, fold 1 10%"
    ]


def test_a_finished_epoch_shows_mean_folds_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    display = EpochDisplay("cross-validation x", 3, "f1_macro", started=0.0)
    clock[0] = 10.0

    display.on_epoch(
        [
            FoldEpoch(fold, 0, {"loss": 1.5}, {"f1_macro": score}, 5.0)
            for fold, score in enumerate((0.5, 0.7))
        ]
    )

    assert capsys.readouterr().err == (
        "cross-validation x: epoch 1/3, loss 1.500, f1_macro 60.0 (folds 50.0 70.0), "
        "about 20 s left\n"
    )


def test_many_folds_are_summed_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.time, "monotonic", lambda: 30.0)
    display = EpochDisplay("loso", 1, "f1_macro", started=0.0, shown_at=0.0)
    display.shares = {fold: 0.25 + fold / 100 for fold in range(11)}

    display.on_progress(FoldProgress(fold=11, epoch=0, images=1, of_images=10))
    display.on_epoch(
        [FoldEpoch(fold, 0, {"loss": 1.0}, {"f1_macro": fold / 20}, 1.0) for fold in range(12)]
    )

    assert capsys.readouterr().err.splitlines() == [
        "loso: in epoch 1/1, 12 folds begun, 10% at least",
        "loso: epoch 1/1, loss 1.000, f1_macro 27.5 (folds 0.0 to 55.0)",
    ]
