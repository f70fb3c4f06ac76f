"""One embedded store for all tests of a process: its schema takes seconds to make."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from algr.config import DataHome
from algr.tracking import DatasetInfo, Tracker

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> DataHome:
    return DataHome(tmp_path_factory.mktemp("home"))


@pytest.fixture
def dataset() -> DatasetInfo:
    """A dataset, hence an experiment, of the test's own."""
    return DatasetInfo(
        name=f"clinic{next(_numbers)}",
        kind="grade",
        fingerprint="c0ffee" * 10 + "abcd",
        simulated=True,
        num_subjects=24,
        num_frames=960,
    )


@pytest.fixture
def connect(home: DataHome, dataset: DatasetInfo) -> Iterator[Callable[[], Tracker]]:
    """Opens trackers on the test's dataset and closes them at its end."""
    opened = []

    def open_tracker() -> Tracker:
        opened.append(Tracker.connect(home, dataset=dataset))
        return opened[-1]

    yield open_tracker
    for tracker in opened:
        tracker.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """MLflow's own use of SQLAlchemy is not ours to mend; one worker makes the store once."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder):
            item.add_marker(
                pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
            )
            item.add_marker(pytest.mark.xdist_group("tracking"))
