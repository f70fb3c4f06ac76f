"""The network as its papers print it: loops over patches, regions, steps and pairs.

Reads the parameters of the modules under test and computes everything again in the plainest way,
so that a fast form can be held against it. Shape suffixes as in `algr.models`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.algrnet import ALGRNet
from algr.models.fusion import GatedFusion
from algr.models.heads import LocalHeads, TwoLinear
from algr.models.relation import SkipBiLSTM
from algr.models.stacks import AttentionRefinement, FeatureExtractor
from algr.models.stem import PatchConv, Stem, StemLayer


def batch_norm_relu(norm: nn.BatchNorm2d, x_BCHW: Tensor, channels: slice) -> Tensor:
    """Normalised by the statistics of the batch itself, or else the kept ones, then ReLU."""
    if norm.training:
        mean = x_BCHW.mean((0, 2, 3), keepdim=True)
        variance = x_BCHW.var((0, 2, 3), unbiased=False, keepdim=True)
    else:
        mean = norm.running_mean[channels][None, :, None, None]
        variance = norm.running_var[channels][None, :, None, None]
    weight, bias = (p[channels][None, :, None, None] for p in (norm.weight, norm.bias))
    return functional.relu((x_BCHW - mean) / torch.sqrt(variance + norm.eps) * weight + bias)


def patch_conv(module: PatchConv, x_BCHW: Tensor) -> Tensor:
    count, outputs = module.patches, module.outputs
    inputs = x_BCHW.shape[1]
    rows = []
    for row, strip in enumerate(x_BCHW.chunk(count, 2)):
        patches = []
        for column, patch in enumerate(strip.chunk(count, 3)):
            index = row * count + column
            taken = slice(index * inputs, (index + 1) * inputs)
            given = slice(index * outputs, (index + 1) * outputs)
            normed = batch_norm_relu(module.norm, patch, taken)
            weight, bias = module.conv.weight[given], module.conv.bias[given]
            patches.append(functional.conv2d(normed, weight, bias, padding=1))
        rows.append(torch.cat(patches, 3))
    return torch.cat(rows, 2)


def stem_layer(module: StemLayer, x_BCHW: Tensor) -> Tensor:
    x = functional.conv2d(x_BCHW, module.conv.weight, module.conv.bias, padding=1)
    first = patch_conv(module.patches_8, x)
    second = patch_conv(module.patches_4, first)
    third = patch_conv(module.patches_2, second)
    everything = slice(0, x.shape[1])
    return batch_norm_relu(module.norm, x + torch.cat((first, second, third), 1), everything)


def stem(module: Stem, images_BCHW: Tensor) -> Tensor:
    x = functional.max_pool2d(stem_layer(module.layer_1, images_BCHW), 2)
    return functional.max_pool2d(stem_layer(module.layer_2, x), 2)


def features(module: FeatureExtractor, x_BCHW: Tensor, region: int) -> Tensor:
    for index, layer in enumerate(module.layers):
        outputs = layer.conv.out_channels // layer.regions
        own = slice(region * outputs, (region + 1) * outputs)
        x_BCHW = functional.conv2d(x_BCHW, layer.conv.weight[own], layer.conv.bias[own], padding=1)
        x_BCHW = batch_norm_relu(layer.norm, x_BCHW, own)
        if module.pooled and index % 2 == 1:
            x_BCHW = functional.max_pool2d(x_BCHW, 2)
    return x_BCHW


def refinement(module: AttentionRefinement, maps_BAHW: Tensor) -> Tensor:
    refined = []
    for region in range(maps_BAHW.shape[1]):
        x = maps_BAHW[:, region : region + 1]
        for layer in module.layers:
            outputs = layer.conv.out_channels // layer.regions
            own = slice(region * outputs, (region + 1) * outputs)
            x = functional.conv2d(x, layer.conv.weight[own], layer.conv.bias[own])
            if layer.norm is not None:
                x = batch_norm_relu(layer.norm, x, own)
        refined.append(torch.sigmoid(x))
    return torch.cat(refined, 1)


def direction(module: SkipBiLSTM, regions: list[Tensor], which: int) -> list[Tensor]:
    """Eqs. (7) to (9) over (B, C, H, W) regions in the order of the steps.

    The cell is eq. (3) of Shi et al. 2015, with or without its peepholes.
    """
    batch, channels, height, width = regions[0].shape
    peeps = [torch.zeros(channels, height, width, dtype=regions[0].dtype)] * 3
    if module.peepholes is not None:
        peeps = list(module.peepholes.weight.chunk(2)[which].chunk(3))
    rows = slice(which * 4 * channels, (which + 1) * 4 * channels)
    weight = torch.cat((module.input_weight[rows], module.hidden_weight[rows]), 1)
    bias = module.bias[rows]
    zero = torch.zeros(batch, channels, height, width, dtype=regions[0].dtype)
    hidden: list[Tensor] = []
    cells: list[Tensor] = []
    for region in regions:
        received, gated_cells = zero, zero
        for source, (state, cell) in enumerate(zip(hidden, cells, strict=True)):
            if module.gates is None:
                received = state
                continue
            index = min(source, module.gates.weight.shape[1] - 1)
            kernel = module.gates.weight[which, index][:, :, None, None]
            offset = module.gates.bias[which, index, 0]
            gate = torch.sigmoid(
                functional.conv2d(state * region, kernel, offset).mean((2, 3), keepdim=True)
            )
            received = received + state * gate
            gated_cells = gated_cells + cell * gate
        before = {"neighbour": cells[-1] if cells else zero, "zero": zero}.get(
            module.cell_state, gated_cells
        )
        total = functional.conv2d(torch.cat((region, received), 1), weight, bias, padding=1)
        i, f, o, u = total.chunk(4, 1)
        forget = torch.sigmoid(f + peeps[1] * before)
        cell = forget * before + torch.sigmoid(i + peeps[0] * before) * torch.tanh(u)
        hidden.append(torch.sigmoid(o + peeps[2] * cell) * torch.tanh(cell))
        cells.append(cell)
    return hidden


def relation(module: SkipBiLSTM, feature_BCHW: Tensor, attention_BAHW: Tensor) -> list[Tensor]:
    """Eqs. (7) to (11): related region features (B, C, H, W), in the dataset's order."""
    regions = [feature_BCHW * attention_BAHW[:, t : t + 1] for t in range(attention_BAHW.shape[1])]
    visited = [regions[t] for t in module.order]
    ahead = direction(module, visited, 0)
    back = direction(module, visited[::-1], 1)[::-1]
    related = list(regions)
    for step, t in enumerate(module.order):
        related[t] = regions[t] + (ahead[step] + back[step]) / 2
    return related


def fusion(module: GatedFusion, regions: list[Tensor], global_BCHW: Tensor) -> list[Tensor]:
    """Eqs. (12), (13): G upsampled, four 1x1 convolutions per region, l2 normalisation."""
    channels = regions[0].shape[1]
    dims = {"channel": (1,), "spatial": (2, 3), "map": (1, 2, 3)}[module.l2_axis]
    large = global_BCHW
    if global_BCHW.shape[2] < regions[0].shape[2]:
        large = functional.interpolate(
            global_BCHW, size=regions[0].shape[2:], mode="bilinear", align_corners=False
        )
    fused = []
    for t, region in enumerate(regions):
        rows = slice(t * 2 * channels, (t + 1) * 2 * channels)
        of_global = functional.conv2d(
            large, module.from_global.weight[rows], module.from_global.bias[rows]
        )
        of_region = functional.conv2d(
            region, module.from_region.weight[rows], module.from_region.bias[rows]
        )
        gate = torch.sigmoid(of_global[:, :channels] + of_region[:, :channels])
        value_global, value_region = (
            value[:, channels:] / value[:, channels:].square().sum(dims, keepdim=True).sqrt()
            for value in (of_global, of_region)
        )
        fused.append(gate * value_global + (1 - gate) * value_region)
    return fused


def two_linear(module: TwoLinear, x_BF: Tensor) -> Tensor:
    hidden = x_BF @ module.first.weight.T + module.first.bias
    return hidden @ module.last.weight.T + module.last.bias


def local_heads(module: LocalHeads, flat: list[Tensor]) -> Tensor:
    logs = []
    for t, x_BF in enumerate(flat):
        hidden = x_BF @ module.first_weight[t] + module.first_bias[t]
        logs.append((hidden @ module.last_weight[t] + module.last_bias[t]).log_softmax(1))
    return torch.stack(logs, 2)


def network(model: ALGRNet, images_BCHW: Tensor) -> dict[str, Tensor | None]:
    """The whole forward pass in training mode."""
    feature = stem(model.stem, images_BCHW)
    aligned = features(model.align, feature, 0).flatten(1)
    landmarks = two_linear(model.landmark_head, aligned).unflatten(1, (49, 2))
    offsets, scales = None, None
    if model.region_heads is not None:
        heads = model.region_heads
        shift = two_linear(heads.offset, aligned).unflatten(1, (-1, 2))
        offsets = heads.offset_bound * torch.tanh(shift)
        scales = heads.region_scale * 2 ** torch.tanh(two_linear(heads.scale, aligned))
    is_au = model.local_heads is not None
    maps = model.attention(landmarks.detach() if is_au else landmarks, offsets, scales)
    attention = (
        refinement(model.refinement, maps)
        if model.refinement is not None
        else maps[:, :, 4:-4, 4:-4]
    )
    whole = None
    if model.global_feature is not None:
        whole = features(model.global_feature, feature, 0)
    count = attention.shape[1]
    if model.relation is not None:
        regions = relation(model.relation, feature, attention)
    else:
        regions = [feature * attention[:, t : t + 1] for t in range(count)]
    if model.fusion is not None and model.global_form != "fused_at_5":
        given = feature if model.global_form == "stem" else whole
        regions = fusion(model.fusion, regions, given)
    refined = [features(model.refining, region, t) for t, region in enumerate(regions)]
    if model.fusion is not None and model.global_form == "fused_at_5":
        refined = fusion(model.fusion, refined, whole)
    flat = [region.flatten(1) for region in refined]
    mean = sum(flat) / count
    parts = [aligned, mean.detach() if is_au else mean]
    if model.whole_head_global:
        for _ in range(3 if model.global_form == "unpooled" else 0):
            whole = functional.max_pool2d(whole, 2)
        parts.insert(1, whole.flatten(1))
    out = two_linear(model.whole_head, torch.cat(parts, 1))
    return {
        "landmarks_BL2": landmarks,
        "attention_BAHW": attention,
        "offsets_BA2": offsets,
        "scales_BA": scales,
        "local_log_B2A": local_heads(model.local_heads, flat) if is_au else None,
        "whole_log_B2A": out.unflatten(1, (2, -1)).log_softmax(1) if is_au else None,
        "grade_log_BK": None if is_au else out.log_softmax(1),
    }
