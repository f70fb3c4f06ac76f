"""Which epochs still fit, on a clock of our own."""

from algr.tune import Budget, Limits, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _pace(clock: Clock, **limits: float) -> Pace:
    return Pace(Budget(Limits(**limits), gpus_per_trial=1, clock=clock))


def test_a_trial_is_judged_by_its_own_last_epoch_and_a_new_one_by_the_median():
    clock = Clock()
    pace = _pace(clock, ends_at=100.0)
    for number, epoch_s in enumerate((3.0, 5.0, 60.0)):
        pace.begin(number)
        pace.note(number, epoch_s)
    pace.note(0, 4.0)

    clock.now = 95.5

    assert pace.refusal(0) is None
    assert pace.refusal(1) is not None
    assert pace.refusal(2) is not None
    assert pace.refusal() is not None
    clock.now = 94.9
    assert pace.refusal() is None


def test_before_any_epoch_nothing_is_refused_but_a_limit_that_is_reached():
    clock = Clock()
    pace = _pace(clock, ends_at=100.0)
    clock.now = 99.0

    assert pace.refusal() is None
    clock.now = 100.0
    assert pace.refusal() is not None


def test_gpu_hours_are_kept_back_for_the_epochs_that_others_are_in():
    clock = Clock()
    pace = _pace(clock, gpu_hours=1.0)
    for number, epoch_s in ((0, 1000.0), (1, 200.0)):
        pace.begin(number)
        pace.note(number, epoch_s)
    clock.now = 800.0  # 1600 s are used, trial 0 needs 200 more
    pace.note(1, 200.0)

    assert pace.refusal(1) is None
    clock.now = 1600.0  # 3200 s are used, and trial 0 begins another one
    pace.note(0, 1000.0)
    assert pace.refusal(1) == "--max-gpu-hours 1"


def test_a_trial_that_has_ended_uses_nothing_any_more():
    clock = Clock()
    pace = _pace(clock, gpu_hours=1.0)
    pace.begin(0)
    pace.begin(1)
    clock.now = 1000.0
    pace.end(1)
    clock.now = 2599.0

    before = pace.reached()
    clock.now = 2600.0

    assert before is None
    assert pace.reached() == "--max-gpu-hours 1"
