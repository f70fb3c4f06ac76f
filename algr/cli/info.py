"""`algr data info` for people: a table per topic, 90 columns at most."""

import textwrap
from collections.abc import Mapping
from typing import Any

import typer

WIDTH = 90
_HEADINGS = {
    "rate_per_label": "present %",
    "coded_frames_per_label": "coded frames",
    "subjects_per_grade": "subjects",
    "frames_per_grade": "frames",
}
"""Facts that are columns of one table, a line per label or grade."""
_MIB = 2**20


def print_facts(facts: Mapping[str, Any]) -> None:
    """What `describe_dataset` tells."""
    simulated = ", simulated (nobody's faces)" if facts["simulated"] else ""
    typer.echo(f"{facts['name']}: dataset of kind {facts['kind']}{simulated}")
    _print_rows(_counts(facts))
    _print_labels(facts)
    typer.echo("\nprepared with")
    _print_rows(_flat(facts["parameters"]))
    typer.echo("\nfiles")
    _print_rows(
        {
            "fingerprint": facts["fingerprint"],
            "shards": f"{facts['shards']}, {facts['bytes'] / _MIB:.1f} MiB in all",
            "algr version": facts["algr_version"],
            "directory": facts["directory"],
        }
    )


def _counts(facts: Mapping[str, Any]) -> dict[str, object]:
    rejected = facts["frames_rejected"]
    reasons = ", ".join(f"{reason} {count}" for reason, count in rejected.items())
    counts: dict[str, object] = {
        "subjects": facts["subjects"],
        "videos": f"{facts['videos']}, left out {facts['videos_left_out']}",
        "frames": facts["frames"],
        "frames left out": reasons or "none",
    }
    if "groups" in facts:
        counts["groups"] = facts["groups"]
        parts = facts["subjects_per_published_part"]
        counts["subjects of parts"] = (
            ", ".join(f"{part}: {count}" for part, count in parts.items()) or "none"
        )
    return counts


def _print_labels(facts: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = [name for name in _HEADINGS if name in facts]
    table = Table(box=None, pad_edge=False)
    table.add_column("labels" if facts["kind"] == "au" else "grades")
    for name in columns:
        table.add_column(_HEADINGS[name], justify="right")
    for label in facts["labels"]:
        table.add_row(label, *(_cell(name, facts[name].get(label, 0)) for name in columns))
    typer.echo()
    Console(width=WIDTH).print(table)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if name == "rate_per_label" else f"{value}"


def _flat(parameters: Mapping[str, Any]) -> dict[str, object]:
    """Nested parameters, a line for each group of plain ones."""
    flat: dict[str, object] = {}
    for name, value in parameters.items():
        title = name.replace("_", " ")
        if isinstance(value, Mapping):
            flat[title] = ", ".join(
                f"{inner.replace('_', ' ')} {_plain(part)}" for inner, part in value.items()
            )
        else:
            flat[title] = _plain(value)
    return flat


def _plain(value: object) -> str:
    if value is None:
        return "as the layout says"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value}"


def _print_rows(rows: Mapping[str, object]) -> None:
    width = max(map(len, rows)) + 4
    for name, value in rows.items():
        lines = textwrap.wrap(f"{value}", WIDTH - width, break_on_hyphens=False) or [""]
        typer.echo(f"  {name:<{width - 4}}  {lines[0]}")
        for line in lines[1:]:
            typer.echo(" " * width + line)
