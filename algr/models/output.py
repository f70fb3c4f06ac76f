"""What a network returns.

Shape suffixes: B = images, L = landmarks, A = regions or action units, K = grades, 2 = (x, y) or
(absent, present), H W = cells of the stem's feature.
"""

from typing import NamedTuple

from torch import Tensor


class NetworkOutput(NamedTuple):
    """Outputs of a network; what it does not have is None.

    Attributes:
        landmarks_BL2: Pixels of the 176 crop, whatever the input size; the baselines have none.
        attention_BAHW: Region attention after refinement, 0 to 1.
        offsets_BA2: Learned shifts of the region centres in inner-eye-corner distances.
        scales_BA: Learned widths of the regions as fractions of the map.
        local_log_B2A: Log-probabilities (absent, present) from each unit's own region.
        whole_log_B2A: The same from the whole face.
        grade_log_BK: Log-probabilities of the grades.
    """

    landmarks_BL2: Tensor | None
    attention_BAHW: Tensor | None
    offsets_BA2: Tensor | None
    scales_BA: Tensor | None
    local_log_B2A: Tensor | None
    whole_log_B2A: Tensor | None
    grade_log_BK: Tensor | None

    @property
    def local_probability_BA(self) -> Tensor:
        """Probability of each action unit from its own region."""
        assert self.local_log_B2A is not None, "the network has no local heads"
        return self.local_log_B2A[:, 1].exp()

    @property
    def whole_probability_BA(self) -> Tensor:
        """Probability of each action unit from the whole face."""
        assert self.whole_log_B2A is not None, "the network has no action units"
        return self.whole_log_B2A[:, 1].exp()

    def au_probability_BA(self) -> Tensor:
        """Probability of each action unit: the mean of the local and the whole-face one."""
        present = [
            log_B2A[:, 1].exp()
            for log_B2A in (self.local_log_B2A, self.whole_log_B2A)
            if log_B2A is not None
        ]
        assert present, "the network grades palsy and has no action units"
        total_BA = present[0]
        for other_BA in present[1:]:
            total_BA = total_BA + other_BA
        return total_BA / len(present)

    def grade_probability_BK(self) -> Tensor:
        """Probability of each grade."""
        assert self.grade_log_BK is not None, "the network detects action units and has no grades"
        return self.grade_log_BK.exp()
