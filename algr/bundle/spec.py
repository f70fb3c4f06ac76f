"""What a model bundle says about its model, apart from the weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from algr.config import Config
from algr.metrics import Interval

Kind = Literal["au", "grade"]


@dataclass(frozen=True)
class Score:
    """One figure over the folds of a cross-validation; `None` where it is undefined."""

    mean: float | None
    sd: float | None
    by_fold: tuple[float | None, ...]
    interval: Interval | None = None
    """95 % of the mean, by bootstrap over test subjects; `None` where they cannot be resampled."""

    @classmethod
    def from_folds(
        cls, by_fold: Sequence[float | None], *, interval: Interval | None = None
    ) -> "Score":
        """Mean and standard deviation (n - 1) over the folds in which the figure is defined."""
        values = [value for value in by_fold if value is not None]
        mean = sum(values) / len(values) if values else None
        sd = None
        if mean is not None and len(values) > 1:
            sd = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        return cls(mean=mean, sd=sd, by_fold=tuple(by_fold), interval=interval)

    def to_dict(self) -> dict[str, Any]:
        """The form that stands in `bundle.json`."""
        interval = self.interval
        return {
            "mean": self.mean,
            "sd": self.sd,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "by_fold": list(self.by_fold),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, has_interval: bool = True) -> "Score":
        """The inverse of `to_dict`.

        Args:
            values: As they stand in `bundle.json`.
            has_interval: Whether it is one over subjects; earlier versions of algr wrote others.
        """
        known = has_interval and values["low"] is not None
        return cls(
            mean=values["mean"],
            sd=values["sd"],
            by_fold=tuple(values["by_fold"]),
            interval=Interval(values["low"], values["high"]) if known else None,
        )


@dataclass(frozen=True, kw_only=True)
class StartOrigin:
    """What the weights of a model started from, where they did not start from scratch."""

    origin: str
    """In words without paths."""
    sha256: str
    """Of the file."""
    fingerprints: tuple[str, ...]
    """Of the datasets that went into it, as far as they are known."""
    people: "tuple[EarlierPeople, ...]" = ()
    """Of those among them whose pictures are noted."""

    def to_dict(self) -> dict[str, Any]:
        """The form that stands in `bundle.json`."""
        return {
            "origin": self.origin,
            "sha256": self.sha256,
            "fingerprints": list(self.fingerprints),
            "people": [asdict(one) for one in self.people],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "StartOrigin":
        """The inverse of `to_dict`."""
        return cls(
            origin=values["origin"],
            sha256=values["sha256"],
            fingerprints=tuple(values["fingerprints"]),
            people=tuple(
                EarlierPeople(
                    fingerprint=one["fingerprint"],
                    dataset=one["dataset"],
                    pictures=tuple(one["pictures"]),
                )
                for one in values.get("people", ())
            ),
        )


@dataclass(frozen=True, kw_only=True)
class EarlierPeople:
    """The people of a dataset that went into the weights from which a model started."""

    fingerprint: str
    """Of the dataset."""
    dataset: str
    """Its name."""
    pictures: tuple[str, ...]
    """Digests of some pictures of each subject."""


@dataclass(frozen=True, kw_only=True)
class BundleSpec:
    """Everything that `write_bundle` needs beside the network itself."""

    dataset: str
    """Name of the prepared dataset; the model is registered as `algr-<dataset>`."""
    kind: Kind
    labels: tuple[str, ...]
    """Grades, mildest first, or action units in the order of the output."""
    config: Config
    """What the model was trained with."""
    fingerprint: str
    """Of the dataset."""
    simulated: bool
    """Whether the dataset came from the simulator."""
    protocol: str
    """Of the cross-validation that gave the scores."""
    folds_hash: str
    metric: str
    """The headline, a key of `scores`."""
    scores: Mapping[str, Score]
    """Test scores of this configuration, by cross-validation (not of these very weights)."""
    num_subjects: int
    num_frames: int
    num_epochs: int
    """Epochs for which these weights were trained."""
    pictures: tuple[str, ...] = ()
    """Digests of some pictures of each subject; empty where the dataset notes none."""
    start: StartOrigin | None = None
    """What they started from; None for scratch."""
    regions: tuple[str, ...] = ()
    """Names of the channels of `attention`; empty for networks without it."""
    thresholds: tuple[float, ...] = field(default=())
    """Per action unit: present at or above; empty for 0.5 everywhere and for grades."""
    draws: tuple[float, ...] = ()
    """The headline in every draw of test subjects, NaN where undefined; empty where unknown."""

    def __post_init__(self) -> None:
        """Refuse what only a programmer can get wrong."""
        assert self.metric in self.scores, f"{self.metric} is not among the scores"
        assert self.kind in ("au", "grade"), self.kind
        assert len(self.thresholds) in (0, len(self.labels)), self.thresholds

    @property
    def model_name(self) -> str:
        """The name in the registry."""
        return f"algr-{self.dataset}"

    @property
    def resolved_thresholds(self) -> tuple[float, ...]:
        """One threshold per action unit; empty for grades."""
        if self.kind == "grade":
            return ()
        return self.thresholds or (0.5,) * len(self.labels)
