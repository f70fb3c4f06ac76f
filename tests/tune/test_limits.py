"""When a search must end, on a clock of our own."""

from datetime import UTC, datetime

import pytest

from algr.errors import UsageError
from algr.tune import Budget, Limits, settle_limits

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp()


def _settle(**given) -> Limits:
    values = {"max_hours": None, "max_gpu_hours": None, "deadline": None, "now": NOW, **given}
    return settle_limits(**values)


def test_without_options_there_is_no_limit():
    assert _settle() == Limits()


def test_the_earlier_of_two_ends_holds():
    found = _settle(max_hours=2.0, deadline="2026-05-01T09:00+00:00")

    assert found.ends_at == NOW + 3600
    assert found.ends_because == "--deadline 2026-05-01T09:00+00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_hours": 0.0}, "--max-hours 0: is not above 0"),
        ({"max_gpu_hours": float("nan")}, "--max-gpu-hours nan: is not above 0"),
        ({"deadline": "tomorrow"}, "is no ISO date, as 2026-05-01T08:00"),
        ({"deadline": "2026-05-01T07:59+00:00"}, "has passed"),
    ],
)
def test_limits_that_cannot_hold_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        _settle(**given)


def test_gpu_hours_are_those_of_the_trials_that_ran():
    now = [0.0]
    budget = Budget(Limits(gpu_hours=1.0), gpus_per_trial=0.5, clock=lambda: now[0])

    now[0] = 3600.0
    budget.observe(1)
    half = budget.refusal(0.0)
    now[0] = 5400.0
    budget.observe(2)

    assert half is None
    assert budget.refusal(0.0) == "--max-gpu-hours 1"


def test_a_look_ahead_counts_the_epoch_and_those_that_are_under_way():
    budget = Budget(Limits(gpu_hours=1.0), gpus_per_trial=1, clock=lambda: 0.0)

    assert budget.refusal(1800.0, others_s=1799.0) is None
    assert budget.refusal(1800.0, others_s=1800.0) == "--max-gpu-hours 1"


def test_gpu_hours_of_earlier_searches_of_the_command_count():
    now = [0.0]
    limits = Limits(gpu_hours=1.0, gpu_hours_before=0.75)
    budget = Budget(limits, gpus_per_trial=1, clock=lambda: now[0])

    now[0] = 899.0
    budget.observe(1)
    before = budget.refusal(0.0)
    now[0] = 900.0
    budget.observe(1)

    assert before is None
    assert budget.refusal(0.0) == "--max-gpu-hours 1"
    assert budget.gpu_hours == 0.25
