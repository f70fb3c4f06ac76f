"""The sections of the configuration, with the paper's values as defaults.

Help texts stand under the fields and are what `algr config show --help-keys` prints.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A frozen group of keys; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataConfig(Section):
    """How frames are taken and cropped."""

    fps: PositiveFloat = 6.0
    """Frames per second that algr data prepare takes of clinic videos; training does not look at
    it, and what a dataset was prepared with stands in the dataset."""
    crop_size: Literal[176] = 176
    """Side of the crop from the aligned 200-pixel face, pixels."""
    augment: bool = True
    """Random crop and flip while training."""


class ModelConfig(Section):
    """The network and its switches; those of a part that the network lacks are not looked at."""

    kind: Literal["algrnet", "jaanet", "resnet18", "resnet50", "transformer"] = "algrnet"
    """Architecture."""
    input_size: Annotated[int, Field(ge=64, le=512, multiple_of=16)] = 176
    """Side to which the crop is resized on the device, pixels."""
    width: Annotated[float, Field(ge=0.125, le=2)] = 1.0
    """Factor on every channel and hidden width."""
    region_scale: Annotated[float, Field(gt=0.02, le=0.5)] = 0.14
    """Width of a region relative to the feature map, at the start of training."""
    region_offset_bound: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Largest learned shift of a region centre, in inner-eye-corner distances."""
    adaptive: bool = True
    """Learn offsets and scales of the regions."""
    bilstm: Literal["skip", "plain", "none"] = "skip"
    """Relation between regions: skip-BiLSTM, BiLSTM, or none."""
    fusion: bool = True
    """Gated fusion of the global feature into each region."""
    refine_attention: bool = True
    """Refine the region maps by a small network per region."""
    geometry: Literal["jaa", "aligned"] = "jaa"
    """Where a map lies on the feature grid: as the official code, or exactly."""
    global_feature: Literal["upsampled", "stem", "unpooled", "fused_at_5"] = "upsampled"
    """What the fusion takes as global feature: the extractor's, upsampled; the stem's; that of an
    extractor without pooling; or the extractor's as it is, after the regions were refined."""
    l2_axis: Literal["channel", "map", "spatial"] = "channel"
    """Axis of the l2 normalisation in the fusion."""
    source_gate: Literal["vector", "scalar", "shared"] = "vector"
    """Form of the skipping gates W_j."""
    cell_state: Literal["neighbour", "gated_sum", "zero"] = "neighbour"
    """Cell state that enters the recurrent cell."""
    peepholes: bool = False
    """Let the gates of the recurrent cell see the cell."""
    region_order: Literal["dataset", "height"] = "dataset"
    """Order in which the recurrent network visits the regions."""
    whole_head_global: bool = True
    """Give the global feature to the whole-face head."""
    palsy_regions: Literal["single12", "pairs6"] = "single12"
    """Regions of the grade task: twelve single centres or six pairs."""


class LossConfig(Section):
    """Weights and forms of the loss terms."""

    align_weight: NonNegativeFloat = 0.5
    """Weight λ of the landmark loss."""
    dice: Literal["image", "official", "none"] = "image"
    """Form of the Dice loss of action units."""
    class_weights: Literal["inverse_occurrence", "none"] = "inverse_occurrence"
    """Weights per action unit or grade."""


class TrainConfig(Section):
    """The recipe."""

    num_epochs: PositiveInt = 20
    """Epochs per fold."""
    batch_size: Annotated[int, Field(ge=2)] = 8
    """Images per step, over all replicas of a fold."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum as in the paper, or AdamW, which needs fewer steps."""
    learning_rate: PositiveFloat = 0.01
    """Learning rate at the start."""
    decay_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Factor on the learning rate every `decay_every_epochs`."""
    decay_every_epochs: PositiveInt = 2
    """Epochs between two decays."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Nesterov momentum of sgd; first decay rate of adamw."""
    weight_decay: NonNegativeFloat = 5e-4
    """Weight decay on every parameter."""
    region_head_lr_factor: NonNegativeFloat = 0.1
    """Factor on the learning rate of the offset and scale heads."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the learning rate rises linearly."""
    clip_norm: PositiveFloat | None = None
    """Largest gradient norm; none for no clipping."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic; auto is bf16 where the accelerator has it, else fp32."""
    recompute: Literal["none", "regions"] = "none"
    """What the backward pass computes again instead of keeping it: nothing, or all that regions
    have for themselves (less memory, more time, the same numbers)."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile; on is not built yet, auto is off."""
    threads_per_fold: PositiveInt = 1
    """CPU threads per fold; fixed, so that results do not depend on the number of workers."""
    sync_batch_norm: bool = False
    """Normalise by the whole batch where replicas share a fold, not by each one's part."""
    landmark_start: Literal["corner", "mean"] = "corner"
    """Where landmarks begin: the crop's corner, as in the paper, or the training subjects' mean."""
    init_from: str | None = None
    """Start: a FILE, a model's FOLDER, bp4d@champion, bp4d/3, run:NAME or run:NAME:K."""


class CvConfig(Section):
    """Folds and protocol."""

    scheme: Literal["kfold", "loso"] = "kfold"
    """What a fold tests: one of `num_folds` parts, or one subject (or group) left out."""
    num_folds: Annotated[int, Field(ge=2)] = 3
    """Number of folds; under loso only of the inner folds of the protocol nested."""
    protocol: Literal["honest", "paper", "nested"] = "honest"
    """Who chooses: validation subjects the epoch; the test fold as in the paper; or, in algr tune,
    inner folds the hyperparameters of each outer fold."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    """Share of the training subjects that is held out for validation."""
    repeats: PositiveInt = 1
    """Cross-validations by algr cv, each on folds drawn anew."""
    fold_seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Seed of the folds alone, the run's seed where none is given; the same one keeps the folds of
    runs that differ in their seed."""


class TuneConfig(Section):
    """The search."""

    pruner: Literal["asha", "median", "none"] = "asha"
    """Rule that stops weak trials early."""
    grace_epochs: PositiveInt = 1
    """Epochs before a trial may be stopped."""
    reduction_factor: Annotated[int, Field(ge=2)] = 3
    """One trial in this many survives each rung."""
    startup_trials: Annotated[int, Field(ge=0)] = 10
    """Random trials before the model-based suggestions begin."""


class Config(Section):
    """The whole tree."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
    cv: CvConfig = CvConfig()
    tune: TuneConfig = TuneConfig()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of everything that is drawn."""

    @model_validator(mode="after")
    def _grace_fits(self) -> Self:
        if self.tune.pruner == "asha" and self.tune.grace_epochs > self.train.num_epochs:
            raise ValueError(
                f"tune.grace_epochs ({self.tune.grace_epochs}) is larger than "
                f"train.num_epochs ({self.train.num_epochs})"
            )
        return self


PRESETS: dict[str, dict[str, object]] = {
    "paper": {},
    "tiny": {
        "model.input_size": 96,
        "model.width": 0.25,
        "model.geometry": "aligned",
        "train.num_epochs": 6,
        "train.batch_size": 16,
        "train.optimizer": "adamw",
        "train.learning_rate": 0.002,
        "train.clip_norm": 5.0,
        "train.landmark_start": "mean",
        "train.warmup_steps": 50,
    },
}
