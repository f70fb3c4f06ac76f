"""What `algr cv --repeats` and `algr tune --protocol nested` print, from values."""

from pathlib import Path

import numpy as np
import pytest

from algr.cli.tables import print_cross_validation, print_nested, print_repeats
from algr.compose import CrossValidated, NestedResult, RepeatedCrossValidation
from algr.compose.nested_result import OuterFold
from algr.cv import CrossValidation, summarise, summarise_repeats, table_rows
from algr.data import Fold, FoldPlan
from algr.distributed import SearchOutcome
from algr.engine import FoldResult
from algr.faces import GRADES
from algr.metrics import EvaluationCounts, scores
from algr.tune import TrialRecord


def result_of(fold: int, hits: int) -> FoldResult:
    table = np.zeros((4, 4), dtype=np.int64)
    table[:2, :2] = [[hits, 4 - hits], [4 - hits, hits]]
    counts = EvaluationCounts(
        kind="grade",
        label_names=GRADES,
        table=table,
        landmark_error_sum=0.4,
        landmark_images=8,
        loss_sum=8.0,
        images=8,
    )
    return FoldResult(fold, fold, scores(counts), 2, counts, None)


def validated(
    *hits: int, name: str = "run", protocol: str = "honest", simulated: bool = False
) -> CrossValidated:
    results = tuple(result_of(fold, one) for fold, one in enumerate(hits))
    plan = FoldPlan(
        dataset="d",
        kind="grade",
        fingerprint="f" * 64,
        protocol=protocol,
        seed=0,
        folds=tuple(
            Fold(index=fold, train=(), validation=(), test=(str(fold),))
            for fold in range(len(hits))
        ),
    )
    found: CrossValidation = summarise(results, run_id="id", name=name, plan=plan)
    rows = table_rows(found, kind="grade", label_names=GRADES)
    return CrossValidated(
        result=found,
        results=results,
        label_names=GRADES,
        rows=rows,
        predictions=Path("predictions.parquet"),
        figures=(),
        start=None,
        simulated=simulated,
    )


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """The words of each line behind its first ones, by these."""
    printed = capsys.readouterr().out.splitlines()
    return {line[:18].strip(): line[18:].split() for line in printed}


def test_repeats_are_printed_with_both_spreads(capsys: pytest.CaptureFixture[str]) -> None:
    repeats = (validated(4, 2), validated(2, 0))
    over = summarise_repeats([repeat.result for repeat in repeats])

    print_repeats(RepeatedCrossValidation("id", "r", repeats, over))

    found = lines(capsys)
    # accuracies 100, 50 (mean 75) and 50, 0 (mean 25)
    assert "75.0 ± 35.4" in " ".join(found["repeat 0"])
    assert "25.0 ± 35.4" in " ".join(found["repeat 1"])
    assert found["mean over repeats"][5] == "50.0"
    assert found["sd between repeats"][5] == "35.4"
    assert found["sd over folds"][5] == "35.4"


def test_nested_shows_what_each_outer_fold_chose_and_how_far_the_choices_lie_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = validated(4, 2, protocol="nested")
    chosen = [{"train.learning_rate": 0.01, "loss.dice": "none"}, {"train.learning_rate": 0.05}]
    folds = tuple(
        OuterFold(
            f"n-outer-{fold}",
            SearchOutcome((record,), record),
            whole.results[fold],
            1.0,
        )
        for fold, record in enumerate(
            TrialRecord(3 + fold, "COMPLETE", params, 0.5, 2, 1.0)
            for fold, params in enumerate(chosen)
        )
    )

    print_nested(NestedResult(folds, whole))

    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split() == ["0", "3", "50.0", "100.0", "1", "0.01", "none", "n-outer-0"]
    assert printed[2].split() == ["1", "4", "50.0", "50.0", "2", "0.05", "-", "n-outer-1"]
    assert printed[3].split() == ["all", "75.0", "±", "35.4", "0.01", "to", "0.05", "2", "values"]
    assert any("nothing is refitted or registered" in line for line in printed)


def test_many_folds_are_printed_from_the_lowest_to_the_highest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_cross_validation(validated(*(4, 2) * 6))

    found = lines(capsys)
    assert found["Accuracy %"][:2] == ["50.0", "100.0"]
    assert found["chosen epoch"] == ["1", "12"]


def test_figures_of_drawn_faces_are_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    print_cross_validation(validated(4, 2, simulated=True))

    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("simulated faces")
    assert "simulated faces: these figures say nothing about real ones" in printed


def test_repeats_on_drawn_faces_are_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    repeats = (validated(4, 2, simulated=True), validated(2, 0, simulated=True))
    over = summarise_repeats([repeat.result for repeat in repeats])

    print_repeats(RepeatedCrossValidation("id", "r", repeats, over))

    assert capsys.readouterr().out.startswith("simulated faces")


def test_figures_of_real_faces_are_not_called_simulated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_cross_validation(validated(4, 2))

    assert "simulated" not in capsys.readouterr().out


def test_the_json_says_whether_the_faces_are_drawn() -> None:
    assert validated(4, 2, simulated=True).to_dict()["simulated"] is True
