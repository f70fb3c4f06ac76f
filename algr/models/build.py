"""From the configuration to a network, and to the parameter groups of its optimiser."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from algr.config import ModelConfig, TrainConfig
from algr.errors import ConfigError
from algr.faces import GRADES, NUM_LANDMARKS
from algr.models.algrnet import ALGRNet, GlobalForm
from algr.models.baselines import build_baseline, has_regions
from algr.models.fusion import GatedFusion
from algr.models.heads import LocalHeads, TwoLinear
from algr.models.regions import MapGeometry, RegionAttention, RegionHeads
from algr.models.relation import Peepholes, SkipBiLSTM, SkipGates
from algr.models.rules import RegionTable
from algr.models.stacks import POOLINGS, AttentionRefinement, FeatureExtractor
from algr.models.stem import Stem
from algr.models.widths import Widths


def build_model(
    config: ModelConfig, *, kind: Literal["au", "grade"], regions: RegionTable
) -> nn.Module:
    """A network with fresh weights; its forward maps (B, 3, H, W) in [-1, 1] to a NetworkOutput.

    `jaanet` is ALGRNet without adaptive regions, relation and fusion, the baselines (`resnet18`,
    `resnet50`, `transformer`) are without regions. A switch of a part that the network does not
    have is not looked at, so that one configuration can serve several networks.

    Args:
        config: The architecture.
        kind: Action units (one per region) or palsy grades.
        regions: From `regions_for`.

    Raises:
        ConfigError: The configuration contradicts itself.
    """
    count = len(regions)
    if not has_regions(config):
        return build_baseline(config, units=count if kind == "au" else None)
    check_model(config)
    is_algrnet = config.kind == "algrnet"
    is_fused = is_algrnet and config.fusion
    global_form: GlobalForm = config.global_feature if is_fused else "upsampled"
    widths = Widths.of(config.width)
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
        relation=_relation(config, channels=channels, side=side, regions=regions)
        if is_algrnet
        else None,
        global_feature=FeatureExtractor(
            inputs=channels, blocks=widths.blocks, pooled=global_form != "unpooled"
        )
        if config.whole_head_global or (is_fused and global_form != "stem")
        else None,
        global_form=global_form,
        fusion=_fusion(config, widths=widths, side=side, regions=count) if is_fused else None,
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


def _fusion(config: ModelConfig, *, widths: Widths, side: int, regions: int) -> GatedFusion:
    """The fusion at the resolution and with the channels that `global_feature` gives it."""
    stem, extracted = (widths.stem[1], side), (widths.blocks[-1], side // 2**POOLINGS)
    (global_channels, global_side), (channels, own_side) = {
        "upsampled": (extracted, stem),
        "stem": (stem, stem),
        "unpooled": ((extracted[0], side), stem),
        "fused_at_5": (extracted, extracted),
    }[config.global_feature]
    return GatedFusion(
        regions=regions,
        channels=channels,
        global_channels=global_channels,
        global_side=global_side,
        side=own_side,
        l2_axis=config.l2_axis,
    )


def _relation(
    config: ModelConfig, *, channels: int, side: int, regions: RegionTable
) -> SkipBiLSTM | None:
    if config.bilstm == "none":
        return None
    gates = None
    if config.bilstm == "skip":
        gates = SkipGates(regions=len(regions), channels=channels, form=config.source_gate)
    return SkipBiLSTM(
        regions=len(regions),
        channels=channels,
        gates=gates,
        peepholes=Peepholes(channels=channels, side=side) if config.peepholes else None,
        cell_state=config.cell_state,
        order=regions.by_height if config.region_order == "height" else tuple(range(len(regions))),
    )


def check_model(config: ModelConfig) -> None:
    """Refuse an architecture that contradicts itself.

    Raises:
        ConfigError: What does not go together.
    """
    if config.kind == "algrnet" and config.cell_state == "gated_sum" and config.bilstm == "plain":
        raise ConfigError(
            "model.cell_state: gated_sum needs the gates of model.bilstm=skip",
            expected="neighbour or zero with model.bilstm=plain, which has no gates",
            advice="algr config show --set model.cell_state=neighbour",
        )


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


def recompute_regions(model: nn.Module) -> None:
    """Let a network compute what its regions have for themselves again in the backward pass.

    Outputs, gradients and running statistics stay the same; memory falls and time rises. A network
    without regions stays as it is.
    """
    if isinstance(model, ALGRNet):
        for part in (model.refinement, model.relation, model.refining):
            if part is not None:
                part.recomputes = True


def parameter_groups(model: nn.Module, *, train: TrainConfig) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser; the offset and scale heads learn more slowly.

    Parameters that are frozen in a fresh network have a group of their own: those that
    `start_epoch` releases later must not share one with parameters that have momentum already,
    which torch's fused SGD refuses.

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
    frozen = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    apart = {id(parameter) for parameter in (*slow, *frozen)}
    usual = [parameter for parameter in model.parameters() if id(parameter) not in apart]
    groups = ((usual, 1.0), (slow, train.region_head_lr_factor), (frozen, 1.0))
    return [
        {"params": params, "lr": train.learning_rate * factor, "lr_factor": factor}
        for params, factor in groups
        if params
    ]
