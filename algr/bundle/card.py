"""The model card: what the model is, what it was measured on, and what it is not for."""

from algr.bundle.spec import BundleSpec, Score
from algr.config import config_hash

RESEARCH_USE = "For research use only; not a medical device and no basis for a diagnosis."

_PROTOCOLS = {
    "honest": "no subject in two of training, validation and test; each fold's epoch was chosen on "
    "its validation subjects, its test subjects were scored once",
    "paper": "as in the paper: each fold's epoch was chosen by its test score, which makes the "
    "scores optimistic",
    "nested": "hyperparameters were chosen inside each outer fold",
}


def model_card(spec: BundleSpec, *, algr_version: str) -> str:
    """The card as Markdown."""
    what = "facial palsy grade" if spec.kind == "grade" else "facial action units"
    lines = [
        f"# {spec.model_name}",
        "",
        f"{spec.config.model.kind} for {what} from one aligned face image: "
        f"{', '.join(spec.labels)}.",
        "",
        f"**{RESEARCH_USE}**",
        "",
    ]
    if spec.simulated:
        lines += [
            "**Trained and measured on simulated recordings.** Its scores say nothing about "
            "people.",
            "",
        ]
    return "\n".join(
        [
            *lines,
            *_data(spec),
            *_scores(spec),
            *_use(),
            f"Written by algr {algr_version}; configuration {config_hash(spec.config)[:12]} "
            "(config.json).",
            "",
        ]
    )


def _data(spec: BundleSpec) -> list[str]:
    start = "scratch" if spec.start is None else spec.start.origin
    return [
        "## Data",
        "",
        f"- dataset: {spec.dataset} ({'simulated' if spec.simulated else 'recorded'})",
        f"- fingerprint: `{spec.fingerprint}`",
        f"- {spec.num_subjects} subjects, {spec.num_frames} frames; these weights were trained on "
        f"all of them for {spec.num_epochs} epochs",
        f"- started from: {start}",
        "",
    ]


def _scores(spec: BundleSpec) -> list[str]:
    protocol = _PROTOCOLS.get(spec.protocol, spec.protocol)
    rows = [
        f"| {name} | {_figure(score)} | {_interval(score)} |" for name, score in spec.scores.items()
    ]
    return [
        "## Scores",
        "",
        f"Cross-validation of this configuration, protocol `{spec.protocol}`: {protocol}. "
        f"Folds `{spec.folds_hash[:12]}`.",
        "",
        "| score | mean ± sd over folds | 95 %, by bootstrap over test subjects |",
        "| --- | --- | --- |",
        *rows,
        "",
    ]


def _figure(score: Score) -> str:
    if score.mean is None:
        return "undefined"
    if score.sd is None:
        return f"{score.mean:.3f}"
    return f"{score.mean:.3f} ± {score.sd:.3f}"


def _interval(score: Score) -> str:
    found = score.interval
    return "-" if found is None else f"{found.low:.3f} to {found.high:.3f}"


def _use() -> list[str]:
    return [
        "## Use and limits",
        "",
        f"- {RESEARCH_USE}",
        "- It needs a face aligned as algr aligns it (200 x 200, or its centre 176 x 176); other "
        "images need 49 landmarks.",
        "- Skin tones, ages, cameras and head poses that the data lack were not measured. With few "
        "subjects the spread over folds is large; look at it before looking at the mean.",
        "- Each output is a probability of the network, which is not calibrated.",
        "",
    ]
