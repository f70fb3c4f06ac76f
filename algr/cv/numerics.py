"""What of the machines a run's numbers depend on, and how its folder remembers it.

Where a run computes is no setting: the number of workers and the kind of device are chosen anew by
each command. What they do to the numbers must nevertheless stay the same from the first epoch on.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algr.durable import write_whole
from algr.engine import Precision
from algr.errors import IntegrityError, StudyError
from algr.versions import record_versions

NUMERICS_FILE = "numerics.json"


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """How the machines of a command make numbers."""

    replicas: int = 1
    """Workers that share the batches of a fold: with several, numbers are others in last digits."""
    precision: Precision | None = None
    """That `train.precision` comes to; None where a version of algr began that did not note it."""
    device: str | None = None
    """`cpu` or `cuda`; may change, is noted in `environment.json`."""

    @property
    def in_identity(self) -> dict[str, Any]:
        """What tells apart; empty for one replica in fp32, as in runs of earlier versions."""
        tree: dict[str, Any] = {}
        if self.replicas > 1:
            tree["replicas"] = self.replicas
        if self.precision == "bf16":
            tree["precision"] = self.precision
        return tree

    @property
    def tags(self) -> dict[str, str]:
        """For the tracker."""
        known = {"replicas": self.replicas, "precision": self.precision, "device": self.device}
        return {f"algr.{key}": str(value) for key, value in known.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """What stands in `numerics.json`."""
        known = {"replicas": self.replicas, "precision": self.precision}
        return {key: value for key, value in known.items() if value is not None}


def numerics_of_run(directory: Path) -> Numerics | None:
    """What the folder of a run or study remembers; None if nothing.

    Raises:
        IntegrityError: The file cannot be read.
    """
    file = directory / NUMERICS_FILE
    if not file.is_file():
        return None
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        return Numerics(replicas=int(tree["replicas"]), precision=tree.get("precision"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"{file} cannot be read: {error}",
            expected='an object as {"replicas": 1, "precision": "fp32"}',
            advice="restore it, or start under a new --name",
        ) from error


def begun_with(directory: Path, now: Numerics, *, is_begun: bool) -> Numerics:
    """What a run that is begun, or goes on, shall remember.

    A run of an earlier version of algr, which noted nothing, is taken for one of one replica, and
    its precision for that which it has now.
    """
    return numerics_of_run(directory) or (Numerics() if is_begun else now)


def numerics_problems(then: Numerics, now: Numerics, *, num_folds: int) -> list[str]:
    """One line for each thing by which the numbers of a run would change, with what to type.

    Args:
        then: What the run remembers.
        now: What the command would do.
        num_folds: That are trained at once.
    """
    problems = []
    if then.replicas != now.replicas:
        workers = then.replicas * num_folds
        typed = f"--workers {workers}" + (" or fewer" if workers > 1 and then.replicas == 1 else "")
        problems.append(
            f"{NUMERICS_FILE}: replicas: {then.replicas} there, {now.replicas} now; go on with "
            f"{typed}"
        )
    if then.precision is not None and then.precision != now.precision:
        problems.append(
            f"{NUMERICS_FILE}: precision: {then.precision} there, {now.precision} now (on a "
            f"{now.device} device; train.precision=auto goes by the device); go on with a device "
            "as at the start, or start under a new --name with --set "
            f"train.precision={then.precision}, the same on all devices"
        )
    return problems


def record_numerics(directory: Path, now: Numerics, *, is_begun: bool, num_folds: int = 1) -> None:
    """Let a folder without `plan.json` of its own, or that of a study, remember.

    Args:
        directory: Of the run or study, which exists.
        now: How this command computes.
        is_begun: Whether an earlier command left numbers there.
        num_folds: That are trained at once.

    Raises:
        StudyError: The numbers of the folder were made in another way.
    """
    then = begun_with(directory, now, is_begun=is_begun)
    problems = numerics_problems(then, now, num_folds=num_folds)
    if problems:
        raise StudyError(
            f"{directory.name} was started with other numerics",
            problems=problems,
            expected="numbers that are all made in one way",
            advice="go on as each line says, or start under a new --name",
        )
    if not (directory / NUMERICS_FILE).exists():
        write_whole(directory / NUMERICS_FILE, json.dumps(then.to_dict(), indent=2) + "\n")
    record_versions(directory, device=now.device)
