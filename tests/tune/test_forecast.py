"""How many epochs a search is expected to train."""

import pytest

from algr.config import TuneConfig
from algr.tune import forecast_epochs


def test_without_a_pruner_every_trial_trains_all_epochs():
    known = forecast_epochs(TuneConfig(pruner="none"), num_epochs=20, trials=50)

    assert (known.most, known.expected, known.share) == (20, 20.0, 1.0)


def test_a_single_trial_is_never_stopped():
    assert forecast_epochs(TuneConfig(), num_epochs=20, trials=1).expected == 20.0


def test_with_many_trials_the_mean_nears_the_rungs_shares():
    known = forecast_epochs(TuneConfig(), num_epochs=9, trials=100)

    # 1 epoch for all, 2 more for a third, 6 more for a ninth; the first trials get further
    assert 1 + 2 / 3 + 6 / 9 < known.expected < 4


@pytest.mark.parametrize("pruner", ["asha", "median"])
def test_a_forecast_is_the_same_every_time(pruner):
    tune = TuneConfig(pruner=pruner)

    assert forecast_epochs(tune, num_epochs=6, trials=20) == forecast_epochs(
        tune, num_epochs=6, trials=20
    )
