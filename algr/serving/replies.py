"""What a prediction looks like as JSON; the same for `algr predict` and `POST /predict`."""

from pydantic import BaseModel, ConfigDict

from algr.bundle import RESEARCH_USE


class Reply(BaseModel):
    """Frozen; fields that do not apply are none and are left out of the JSON."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class FrameReply(Reply):
    """One face."""

    frame: int
    """Number of the frame in its video, from 0; 0 for an image."""
    time_s: float | None = None
    """Seconds after the first frame of the video."""
    grade: str | None = None
    """The most probable grade of facial palsy."""
    grade_index: int | None = None
    """Its index, from 0, the mildest."""
    grade_probability: dict[str, float] | None = None
    """Per grade, mildest first."""
    au_probability: dict[str, float] | None = None
    """Per action unit."""
    landmarks: list[tuple[float, float]] | None = None
    """49 points x, y that the network found, in pixels of what was sent."""


class VideoReply(Reply):
    """A whole video: the mean over its frames."""

    grade: str
    grade_probability: dict[str, float]
    frames_used: int
    """Frames with a face."""


class RejectedFrames(Reply):
    """Frames of a video that were left out for one reason."""

    reason: str
    count: int
    frames: list[int]
    """Their numbers in the video, from 0."""


class ModelReply(Reply):
    """The model that answered."""

    name: str
    version: int | None = None
    """In the registry that it was pulled from."""
    sha256: str
    """Of the bundle's index, which holds the checksums of all its files."""


class PredictionReply(Reply):
    """A prediction."""

    frames: list[FrameReply]
    video: VideoReply | None = None
    rejected: list[RejectedFrames] | None = None
    """Frames of a video that were left out, by reason; the rules are those of a preparation."""
    landmark_source: str | None = None
    """Name of the landmark file that was used, or "detector"."""
    model: ModelReply
    notice: str = RESEARCH_USE

    def to_dict(self) -> dict[str, object]:
        """Plain values, without what does not apply."""
        return self.model_dump(mode="json", exclude_none=True)
