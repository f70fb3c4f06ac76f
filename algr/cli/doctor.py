"""The doctor's findings as text for people: a table per topic, 100 columns at most."""

import textwrap
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from algr.data.doctor import Examination

WIDTH = 100
_COLOURS = {"refused": "bold red", "warning": "yellow", "note": "dim"}
_VERDICTS = {
    "ready": "ready: it can be prepared as it is",
    "warnings": "warnings: it can be prepared; read them first",
    "refused": "refused: it cannot be prepared before this is mended",
}


def print_examination(found: "Examination") -> None:
    """Head, findings, tables, verdict, and what to type next."""
    reading = found.reading
    typer.echo(found.source)
    typer.echo(
        f"{reading.layout} ({reading.variant}){', simulated' if reading.simulated else ''}: "
        + sizes_text(found.subjects, len(reading.recordings), reading.num_frames)
    )
    typer.echo(_usable_text(found))
    if reading.simulated:
        typer.echo("simulated: drawn faces, nobody's; simulated.json in the folder says so")
    _print_findings(found)
    _print_left_out(found)
    _print_labels(found)
    _print_grades(found)
    _print_clinic(found)
    _print_facts(found)
    typer.echo(f"\nverdict: {_verdict_text(found)}")
    if found.command:
        typer.echo(f"next: {found.command}")


def sizes_text(subjects: int, recordings: int, frames: int) -> str:
    """How much it is, in words."""
    from algr.data.words import counted

    return ", ".join(
        (counted(subjects, "subject"), counted(recordings, "recording"), counted(frames, "frame"))
    )


def _usable_text(found: "Examination") -> str:
    """What is left of it, and every frame that is not."""
    from algr.data.doctor.screening import USED

    frames = dict(found.screening.frames)
    used = frames.pop(USED)
    subjects = len({recording.subject for recording in found.used})
    rest = ", ".join(f"{count} {reason}" for reason, count in frames.items() if count)
    text = f"usable: {sizes_text(subjects, len(found.used), used)}"
    return f"{text}; frames that are not: {rest}" if rest else text


def _verdict_text(found: "Examination") -> str:
    from algr.data.words import counted

    text = _VERDICTS[found.verdict]
    if found.verdict == "refused" or not found.screening.left_out:
        return text
    without = counted(len(found.screening.left_out), "recording")
    return text.replace("prepared;", f"prepared, without {without};")


def _print_left_out(found: "Examination") -> None:
    from algr.data.words import MOST_PROBLEMS

    left_out = found.screening.left_out
    if not left_out:
        return
    typer.echo(f"\nrecordings left out: {len(left_out)}")
    for name, reason in list(left_out.items())[:MOST_PROBLEMS]:
        text = " ".join(f"{name}: {reason}".split())
        typer.echo(
            "\n".join(textwrap.wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    "))
        )
    if len(left_out) > MOST_PROBLEMS:
        typer.echo(f"  and {len(left_out) - MOST_PROBLEMS} more: --json has them")


def _print_findings(found: "Examination") -> None:
    if not found.findings:
        typer.echo("\nnothing was found amiss")
        return
    from rich.text import Text

    table = _table("findings, worst first", "where", "what", right=False)
    table.columns[1].max_width = 30
    for finding in found.findings:
        place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
        table.add_row(
            Text(finding.severity, style=_COLOURS[finding.severity]),
            Text(place, overflow="fold"),
            Text(finding.message),
        )
    _print(table)


def _print_labels(found: "Examination") -> None:
    if not found.labels:
        return
    has_published = any(label.published_rate is not None for label in found.labels)
    headings = ["present", "rate %"] + ["published, scaled %"] * has_published
    table = _table("labels", *headings, "absent", "not coded", "subjects with it")
    for label in sorted(found.labels, key=lambda label: label.rate or 0.0):
        published = [_percent(label.published_rate)] * has_published
        table.add_row(
            label.name,
            str(label.present),
            _percent(label.rate),
            *published,
            str(label.absent),
            str(label.unknown),
            str(label.subjects),
        )
    _print(table)
    if has_published:
        from algr.data.doctor import RATES_SOURCE

        typer.echo("\n".join(textwrap.wrap(f"published: {RATES_SOURCE}", WIDTH)))
    elif found.reading.layout == "bp4d":
        from algr.data.doctor import TOO_FEW_RATES

        typer.echo("\n".join(textwrap.wrap(TOO_FEW_RATES, WIDTH)))
    codes = ", ".join(
        f"{spelling or 'empty'}: {count}" for spelling, count in found.reading.missing_codes.items()
    )
    if codes:
        typer.echo(f"spellings of 'not coded': {codes}")


def _print_grades(found: "Examination") -> None:
    if not found.grades:
        return
    table = _table("grades", "subjects", "recordings", "frames")
    for grade in found.grades:
        table.add_row(grade.name, str(grade.subjects), str(grade.recordings), str(grade.frames))
    _print(table)


def _print_clinic(found: "Examination") -> None:
    clinic = found.clinic
    if clinic is None:
        return
    least, most = clinic.videos_per_patient
    table = _table("clinic", "")
    table.add_row(
        "videos of the manifest", f"{clinic.videos + clinic.excluded + clinic.num_left_out}"
    )
    table.add_row("  excluded by it", f"{clinic.excluded}")
    for reason, count in clinic.left_out.items():
        table.add_row(f"  left out: {reason}", f"{count}")
    table.add_row("  counted here", f"{clinic.videos}")
    table.add_row("patients, with more than one visit", f"{clinic.patients_with_visits}")
    table.add_row("videos per patient", f"{least}" if least == most else f"{least} to {most}")
    table.add_row("raters", f"{clinic.raters}")
    table.add_row("videos with several ratings", f"{clinic.rated_twice}")
    table.add_row("  which differ", f"{clinic.disagreements}")
    table.add_row("  and fall into different classes", f"{clinic.across_classes}")
    for name, count in clinic.exercises.items():
        table.add_row(f"videos with {name}", f"{count}")
    _print(table)


def _print_facts(found: "Examination") -> None:
    landmarks, calibration = found.landmarks, found.calibration
    facts = _table("checks", "", right=False)
    facts.add_row("pictures", f"{found.files} files, {found.pictures_seen} of them decoded")
    if found.standstills.videos:
        facts.add_row("frames held against the one before", _standstill_words(found))
    if found.parts:
        parts = ", ".join(f"{name} {count}" for name, count in found.parts.items())
        facts.add_row("subjects per published part", parts)
    published = found.reading.published
    if published is not None:
        facts.add_row("published", f"{published.frames} frames, {published.subjects} subjects")
    counts = dict(landmarks.counts)
    facts.add_row(
        "frames by their landmarks",
        f"all points {landmarks.frames}, points missing {counts.pop('missing')}, of recordings "
        f"without landmarks {landmarks.without}",
    )
    trouble = ", ".join(
        f"{kind.replace('_', ' ')} {count}" for kind, count in counts.items() if count
    )
    facts.add_row("  of those with all, in doubt", trouble or "none")
    if landmarks.eye_distance_px:
        least, median, most = landmarks.eye_distance_px
        facts.add_row("eye distance", f"{least:.0f} to {most:.0f} pixels, median {median:.0f}")
    facts.add_row("orientation of the landmarks", calibration.axes)
    facts.add_row("picture to landmarks", _offset_words(found))
    facts.add_row("landmarks' middle beside the faces'", _base_words(found))
    facts.add_row("landmarks, subject by subject", _shift_words(found))
    facts.add_row("time", f"{found.seconds:.0f} s")
    _print(facts)


def _standstill_words(found: "Examination") -> str:
    report = found.standstills
    whole = "to their end" if report.whole == report.videos else "as far as --sample goes"
    return f"{report.frames} of {report.videos} videos, {whole}; {report.repeated} repeat it"


def _offset_words(found: "Examination") -> str:
    answer = found.calibration.offset
    if answer.offset is None:
        return "cannot tell"
    return (
        f"{answer.offset:+d} frames" if answer.offset else "the same frame"
    ) + f" ({answer.sureness:.0f} standard errors, {answer.pictures} pictures)"


def _base_words(found: "Examination") -> str:
    answer = found.calibration.base
    if answer.shift_px is None:
        return "cannot tell"
    return f"{answer.shift_px:+.2f} ± {answer.error_px:.2f} pixels ({answer.pictures} faces)"


def _shift_words(found: "Examination") -> str:
    answer = found.shifts
    if answer.why:
        return "cannot tell"
    limit = "one pixel stands out" if answer.tells_a_pixel else "one pixel cannot be told"
    return f"differ by {answer.spread_px:.2f} pixels: {limit}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _table(*headings: str, right: bool = True) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if right and index else "left")
    return table


def _print(table: "Table") -> None:
    from rich.console import Console

    typer.echo()
    console = Console()
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    console.print(table)
