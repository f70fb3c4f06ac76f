"""Channel counts and hidden widths of the network, from one factor."""

import math
from dataclasses import dataclass
from typing import Self


def scaled(channels: int, width: float, *, at_least: int = 4, multiple: int = 4) -> int:
    """`channels` times `width`, rounded to a multiple of `multiple`, halves upward."""
    return max(at_least, multiple, multiple * math.floor(channels * width / multiple + 0.5))


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Channel counts and hidden widths; the paper's are `Widths.of(1.0)`.

    Attributes:
        stem: Output channels of the two stem layers; a layer's patch branches have a half, a
            quarter and a quarter of them.
        blocks: Output channels of the three blocks of every feature extractor.
        attention: Channels of the attention refinement.
        head: Hidden width of the landmark, offset, scale and whole-face heads.
        local_head: Hidden width of the head of one action unit.
    """

    stem: tuple[int, int]
    blocks: tuple[int, int, int]
    attention: int
    head: int
    local_head: int

    @classmethod
    def of(cls, width: float) -> Self:
        """Every width of the paper times `width`; heads at least 16."""
        return cls(
            stem=(scaled(32, width), scaled(64, width)),
            blocks=(scaled(96, width), scaled(128, width), scaled(160, width)),
            attention=scaled(64, width),
            head=scaled(512, width, at_least=16),
            local_head=scaled(64, width, at_least=16),
        )
