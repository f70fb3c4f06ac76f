"""Which region of one network stands for which region of another. Knows no tensors."""

from dataclasses import dataclass
from typing import Literal

from algr.config import ModelConfig
from algr.models.baselines import has_regions
from algr.models.rules import RegionTable, regions_for


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What `build_model` makes a network from."""

    kind: Literal["au", "grade"]
    label_names: tuple[str, ...]
    model: ModelConfig

    @property
    def regions(self) -> RegionTable:
        """Of the network, or of the one that would have them."""
        return regions_for(
            kind=self.kind, label_names=self.label_names, palsy_regions=self.model.palsy_regions
        )


def map_regions(*, source: RegionTable, target: RegionTable) -> tuple[int | None, ...]:
    """For each region of the target the source's region to take it from, None for none.

    The one of the same name, else the first one with the same centres.
    """
    by_name = {name: index for index, name in enumerate(source.names)}
    by_centres: dict[frozenset[object], int] = {}
    for index, rule in enumerate(source.rules):
        by_centres.setdefault(frozenset(rule.centres), index)
    return tuple(
        by_name.get(rule.name, by_centres.get(frozenset(rule.centres))) for rule in target.rules
    )


@dataclass(frozen=True, kw_only=True)
class RegionTransfer:
    """How the regions and labels of the source relate to those of the target.

    Attributes:
        mapping: From `map_regions`; empty for networks without regions.
        words: The mapping by names.
        source_order: The source's regions in the order in which it visits them.
        target_order: The target's.
        same_labels: Whether both say the same labels in the same order.
        shared_gate: Whether the target has one skipping gate for all regions.
    """

    mapping: tuple[int | None, ...]
    words: tuple[tuple[str, str | None], ...]
    source_order: tuple[int, ...]
    target_order: tuple[int, ...]
    same_labels: bool
    shared_gate: bool

    @property
    def is_same(self) -> bool:
        """Whether both have the same regions and visit them in the same order."""
        same = self.mapping == tuple(range(len(self.source_order)))
        return same and self.source_order == self.target_order

    @property
    def is_empty(self) -> bool:
        """Whether there are regions, and none in common."""
        return bool(self.mapping) and all(index is None for index in self.mapping)

    @classmethod
    def between(cls, source: NetworkSpec, target: NetworkSpec) -> "RegionTransfer":
        """Of two networks that both have regions or both have none."""
        same_labels = (source.kind, source.label_names) == (target.kind, target.label_names)
        if not has_regions(target.model):
            return cls(
                mapping=(),
                words=(),
                source_order=(),
                target_order=(),
                same_labels=same_labels,
                shared_gate=False,
            )
        theirs, ours = source.regions, target.regions
        mapping = map_regions(source=theirs, target=ours)
        words = tuple(
            (name, None if index is None else theirs.names[index])
            for name, index in zip(ours.names, mapping, strict=True)
        )
        return cls(
            mapping=mapping,
            words=words,
            source_order=_order(source.model, theirs),
            target_order=_order(target.model, ours),
            same_labels=same_labels,
            shared_gate=target.model.source_gate == "shared",
        )

    def gate_steps(self, direction: int) -> list[tuple[int, int]]:
        """Pairs (step of the target, step of the source) whose gates have a counterpart.

        A gate belongs to the region that is visited at its step; the backward direction visits the
        regions in the opposite order. The last region of a direction has no gate.
        """
        ours, theirs = self.target_order, self.source_order
        if direction:
            ours, theirs = ours[::-1], theirs[::-1]
        place = {region: step for step, region in enumerate(theirs[:-1])}
        pairs = ((step, self.mapping[region]) for step, region in enumerate(ours[:-1]))
        return [(step, place[region]) for step, region in pairs if region in place]


def _order(model: ModelConfig, regions: RegionTable) -> tuple[int, ...]:
    return regions.by_height if model.region_order == "height" else tuple(range(len(regions)))
