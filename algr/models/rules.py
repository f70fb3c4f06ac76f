"""Where the muscle regions lie: rules that place centres from landmarks.

Knows no tensors. The rules of action units are those of JAA-Net (Shao et al.); those of palsy
regions are algr's own proposal, since the paper shows its twelve muscle centres only in a figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from algr.errors import ConfigError


@dataclass(frozen=True)
class RegionCentre:
    """A centre at `landmark` plus (dx, dy) rulers; the ruler is |x22 - x25|, y points down."""

    landmark: int
    dx: float
    dy: float


@dataclass(frozen=True)
class RegionRule:
    """A region: the union of squares about its centres."""

    name: str
    centres: tuple[RegionCentre, ...]


@dataclass(frozen=True)
class RegionTable:
    """The regions of a dataset, in the order of its labels; all have equally many centres.

    Attributes:
        rules: One per region.
        mirrored: Region i of a mirrored face is region mirrored[i] of the face.
        by_height: Region indices from the forehead to the chin.
    """

    rules: tuple[RegionRule, ...]
    mirrored: tuple[int, ...]
    by_height: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the regions."""
        return tuple(rule.name for rule in self.rules)

    @property
    def num_centres(self) -> int:
        """Centres per region."""
        return len(self.rules[0].centres)

    @property
    def landmark_index(self) -> tuple[tuple[int, ...], ...]:
        """Landmark of each centre, one row per region."""
        return tuple(tuple(centre.landmark for centre in rule.centres) for rule in self.rules)

    @property
    def shifts(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """(dx, dy) of each centre in rulers, one row per region."""
        return tuple(
            tuple((centre.dx, centre.dy) for centre in rule.centres) for rule in self.rules
        )


def _both(name: str, left: int, right: int, dy: float) -> RegionRule:
    return RegionRule(name, (RegionCentre(left, 0.0, dy), RegionCentre(right, 0.0, dy)))


_AU_RULES = {
    rule.name: rule
    for rule in (
        _both("AU1", 4, 5, -1 / 2),
        _both("AU2", 1, 8, -1 / 3),
        _both("AU4", 2, 7, 1 / 3),
        _both("AU6", 24, 29, 1.0),
        _both("AU7", 21, 26, 0.0),
        _both("AU9", 15, 17, -1 / 2),
        _both("AU10", 43, 45, 0.0),
        _both("AU12", 31, 37, 0.0),
        _both("AU14", 31, 37, 0.0),
        _both("AU15", 31, 37, 0.0),
        _both("AU17", 39, 41, 1 / 2),
        _both("AU23", 34, 40, 0.0),
        _both("AU24", 34, 40, 0.0),
        _both("AU25", 34, 40, 0.0),
        _both("AU26", 39, 41, 1 / 2),
    )
}
_AU_BY_HEIGHT = (
    *("AU1", "AU2", "AU4", "AU7", "AU9", "AU6", "AU10", "AU12", "AU14", "AU15"),
    *("AU23", "AU24", "AU25", "AU17", "AU26"),
)
"""By the mean height of the centres on a frontal neutral face."""

_PALSY_PAIRS = (
    _both("frontalis", 2, 7, -1 / 3),
    _both("orbicularis oculi", 21, 26, 0.0),
    _both("nasalis", 15, 17, -1 / 2),
    _both("zygomaticus", 24, 29, 1.0),
    _both("orbicularis oris", 31, 37, 0.0),
    _both("depressor anguli oris", 41, 39, 1 / 2),
)
"""Image-left centre first; top to bottom."""


def regions_for(*, kind: str, label_names: Sequence[str], palsy_regions: str) -> RegionTable:
    """The regions of a dataset.

    Args:
        kind: "au", one region per label, or "grade".
        label_names: Names of the action units ("AU1", ...) in the dataset's order; not read for
            grades.
        palsy_regions: For grades: "single12", one region per muscle and side, or "pairs6", one
            per muscle with a centre on either side.

    Raises:
        ConfigError: An action unit has no rule, or `palsy_regions` is unknown.
    """
    if kind == "au":
        return _action_unit_regions(label_names)
    if kind != "grade":
        raise ConfigError(f"dataset kind {kind!r} is unknown", expected="'au' or 'grade'")
    if palsy_regions == "pairs6":
        same = tuple(range(len(_PALSY_PAIRS)))
        return RegionTable(rules=_PALSY_PAIRS, mirrored=same, by_height=same)
    if palsy_regions == "single12":
        return _single_palsy_regions()
    raise ConfigError(
        f"model.palsy_regions: {palsy_regions!r} is unknown", expected="single12 or pairs6"
    )


def _action_unit_regions(label_names: Sequence[str]) -> RegionTable:
    unknown = [name for name in label_names if name not in _AU_RULES]
    if unknown or not label_names:
        raise ConfigError(
            "no region is defined for some action units of the dataset"
            if unknown
            else "the dataset names no action unit",
            problems=[f"{name}: no rule" for name in unknown],
            expected=f"some of {', '.join(_AU_RULES)}",
            advice="prepare the dataset with these action units only",
        )
    rules = tuple(_AU_RULES[name] for name in label_names)
    return RegionTable(
        rules=rules,
        mirrored=tuple(range(len(rules))),
        by_height=tuple(
            sorted(range(len(rules)), key=lambda i: _AU_BY_HEIGHT.index(rules[i].name))
        ),
    )


def _single_palsy_regions() -> RegionTable:
    rules = tuple(
        RegionRule(f"{pair.name} {side}", (centre,))
        for pair in _PALSY_PAIRS
        for side, centre in zip(("image-left", "image-right"), pair.centres, strict=True)
    )
    return RegionTable(
        rules=rules,
        mirrored=tuple(index ^ 1 for index in range(len(rules))),
        by_height=tuple(range(len(rules))),
    )
