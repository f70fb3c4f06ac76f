"""ALGRNet (Ge et al., arXiv 2203.01800) and JAA-Net, put together from their parts.

Shape suffixes: B = images, C = channels, H W = rows and columns, P = pixels of the stem's feature
(row-major), Q = pixels of the global feature, F = flattened feature, A = regions, L = landmarks,
K = grades.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.faces import NUM_LANDMARKS
from algr.models.fusion import GatedFusion
from algr.models.heads import LocalHeads, TwoLinear
from algr.models.output import NetworkOutput
from algr.models.regions import MARGIN, RegionAttention, RegionHeads
from algr.models.relation import SkipBiLSTM
from algr.models.stacks import POOLINGS, AttentionRefinement, FeatureExtractor
from algr.models.stem import Stem

GlobalForm = Literal["upsampled", "stem", "unpooled", "fused_at_5"]


class RegionFeatures(NamedTuple):
    """What the heads classify, and what was found on the way there.

    Attributes:
        landmarks_BL2: Pixels of the 176 crop.
        attention_BAHW: Region attention after refinement, 0 to 1.
        offsets_BA2: Learned shifts of the region centres in inner-eye-corner distances, if any.
        scales_BA: Learned widths of the regions as fractions of the map, if any.
        aligned_BF: Feature of the alignment.
        global_BCHW: Global feature, if there is one.
        regions_BAF: Output of the fusion and refining of each region, flattened from (C, H, W).
    """

    landmarks_BL2: Tensor
    attention_BAHW: Tensor
    offsets_BA2: Tensor | None
    scales_BA: Tensor | None
    aligned_BF: Tensor
    global_BCHW: Tensor | None
    regions_BAF: Tensor


class ALGRNet(nn.Module):
    """Regions by landmarks, related to each other and fused with the face, then classified.

    The parts that a configuration leaves out are None: `region_heads` (adaptive regions),
    `refinement`, `relation` (skip-BiLSTM), `fusion`, `local_heads` (action units only), and
    `global_feature` where neither the fusion nor the whole-face head takes it.

    The global feature G is that of a feature extractor, 5x5 at the paper's size. What the fusion
    takes (`global_form`): "upsampled": G brought to the regions' resolution; "stem": the stem's
    feature in its place; "unpooled": G of an extractor without pooling; "fused_at_5": G as it is,
    after the regions were refined and pooled. The whole-face head takes G at 5x5 in every form;
    "unpooled" is pooled for it.

    For action units the mean region feature is detached before the whole-face head, as in the
    official JAA-Net code. For grades it is not, since no other loss reaches the regions; neither
    are the landmarks that place the regions.
    """

    def __init__(
        self,
        *,
        stem: Stem,
        align: FeatureExtractor,
        landmark_head: TwoLinear,
        region_heads: RegionHeads | None,
        attention: RegionAttention,
        refinement: AttentionRefinement | None,
        relation: SkipBiLSTM | None,
        global_feature: FeatureExtractor | None,
        global_form: GlobalForm,
        fusion: GatedFusion | None,
        refining: FeatureExtractor,
        local_heads: LocalHeads | None,
        whole_head: TwoLinear,
        whole_head_global: bool,
    ) -> None:
        super().__init__()
        self.stem, self.align, self.landmark_head = stem, align, landmark_head
        self.region_heads, self.attention, self.refinement = region_heads, attention, refinement
        self.relation, self.global_feature, self.fusion = relation, global_feature, fusion
        self.refining, self.local_heads, self.whole_head = refining, local_heads, whole_head
        self.global_form, self.whole_head_global = global_form, whole_head_global

    def forward(self, images_BCHW: Tensor) -> NetworkOutput:
        """Landmarks, region attention and log-probabilities of crops scaled to [-1, 1]."""
        return self.classify(self.features(images_BCHW))

    def features(self, images_BCHW: Tensor) -> RegionFeatures:
        """All but the classification, for crops scaled to [-1, 1]."""
        feature_BCHW = self.stem(images_BCHW)
        (aligned_BCHW,) = self.align([feature_BCHW])
        aligned_BF = aligned_BCHW.flatten(1)
        landmarks_BL2 = self.landmark_head(aligned_BF).reshape(-1, NUM_LANDMARKS, 2)
        offsets_BA2, scales_BA, attention_BAHW = self._attend(landmarks_BL2, aligned_BF)
        attention_BAHW = attention_BAHW.to(feature_BCHW.dtype)
        global_BCHW = None
        if self.global_feature is not None:
            (global_BCHW,) = self.global_feature([feature_BCHW])
        regions_BAF = self._refine(
            self._relate(feature_BCHW, attention_BAHW),
            feature_BCHW if self.global_form == "stem" else global_BCHW,
            shape=(feature_BCHW.shape[2], feature_BCHW.shape[3]),
        )
        return RegionFeatures(
            landmarks_BL2=landmarks_BL2,
            attention_BAHW=attention_BAHW,
            offsets_BA2=offsets_BA2,
            scales_BA=scales_BA,
            aligned_BF=aligned_BF,
            global_BCHW=global_BCHW,
            regions_BAF=regions_BAF,
        )

    def classify(self, features: RegionFeatures) -> NetworkOutput:
        """Log-probabilities from the features."""
        regions_BAF = features.regions_BAF
        whole_BF = self._whole(features.aligned_BF, features.global_BCHW, regions_BAF)
        is_grade = self.local_heads is None
        return NetworkOutput(
            landmarks_BL2=features.landmarks_BL2,
            attention_BAHW=features.attention_BAHW,
            offsets_BA2=features.offsets_BA2,
            scales_BA=features.scales_BA,
            local_log_B2A=None if self.local_heads is None else self.local_heads(regions_BAF),
            whole_log_B2A=None
            if is_grade
            else functional.log_softmax(whole_BF.reshape(-1, 2, whole_BF.shape[1] // 2), 1),
            grade_log_BK=functional.log_softmax(whole_BF, 1) if is_grade else None,
        )

    def _attend(
        self, landmarks_BL2: Tensor, aligned_BF: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor]:
        offsets_BA2, scales_BA = None, None
        if self.region_heads is not None:
            offsets_BA2, scales_BA = self.region_heads(aligned_BF)
        if self.local_heads is not None:
            landmarks_BL2 = landmarks_BL2.detach()
        maps_BAHW = self.attention(landmarks_BL2, offsets_BA2, scales_BA)
        if self.refinement is None:
            return offsets_BA2, scales_BA, maps_BAHW[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        return offsets_BA2, scales_BA, self.refinement(maps_BAHW)

    def _relate(self, feature_BCHW: Tensor, attention_BAHW: Tensor) -> list[Tensor]:
        """Region features, (B, P, C) each."""
        if self.relation is not None:
            related: list[Tensor] = self.relation(feature_BCHW, attention_BAHW)
            return related
        feature_BPC = feature_BCHW.flatten(2).transpose(1, 2)
        attention = attention_BAHW.flatten(2).unsqueeze(3).unbind(1)
        return [feature_BPC * attention_BP1 for attention_BP1 in attention]

    def _refine(
        self, regions: list[Tensor], global_BCHW: Tensor | None, *, shape: tuple[int, int]
    ) -> Tensor:
        """Region features (B, P, C), fused with the global one and refined."""
        if self.fusion is not None and self.global_form != "fused_at_5":
            assert global_BCHW is not None
            regions = self.fusion(regions, global_BCHW.flatten(2))
        refined = self.refining(
            [
                region_BPC.reshape(-1, *shape, region_BPC.shape[2]).permute(0, 3, 1, 2)
                for region_BPC in regions
            ]
        )
        if self.fusion is not None and self.global_form == "fused_at_5":
            assert global_BCHW is not None
            pooled = [region_BCHW.flatten(2).transpose(1, 2) for region_BCHW in refined]
            fused = self.fusion(pooled, global_BCHW.flatten(2))
            refined = [region_BPC.transpose(1, 2) for region_BPC in fused]
        return torch.stack([region.flatten(1) for region in refined], 1)

    def _whole(self, aligned_BF: Tensor, global_BCHW: Tensor | None, regions_BAF: Tensor) -> Tensor:
        mean_BF = regions_BAF.mean(1)
        if self.local_heads is not None:
            mean_BF = mean_BF.detach()
        parts = [aligned_BF, mean_BF]
        if self.whole_head_global:
            assert global_BCHW is not None
            if self.global_form == "unpooled":
                global_BCHW = functional.max_pool2d(global_BCHW, 2**POOLINGS)
            parts.insert(1, global_BCHW.flatten(1))
        whole_BF: Tensor = self.whole_head(torch.cat(parts, 1))
        return whole_BF
