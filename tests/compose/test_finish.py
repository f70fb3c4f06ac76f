"""What follows a search, as far as limits let it."""

import dataclasses

import pytest

from algr.cli.searching import _ended_early
from algr.compose.finish import Finisher
from algr.distributed import SearchOutcome
from algr.tune import HEADLINE, Halt, Limits, TrialRecord


class StudyRun:
    """In the place of the study's run in the tracker."""

    run_id = "r"

    def __init__(self) -> None:
        self.ended: list[str] = []

    def __enter__(self) -> "StudyRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.end(status="FINISHED")

    def end(self, *, status: str, state: str | None = None) -> None:
        self.ended.append(state or status)


@pytest.fixture
def finish(make_request, monkeypatch):
    """Finish a search whose cross-validation ends at second 100."""
    best = TrialRecord(0, "COMPLETE", {"train.learning_rate": 0.02}, 0.5, 1, 1.0)
    monkeypatch.setattr("algr.compose.finish.run_folds", lambda *_, **__: "validated")
    monkeypatch.setattr(Finisher, "_refit", lambda *_, **__: "registered")
    monkeypatch.setattr(Finisher, "_note", lambda *_: None)

    def run(limits: Limits):
        study = StudyRun()
        finisher = Finisher(
            request=make_request("before", None),
            material=None,
            study=study,
            name="mine",
            tracker=None,
            executor=None,
            display=None,
            start=None,
            objective=HEADLINE,
            limits=limits,
            clock=lambda: 100.0,
        )
        return finisher.finish(SearchOutcome((best,), best), gate="mean"), study

    return run


def test_the_refit_does_not_begin_after_the_limit(finish):
    found, study = finish(Limits(ends_at=100.0, ends_because="--deadline x"))

    assert found.cross_validated == "validated"
    assert found.registration is None
    assert found.outcome.stopped.reason == "--deadline x"
    assert study.ended[-1] == "INTERRUPTED"
    assert _ended_early(found, "") == (
        "notice: study mine ended by --deadline x with 1 trials done; the best one is "
        "cross-validated, not refitted or registered yet",
        "next: algr resume mine",
    )


def test_before_the_limit_all_of_it_is_done(finish):
    found, study = finish(Limits(ends_at=100.5, ends_because="--deadline x"))

    assert found.registration == "registered"
    assert found.outcome.stopped is None
    assert study.ended == ["FINISHED"]


def test_what_a_half_search_is_told_to_do_next(finish):
    found, _ = finish(Limits())
    halted = dataclasses.replace(
        found.outcome, is_complete=False, stopped=Halt("limit", "--max-hours 1")
    )

    _, advice = _ended_early(dataclasses.replace(found, outcome=halted), "")

    assert advice == (
        "next: algr resume mine, or, to finish with what has begun, algr resume mine --trials 1"
    )
