"""From the configuration to a network, and to the parameter groups of its optimiser."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from algr.config import ModelConfig, TrainConfig
from algr.errors import ConfigError
from algr.faces import GRADES, NUM_LANDMARKS
from algr.models.algrnet import ALGRNet
from algr.models.fusion import GatedFusion
from algr.models.heads import LocalHeads, TwoLinear
from algr.models.regions import MapGeometry, RegionAttention, RegionHeads
from algr.models.relation import SkipBiLSTM, SkipGates
from algr.models.rules import RegionTable
from algr.models.stacks import AttentionRefinement, FeatureExtractor
from algr.models.stem import Stem
from algr.models.widths import Widths

POOLINGS = 3
"""Poolings of a feature extractor."""


def build_model(
    config: ModelConfig, *, kind: Literal["au", "grade"], regions: RegionTable
) -> nn.Module:
    """A network with fresh weights; its forward maps (B, 3, H, W) in [-1, 1] to a NetworkOutput.

    `jaanet` is ALGRNet without adaptive regions, relation and fusion; the switches `adaptive`,
    `bilstm` and `fusion`, and those that only refine them, have no meaning for it.

    Args:
        config: The architecture.
        kind: Action units (one per region) or palsy grades.
        regions: From `regions_for`.

    Raises:
        ConfigError: The configuration asks for what is not built.
    """
    _check(config)
    is_algrnet = config.kind == "algrnet"
    widths = Widths.of(config.width)
    count = len(regions)
    side = config.input_size // 4
    small_side = side // 2**POOLINGS
    channels, feature_channels = widths.stem[1], widths.blocks[-1]
    features = feature_channels * small_side**2
    adaptive = is_algrnet and config.adaptive
    return ALGRNet(
        stem=Stem(channels=widths.stem),
        align=FeatureExtractor(inputs=channels, blocks=widths.blocks),
        landmark_head=TwoLinear(features, widths.head, 2 * NUM_LANDMARKS),
        region_heads=RegionHeads(
            features=features,
            hidden=widths.head,
            regions=count,
            region_scale=config.region_scale,
            offset_bound=config.region_offset_bound,
        )
        if adaptive
        else None,
        attention=RegionAttention(
            table=regions,
            geometry=MapGeometry(feature_side=side, form=config.geometry),
            region_scale=config.region_scale,
            rounding=not adaptive,
        ),
        refinement=AttentionRefinement(regions=count, channels=widths.attention)
        if config.refine_attention
        else None,
        relation=_relation(config, channels=channels, regions=regions) if is_algrnet else None,
        global_feature=FeatureExtractor(inputs=channels, blocks=widths.blocks),
        fusion=GatedFusion(
            regions=count,
            channels=channels,
            global_channels=feature_channels,
            global_side=small_side,
            side=side,
            l2_axis=config.l2_axis,
        )
        if is_algrnet and config.fusion
        else None,
        refining=FeatureExtractor(inputs=channels, blocks=widths.blocks, regions=count),
        local_heads=LocalHeads(regions=count, features=features, hidden=widths.local_head)
        if kind == "au"
        else None,
        whole_head=TwoLinear(
            features * (3 if config.whole_head_global else 2),
            widths.head,
            2 * count if kind == "au" else len(GRADES),
        ),
        whole_head_global=config.whole_head_global,
    )


def _relation(config: ModelConfig, *, channels: int, regions: RegionTable) -> SkipBiLSTM | None:
    if config.bilstm == "none":
        return None
    gates = None
    if config.bilstm == "skip":
        gates = SkipGates(regions=len(regions), channels=channels, form=config.source_gate)
    return SkipBiLSTM(
        regions=len(regions),
        channels=channels,
        gates=gates,
        cell_state=config.cell_state,
        order=regions.by_height if config.region_order == "height" else tuple(range(len(regions))),
    )


def _check(config: ModelConfig) -> None:
    if config.kind not in ("algrnet", "jaanet"):
        raise ConfigError(
            f"model.kind: {config.kind} is not built yet",
            expected="algrnet or jaanet",
            advice="algr config show --set model.kind=jaanet",
        )
    problems = []
    if config.peepholes:
        problems.append("model.peepholes: true is not built yet; only false is")
    if config.global_feature != "upsampled":
        problems.append(
            f"model.global_feature: {config.global_feature} is not built yet; only upsampled is"
        )
    if config.cell_state == "gated_sum" and config.bilstm != "skip":
        problems.append("model.cell_state: gated_sum needs the gates of model.bilstm=skip")
    if problems:
        raise ConfigError("the network cannot be built as configured", problems=problems)


def start_at_face(model: nn.Module, landmarks_L2: Tensor) -> None:
    """Let the landmark head of a fresh network begin at a given face, such as the mean one.

    Without it the landmarks begin at the crop's corner, and so do the regions; the first hundred
    steps or so go into bringing them to the face. Neither paper does this.

    Args:
        model: A network of `build_model`; one without landmarks stays as it is.
        landmarks_L2: Pixels of the 176 crop.
    """
    if isinstance(model, ALGRNet):
        with torch.no_grad():
            model.landmark_head.last.bias.copy_(landmarks_L2.flatten())


def parameter_groups(model: nn.Module, *, train: TrainConfig) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser; the offset and scale heads learn more slowly.

    Returns:
        Groups with "params", "lr" (the learning rate at the start) and "lr_factor", by which a
        schedule multiplies its common learning rate. Groups without parameters are left out.
    """
    slow = [
        parameter
        for module in model.modules()
        if isinstance(module, RegionHeads)
        for parameter in module.parameters()
    ]
    slow_ids = {id(parameter) for parameter in slow}
    usual = [parameter for parameter in model.parameters() if id(parameter) not in slow_ids]
    groups = ((usual, 1.0), (slow, train.region_head_lr_factor))
    return [
        {"params": params, "lr": train.learning_rate * factor, "lr_factor": factor}
        for params, factor in groups
        if params
    ]
