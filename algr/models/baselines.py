"""The baselines of the paper's Table 7: a network of the whole face, without regions or landmarks.

Shape suffixes: B = images, F = features, A = action units, K = grades.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn
from torch.nn import functional

from algr.config import ModelConfig
from algr.faces import GRADES
from algr.models.axial import AxialEncoder
from algr.models.heads import at_least_float32, full_precision
from algr.models.output import NetworkOutput
from algr.models.resnet import ResNetEncoder


@runtime_checkable
class FollowsEpochs(Protocol):
    """A network of which a part learns in some epochs only."""

    def start_epoch(self, epoch: int) -> None:
        """Make ready for training the epoch, counted from 0; also the first one after a pause."""


class WholeFaceNetwork(nn.Module):
    """An encoder of the whole image and one linear layer on its feature.

    Args:
        encoder: Its feature map (B, F, H, W), with F as `features`, is averaged over the pixels.
        units: Number of action units; None for grades.
    """

    def __init__(self, encoder: ResNetEncoder | AxialEncoder, *, units: int | None) -> None:
        super().__init__()
        self.encoder, self.units = encoder, units
        self.head = nn.Linear(encoder.features, len(GRADES) if units is None else 2 * units)

    def start_epoch(self, epoch: int) -> None:
        """Pass the epoch on to an encoder that follows epochs."""
        if isinstance(self.encoder, AxialEncoder):
            self.encoder.start_epoch(epoch)

    def forward(self, images_BCHW: Tensor) -> NetworkOutput:
        """Log-probabilities of images scaled to [-1, 1]; nothing else."""
        return self.classify(self.encoder.feature_map(images_BCHW))

    def classify(self, feature_BCHW: Tensor) -> NetworkOutput:
        """Log-probabilities from the feature map of the encoder."""
        feature_BF = feature_BCHW.mean((2, 3))
        with full_precision(feature_BF.device):
            scores_BX = self.head(at_least_float32(feature_BF))
        whole_log_B2A, grade_log_BK = None, None
        if self.units is None:
            grade_log_BK = functional.log_softmax(scores_BX, 1)
        else:
            whole_log_B2A = functional.log_softmax(scores_BX.reshape(-1, 2, self.units), 1)
        return NetworkOutput(
            landmarks_BL2=None,
            attention_BAHW=None,
            offsets_BA2=None,
            scales_BA=None,
            local_log_B2A=None,
            whole_log_B2A=whole_log_B2A,
            grade_log_BK=grade_log_BK,
        )


BASELINES = ("resnet18", "resnet50", "transformer")


def has_regions(config: ModelConfig) -> bool:
    """Whether the network finds landmarks and attends to regions; the baselines do not."""
    return config.kind not in BASELINES


def build_baseline(config: ModelConfig, *, units: int | None) -> WholeFaceNetwork:
    """A baseline with fresh weights.

    Args:
        config: Of kind `resnet18`, `resnet50` or `transformer`; its width and, for the
            transformer, its input size count.
        units: Number of action units; None for grades.
    """
    assert not has_regions(config)
    encoder: ResNetEncoder | AxialEncoder
    if config.kind == "transformer":
        encoder = AxialEncoder(input_size=config.input_size, width=config.width)
    elif config.kind == "resnet18":
        encoder = ResNetEncoder.of_18_layers(width=config.width)
    else:
        encoder = ResNetEncoder.of_50_layers(width=config.width)
    return WholeFaceNetwork(encoder, units=units)
