"""Starting a network from the weights of another one: which tensors go where.

Modules without regions take the tensors of the same name where shapes agree. Tensors of regions are
cut into regions and put together anew by the mapping of `map_regions`. Heads whose outputs mean
labels are taken only from a network with the same labels. A module is taken whole or not at all,
apart from regions that the source does not have: those stay fresh.

For DISFA from BP4D this is what the official JAA-Net code does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from algr.config import ModelConfig
from algr.errors import ConfigError
from algr.models.baselines import has_regions
from algr.models.transfer import NetworkSpec, RegionTransfer

_MODULES = (
    *("stem", "align", "landmark_head", "region_heads", "refinement"),
    *("relation.gates", "relation.peepholes", "relation"),
    *("global_feature", "fusion", "refining", "local_heads", "whole_head", "encoder", "head"),
)
"""Names that tensors begin with; the first that fits holds."""
_BY_REGION = ("region_heads.offset.last.", "region_heads.scale.last.")
_BY_LABEL = ("local_heads", "whole_head", "head")
_REGION_MODULES = ("refinement", "fusion", "refining")
_CORE = ("stem", "encoder")
"""Without one of these nothing substantial is loaded."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Weights to start from, and of which network they are."""

    spec: NetworkSpec
    tensors: Mapping[str, Tensor]
    """Its state, by name."""


@dataclass(frozen=True, kw_only=True)
class ModuleStart:
    """What became of the tensors of one module; every tensor stands in one of the lists.

    Attributes:
        name: Of the module.
        loaded: Taken as they are.
        adapted: Put together from the regions of the source; regions that it lacks are fresh.
        skipped: Left fresh although the source has a tensor of that name; "NAME: reason".
        fresh: Left fresh since the source has no counterpart.
    """

    name: str
    loaded: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; skipped tensors with their reasons, the others counted."""
        return {
            "module": self.name,
            "loaded": len(self.loaded),
            "adapted": len(self.adapted),
            "fresh": len(self.fresh),
            "skipped": list(self.skipped),
        }


@dataclass(frozen=True, kw_only=True)
class StartReport:
    """What `load_start` did.

    Attributes:
        modules: In the order of the network.
        regions: Each region of the network with the source's region that it was taken from, None
            for a fresh one; empty where no tensor of regions was taken.
    """

    modules: tuple[ModuleStart, ...]
    regions: tuple[tuple[str, str | None], ...]

    def module(self, name: str) -> ModuleStart:
        """One module's part."""
        return next(module for module in self.modules if module.name == name)

    def takes(self, name: str) -> bool:
        """Whether tensors of this module were taken."""
        return any(one.loaded or one.adapted for one in self.modules if one.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "modules": [module.to_dict() for module in self.modules],
            "regions": dict(self.regions),
        }


def load_start(model: nn.Module, start: Start, *, spec: NetworkSpec) -> StartReport:
    """Put into a fresh network what fits of the weights of another one.

    Args:
        model: Fresh; of `spec`.
        start: The weights.
        spec: Of the model.

    Raises:
        ConfigError: They are of another kind of network, or nothing substantial fits.
    """
    _check_kinds(start.spec.model, spec.model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    transfer = RegionTransfer.between(start.spec, spec)
    groups: dict[str, list[str]] = {}
    for name in state:
        groups.setdefault(_module_of(name), []).append(name)
    modules = tuple(
        _load_module(module, names, state=state, source=start.tensors, transfer=transfer)
        for module, names in groups.items()
    )
    for core in modules:
        if core.name in _CORE and not core.loaded:
            raise _nothing_fits(core, start=start.spec, spec=spec)
    model.load_state_dict(state)
    takes_regions = any(
        module.loaded or module.adapted for module in modules if module.name in _REGION_MODULES
    )
    return StartReport(modules=modules, regions=transfer.words if takes_regions else ())


def _module_of(name: str) -> str:
    return next(module for module in _MODULES if name.startswith(f"{module}."))


def _load_module(
    module: str,
    names: Sequence[str],
    *,
    state: dict[str, Tensor],
    source: Mapping[str, Tensor],
    transfer: RegionTransfer,
) -> ModuleStart:
    """Take a module's tensors into `state`, all of them or none."""
    there = [name for name in names if name in source]
    if not there:
        return ModuleStart(name=module, fresh=tuple(names))
    if module in _BY_LABEL and not transfer.same_labels:
        return _skipped(module, names, there, reason="other labels")
    new, problems = {}, []
    for name in names:
        if name not in source:
            problems.append(f"{name}: not in the source")
            continue
        ours = state[name]
        value = _carried(module, name, ours=ours, theirs=source[name], transfer=transfer)
        if value is None:
            shapes = f"{_shape(source[name])} there, {_shape(ours)} here"
            problems.append(f"{name}: {shapes}")
        else:
            new[name] = value.to(ours.dtype)
    if problems:
        return _skipped(module, names, there, reason="with its module", problems=problems)
    by_region = tuple(name for name in names if _is_by_region(module, name) and state[name].ndim)
    if transfer.is_empty and by_region and module != "region_heads":
        return _skipped(module, names, there, reason="no region in common")
    state.update(new)
    adapted = () if transfer.is_same else by_region
    loaded = tuple(name for name in names if name not in adapted)
    return ModuleStart(name=module, loaded=loaded, adapted=adapted)


def _carried(
    module: str, name: str, *, ours: Tensor, theirs: Tensor, transfer: RegionTransfer
) -> Tensor | None:
    """The tensor for the target; None if the shapes do not let it be taken over."""
    if not _is_by_region(module, name) or ours.ndim == 0:
        return theirs if ours.shape == theirs.shape else None
    if module == "relation.gates":
        return _carried_gates(ours, theirs, transfer)
    return _carried_regions(ours, theirs, transfer)


def _is_by_region(module: str, name: str) -> bool:
    return module in (*_REGION_MODULES, "relation.gates") or name.startswith(_BY_REGION)


def _carried_regions(ours: Tensor, theirs: Tensor, transfer: RegionTransfer) -> Tensor | None:
    """Region-major tensors, cut along the first dimension."""
    parts, others = len(transfer.target_order), len(transfer.source_order)
    if ours.shape[1:] != theirs.shape[1:] or ours.shape[0] * others != theirs.shape[0] * parts:
        return None
    pieces, taken = ours.chunk(parts), theirs.chunk(others)
    return torch.cat(
        [
            piece if index is None else taken[index].to(piece.dtype)
            for piece, index in zip(pieces, transfer.mapping, strict=True)
        ]
    )


def _carried_gates(ours: Tensor, theirs: Tensor, transfer: RegionTransfer) -> Tensor | None:
    """Gates by direction and source step, (2, J, ...)."""
    if transfer.shared_gate:
        return theirs if ours.shape == theirs.shape else None
    if ours.shape[2:] != theirs.shape[2:] or theirs.shape[1] != len(transfer.source_order) - 1:
        return None
    carried = ours.clone()
    for direction in range(2):
        for step, place in transfer.gate_steps(direction):
            carried[direction, step] = theirs[direction, place].to(carried.dtype)
    return carried


def _skipped(
    module: str,
    names: Sequence[str],
    there: Sequence[str],
    *,
    reason: str,
    problems: Sequence[str] = (),
) -> ModuleStart:
    """A module that stays fresh although the source has some of it."""
    told = {problem.partition(":")[0]: problem for problem in problems}
    return ModuleStart(
        name=module,
        skipped=tuple(told.get(name, f"{name}: {reason}") for name in there),
        fresh=tuple(name for name in names if name not in there),
    )


def _shape(tensor: Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"


def _check_kinds(source: ModelConfig, target: ModelConfig) -> None:
    if source.kind == target.kind or (has_regions(source) and has_regions(target)):
        return
    raise ConfigError(
        f"train.init_from holds a {source.kind}, and model.kind is {target.kind}",
        expected=f"weights of a {target.kind}"
        + (" (algrnet and jaanet start from each other)" if has_regions(target) else ""),
        advice=f"set model.kind={source.kind}, or start from other weights",
    )


def _nothing_fits(core: ModuleStart, *, start: NetworkSpec, spec: NetworkSpec) -> ConfigError:
    theirs, ours = start.model, spec.model
    return ConfigError(
        f"train.init_from fits nowhere: its {core.name} has other shapes",
        problems=[problem for problem in core.skipped if " there, " in problem][:4],
        expected=f"weights of width {ours.width:g} and input size {ours.input_size}; these have "
        f"width {theirs.width:g} and input size {theirs.input_size}",
        advice=f"set model.width={theirs.width:g} and model.input_size={theirs.input_size}, or "
        "start from other weights",
    )
