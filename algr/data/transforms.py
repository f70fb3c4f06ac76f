"""Aligned faces to network input, whole batches at once on the device."""

# Shape suffixes: B = images, H, W = 200 or 176 rows, columns, C = colours, L = landmarks (49),
# 2 = x, y.

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from algr.faces import ALIGNED_SIZE, CROP_SIZE, LEFT_EYE, MIRRORED, RIGHT_EYE

MAX_OFFSET = ALIGNED_SIZE - CROP_SIZE
CENTER_OFFSET = MAX_OFFSET // 2


@dataclass(frozen=True, kw_only=True)
class CropBatch:
    """Input of the network, and where the landmarks are in it."""

    images_BCHW: Tensor
    """(B, 3, input_size, input_size) float32 in [-1, 1]."""
    landmarks_BL2: Tensor
    """(B, 49, 2) float32 pixels of the 176 crop, whatever the input size; NaN for none."""


def augment_batch(
    images_BHWC: Tensor, landmarks_BL2: Tensor, *, generator: torch.Generator, input_size: int
) -> CropBatch:
    """A random crop of each image, every other one mirrored on average.

    Args:
        images_BHWC: uint8 (B, 200, 200, 3).
        landmarks_BL2: Pixels of the 200-pixel face.
        generator: Draws on its own device, so that a CPU generator gives the same crops anywhere.
        input_size: Side of the result.
    """
    count = len(images_BHWC)
    device = generator.device
    offsets_B2 = torch.randint(0, MAX_OFFSET + 1, (count, 2), generator=generator, device=device)
    mirrored_B = torch.rand(count, generator=generator, device=device) < 0.5
    return crop_batch(
        images_BHWC,
        landmarks_BL2,
        offsets_B2=offsets_B2,
        mirrored_B=mirrored_B,
        input_size=input_size,
    )


def center_batch(images_BHWC: Tensor, landmarks_BL2: Tensor, *, input_size: int) -> CropBatch:
    """The central crop of each image, not mirrored."""
    middle = slice(CENTER_OFFSET, CENTER_OFFSET + CROP_SIZE)
    return CropBatch(
        images_BCHW=_to_input(images_BHWC[:, middle, middle], input_size=input_size),
        landmarks_BL2=landmarks_BL2 - float(CENTER_OFFSET),
    )


def crop_batch(
    images_BHWC: Tensor,
    landmarks_BL2: Tensor,
    *,
    offsets_B2: Tensor,
    mirrored_B: Tensor,
    input_size: int,
) -> CropBatch:
    """The crop of 176 at each image's offset, mirrored where asked for.

    Args:
        images_BHWC: uint8 (B, 200, 200, 3).
        landmarks_BL2: Pixels of the 200-pixel face.
        offsets_B2: x, y of the crop's first pixel, 0 to 24.
        mirrored_B: Whether to mirror; then x' = 175 - x, and the points change names.
        input_size: Side of the result.
    """
    crop = _crop_by_slices if images_BHWC.device.type == "cpu" else _crop_by_index
    crops_BHWC = crop(images_BHWC, offsets_B2=offsets_B2, mirrored_B=mirrored_B)

    device = landmarks_BL2.device
    moved_BL2 = landmarks_BL2 - offsets_B2[:, None, :].to(landmarks_BL2)
    x_BL, y_BL = moved_BL2[:, torch.tensor(MIRRORED, device=device)].unbind(dim=-1)
    mirrored_BL2 = torch.stack([CROP_SIZE - 1 - x_BL, y_BL], dim=-1)
    return CropBatch(
        images_BCHW=_to_input(crops_BHWC, input_size=input_size),
        landmarks_BL2=torch.where(mirrored_B[:, None, None].to(device), mirrored_BL2, moved_BL2),
    )


def _crop_by_index(images_BHWC: Tensor, *, offsets_B2: Tensor, mirrored_B: Tensor) -> Tensor:
    """All crops by one gather: what an accelerator does best."""
    device = images_BHWC.device
    offsets_B2 = offsets_B2.to(device)
    steps = torch.arange(CROP_SIZE, device=device)
    columns_BW = torch.where(mirrored_B.to(device)[:, None], CROP_SIZE - 1 - steps, steps)
    columns_BW = columns_BW + offsets_B2[:, 0:1]
    rows_BH = steps + offsets_B2[:, 1:2]
    image_B = torch.arange(len(images_BHWC), device=device)
    return images_BHWC[image_B[:, None, None], rows_BH[:, :, None], columns_BW[:, None, :]]


def _crop_by_slices(images_BHWC: Tensor, *, offsets_B2: Tensor, mirrored_B: Tensor) -> Tensor:
    """The same crops, one after the other: on a CPU fifteen times as fast as the gather."""
    crops_BHWC = images_BHWC.new_empty((len(images_BHWC), CROP_SIZE, CROP_SIZE, 3))
    places = zip(offsets_B2.tolist(), mirrored_B.tolist(), strict=True)
    for i, ((left, top), mirrored) in enumerate(places):
        crop_HWC = images_BHWC[i, top : top + CROP_SIZE, left : left + CROP_SIZE]
        crops_BHWC[i] = crop_HWC.flip(1) if mirrored else crop_HWC
    return crops_BHWC


def _to_input(crops_BHWC: Tensor, *, input_size: int) -> Tensor:
    """RGB from 0 to 255 as floats from -1 to 1, at the size that the network takes."""
    images_BCHW = crops_BHWC.permute(0, 3, 1, 2).to(
        torch.float32, memory_format=torch.contiguous_format
    )
    if input_size != CROP_SIZE:
        images_BCHW = interpolate(
            images_BCHW,
            size=(input_size, input_size),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
    return images_BCHW.div_(127.5).sub_(1.0)


def squared_interocular(landmarks_BL2: Tensor) -> Tensor:
    """Squared distance of the eye centres, (B,) in square pixels; NaN without landmarks. Eq. 1."""
    left_B2 = landmarks_BL2[:, list(LEFT_EYE)].mean(dim=1)
    right_B2 = landmarks_BL2[:, list(RIGHT_EYE)].mean(dim=1)
    return (right_B2 - left_B2).square().sum(dim=-1)
