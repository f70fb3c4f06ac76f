"""What a training starts from, told before it begins: on standard error."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from algr.compose import StartInUse, StartNotice
    from algr.models import ModuleStart, StartReport


def print_start(notice: "StartNotice") -> None:
    """What was loaded, skipped and left fresh, by module, and what else is to be known."""
    if notice.start is not None:
        typer.echo(start_line(notice.start), err=True)
        for line in _table(notice.start.report):
            typer.echo(f"  {line}", err=True)
        if notice.start.landmarks_win:
            typer.echo("  loaded landmarks win over train.landmark_start=mean", err=True)
    for remark in notice.remarks:
        typer.echo(f"note: {remark}", err=True)


def start_line(start: "StartInUse") -> str:
    """One line: where the weights come from."""
    return f"started from {start.origin} (sha256 {start.sha256[:12]})"


def _table(report: "StartReport") -> list[str]:
    width = max(len(module.name) for module in report.modules)
    rows = [
        f"{module.name:{width}}  {len(module.loaded):6}  {len(module.adapted):7}  "
        f"{len(module.fresh):5}  {len(module.skipped):7}  {_reason(module)}".rstrip()
        for module in report.modules
    ]
    heading = f"{'module':{width}}  loaded  adapted  fresh  skipped"
    regions = [f"regions: {_regions(report)}"] if report.regions else []
    return [heading, *rows, *regions]


def _reason(module: "ModuleStart") -> str:
    if not module.skipped:
        return ""
    telling = [text for text in module.skipped if " there, " in text] or list(module.skipped)
    name, _, reason = telling[0].partition(": ")
    return f"{name.removeprefix(f'{module.name}.')} {reason}" if " there, " in reason else reason


def _regions(report: "StartReport") -> str:
    """Regions that change their name or stay fresh; how many keep it."""
    kept = sum(source == name for name, source in report.regions)
    moved = [
        f"{name} fresh" if source is None else f"{name} <- {source}"
        for name, source in report.regions
        if source != name
    ]
    return ", ".join([*moved, f"{kept} of the same name"] if kept else moved)
