"""What a network looked at: regions, attention and class activation maps (paper, Fig. 5).

Tensors only. Positions are pixels of the 176 crop, pixel centres at whole numbers, whatever the
input size.

Shape suffixes: B = images, A = regions, C = centres of a region, 2 = (x, y), 4 = (left, top,
right, bottom), M = maps, F = channels of an activation, H W = cells of a map, X = pixels along a
side of the crop, K = grades.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from algr.faces import CROP_SIZE
from algr.models.algrnet import ALGRNet
from algr.models.axial import AxialEncoder
from algr.models.baselines import WholeFaceNetwork
from algr.models.output import NetworkOutput
from algr.models.regions import MARGIN, RegionAttention, region_centres
from algr.models.stacks import POOLINGS


@dataclass(frozen=True, kw_only=True)
class CellGrid:
    """Where the cells of a square map lie on the crop."""

    side: int
    first_px: float
    """Centre of the first cell, along x and y alike."""
    step_px: float
    """From a centre to the next."""

    @classmethod
    def of_feature(cls, *, side: int, stride: int, offset: float, input_size: int) -> "CellGrid":
        """The grid whose cell i lies about pixel `stride` i + `offset` of the network's input."""
        scale = CROP_SIZE / input_size
        return cls(side=side, first_px=(offset + 0.5) * scale - 0.5, step_px=stride * scale)

    def centres(self, cells: Tensor) -> Tensor:
        """Centres of cells, pixels; beyond the crop's edge on it."""
        return (self.first_px + self.step_px * cells).clamp(0, CROP_SIZE - 1)


def on_crop(maps_BMHW: Tensor, grid: CellGrid) -> Tensor:
    """Maps brought to the pixels of the crop, (B, M, 176, 176).

    Bilinear between the centres of the cells; constant beyond the outermost ones.
    """
    weights_XH = _interpolation(grid, like=maps_BMHW)
    return weights_XH @ maps_BMHW @ weights_XH.T


def _interpolation(grid: CellGrid, *, like: Tensor) -> Tensor:
    pixel_X = torch.arange(CROP_SIZE, dtype=like.dtype, device=like.device)
    place_X = ((pixel_X - grid.first_px) / grid.step_px).clamp(0, grid.side - 1)
    cell_H = torch.arange(grid.side, dtype=like.dtype, device=like.device)
    return (1 - (place_X[:, None] - cell_H).abs()).clamp_min(0)


@dataclass(frozen=True, kw_only=True)
class ClassMaps:
    """Class activation maps: what speaks for a target, and where.

    Attributes:
        maps_BMHW: Divided by their largest value, hence 0 to 1; where nothing speaks for the
            target, 0 everywhere.
        largest_BM: The largest value before that, in log-odds of the target.
        grid: Where the cells lie.
    """

    maps_BMHW: Tensor
    largest_BM: Tensor
    grid: CellGrid

    def peaks_px(self) -> Tensor:
        """Where each map is largest, (B, M, 2); NaN for a map that is 0 everywhere."""
        side = self.grid.side
        cell_BM = self.maps_BMHW.flatten(2).argmax(2)
        cells_BM2 = torch.stack((cell_BM % side, cell_BM // side), 2).to(self.maps_BMHW.dtype)
        peaks_BM2 = self.grid.centres(cells_BM2)
        return peaks_BM2.masked_fill((self.largest_BM <= 0)[:, :, None], torch.nan)


@dataclass(frozen=True, kw_only=True)
class RegionPlaces:
    """Where the muscle regions lie.

    Attributes:
        rule_BAC2: Centres by the rules alone, from the landmarks that the network found.
        moved_BAC2: The same with the learned offsets.
        windows_BAC4: The square of each centre where it acts: at the cells of the stem's feature
            that the map multiplies. With the geometry "jaa" that is another place than that of
            the centre.
        scale_factor_BA: Learned width of a region over the width at the start.
    """

    rule_BAC2: Tensor
    moved_BAC2: Tensor
    windows_BAC4: Tensor
    scale_factor_BA: Tensor


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a network said about images, and what of them spoke for it.

    Attributes:
        output: Of the network.
        grade_B: The grade that the maps are about; none for action units.
        class_maps: With regions, one map per region: for an action unit about its own presence,
            for grades all about the grade. Without, one per action unit, or one about the grade.
        places: None for a network without regions.
        attention_grid: Of the attention; none for a network without regions.
    """

    output: NetworkOutput
    grade_B: Tensor | None
    class_maps: ClassMaps
    places: RegionPlaces | None
    attention_grid: CellGrid | None


def explain_network(
    network: nn.Module, images_BCHW: Tensor, *, grade: int | None = None
) -> Explanation:
    """Regions, attention and class activation maps of a network, in evaluation mode.

    The maps are HiResCAM (Draelos and Carin 2020): ReLU(sum_f A_f dy/dA_f) in every cell, with the
    channels A_f of an activation and the target y. Behind linear heads the cells' shares sum up to
    y but for the bias; behind a mean over the cells they are those of Grad-CAM. The target is
    log p / (1 - p): for action units of the presence that the unit's local head sees, or the whole
    head where there is no local one; for grades of the grade. A is the output of the fusion and
    refining of a region; without regions, the last stage of the encoder.

    The network keeps its mode, gets no hooks, and its parameters no gradients.

    Args:
        network: Of `build_model`.
        images_BCHW: As the network takes them, in [-1, 1].
        grade: Index of the grade that the maps are about; none for the predicted one of each
            image. Not for action units.
    """
    with _evaluating(network), torch.enable_grad():
        if isinstance(network, ALGRNet):
            return _explain_regions(network, images_BCHW, grade=grade)
        assert isinstance(network, WholeFaceNetwork), type(network)
        return _explain_whole_face(network, images_BCHW, grade=grade)


def _explain_regions(network: ALGRNet, images_BCHW: Tensor, *, grade: int | None) -> Explanation:
    with torch.no_grad():
        features = network.features(images_BCHW)
    regions_BAF = features.regions_BAF.requires_grad_()
    output = network.classify(features._replace(regions_BAF=regions_BAF))
    grade_B, odds_BX = _log_odds(output, grade=grade)
    feature_side, input_size = features.attention_BAHW.shape[3], images_BCHW.shape[3]
    side = feature_side // 2**POOLINGS
    # An image's own odds, and a unit's, depend on its own features: one gradient serves all.
    (slope_BAF,) = torch.autograd.grad(odds_BX.sum(), regions_BAF)
    shape = (*regions_BAF.shape[:2], -1, side, side)
    maps_BAHW = _activation_maps(regions_BAF.detach().reshape(shape), slope_BAF.reshape(shape))
    # Poolings drop the last cell of an odd side, so that the cells need not cover the crop.
    stride = 4 * 2**POOLINGS
    grid = CellGrid.of_feature(
        side=side, stride=stride, offset=(stride - 1) / 2, input_size=input_size
    )
    return Explanation(
        output=_detached(output),
        grade_B=grade_B,
        class_maps=_normalised(maps_BAHW, grid),
        places=_places(network.attention, _detached(output)),
        attention_grid=CellGrid.of_feature(
            side=feature_side, stride=4, offset=1.5, input_size=input_size
        ),
    )


def _explain_whole_face(
    network: WholeFaceNetwork, images_BCHW: Tensor, *, grade: int | None
) -> Explanation:
    with torch.no_grad():
        feature_BFHW = network.encoder.feature_map(images_BCHW)
    feature_BFHW.requires_grad_()
    output = network.classify(feature_BFHW)
    grade_B, odds_BM = _log_odds(output, grade=grade)
    maps = []
    for odds_B in odds_BM.unbind(1):
        (slope_BFHW,) = torch.autograd.grad(odds_B.sum(), feature_BFHW, retain_graph=True)
        maps.append(_activation_maps(feature_BFHW.detach(), slope_BFHW))
    # A residual network's strided kernels stand on every 32nd pixel from the first; the means of
    # the transformer cover 2 x 2 cells each, below a first kernel that stands on every 2nd pixel.
    stride, offset = (16, 7.0) if isinstance(network.encoder, AxialEncoder) else (32, 0.0)
    grid = CellGrid.of_feature(
        side=feature_BFHW.shape[3],
        stride=stride,
        offset=offset,
        input_size=images_BCHW.shape[3],
    )
    return Explanation(
        output=_detached(output),
        grade_B=grade_B,
        class_maps=_normalised(torch.stack(maps, 1), grid),
        places=None,
        attention_grid=None,
    )


def _log_odds(output: NetworkOutput, *, grade: int | None) -> tuple[Tensor | None, Tensor]:
    """The grade asked about, and log p / (1 - p) of the targets: (B, A), or (B, 1) of a grade."""
    log_BK = output.grade_log_BK
    if log_BK is None:
        assert grade is None, "action units have no grade"
        log_B2A = output.whole_log_B2A if output.local_log_B2A is None else output.local_log_B2A
        assert log_B2A is not None
        return None, log_B2A[:, 1] - log_B2A[:, 0]
    grade_B = log_BK.detach().argmax(1)
    if grade is not None:
        grade_B = torch.full_like(grade_B, grade)
    chosen_BK = torch.zeros_like(log_BK, dtype=torch.bool).scatter(1, grade_B[:, None], value=True)
    others_BK = log_BK.masked_fill(chosen_BK, -torch.inf)
    own_B1 = log_BK.gather(1, grade_B[:, None])
    return grade_B, own_B1 - others_BK.logsumexp(1, keepdim=True)


def _activation_maps(activation: Tensor, slope: Tensor) -> Tensor:
    """What each cell adds to the target, where it adds: (..., F, H, W), both, to (..., H, W)."""
    return (slope * activation).sum(-3).relu()


def _normalised(maps_BMHW: Tensor, grid: CellGrid) -> ClassMaps:
    largest_BM = maps_BMHW.amax((2, 3))
    divisor_BM = torch.where(largest_BM > 0, largest_BM, 1)
    return ClassMaps(
        maps_BMHW=maps_BMHW / divisor_BM[:, :, None, None], largest_BM=largest_BM, grid=grid
    )


def _places(attention: RegionAttention, output: NetworkOutput) -> RegionPlaces:
    landmarks_BL2, scales_BA = output.landmarks_BL2, output.scales_BA
    assert landmarks_BL2 is not None
    rule_BAC2, moved_BAC2 = (
        region_centres(
            landmarks_BL2,
            landmark_index_AC=attention.landmark_index_AC,
            shift_AC2=attention.shift_AC2.to(landmarks_BL2.dtype),
            offsets_BA2=offsets_BA2,
        )
        for offsets_BA2 in (None, output.offsets_BA2)
    )
    if scales_BA is None:
        scales_BA = landmarks_BL2.new_full(rule_BAC2.shape[:2], attention.region_scale)
    return RegionPlaces(
        rule_BAC2=rule_BAC2,
        moved_BAC2=moved_BAC2,
        windows_BAC4=_windows(attention, moved_BAC2, scales_BA),
        scale_factor_BA=scales_BA / attention.region_scale,
    )


def _windows(attention: RegionAttention, centres_BAC2: Tensor, scales_BA: Tensor) -> Tensor:
    """The squares that `region_maps` draws, each brought to the feature that it multiplies."""
    geometry = attention.geometry
    cells_BAC2 = geometry.to_cells(centres_BAC2)
    half_BA11 = scales_BA[:, :, None, None] * ((geometry.side - 1) / 2)
    if attention.rounding:
        cells_BAC2, half_BA11 = cells_BAC2.round(), half_BA11.round()
    low_BAC2 = (cells_BAC2 - half_BA11).clamp(0, geometry.side - 1) - 0.5
    high_BAC2 = (cells_BAC2 + half_BA11).clamp(0, geometry.side - 1) + 0.5
    corners_BAC4 = torch.cat((low_BAC2, high_BAC2), 3)
    return (corners_BAC4 - MARGIN + 0.5) * (CROP_SIZE / geometry.feature_side) - 0.5


def _detached(output: NetworkOutput) -> NetworkOutput:
    return NetworkOutput(*(None if value is None else value.detach() for value in output))


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every module gets back the mode that it had."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
