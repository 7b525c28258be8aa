"""A picture of what came of a scenario: SVG or PNG, by matplotlib where it is installed."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

from headgate.cli.played import Result

HOW_TO_INSTALL = "--plot needs matplotlib: pip install 'headgate[plot]'"
KINDS = (".svg", ".png")
SIZE_IN = (11.0, 9.0)
COLOURS = ("#0b6e99", "#d9730d", "#5a8f29", "#a4373a", "#6940a5", "#8a6d1d", "#3d3d3d")


class NoPlot(Exception):
    """There is nothing to draw with, or no such kind of picture."""


def check(file: Path) -> None:
    """Raises `NoPlot` for a picture that could not be drawn, before anything is played."""
    if file.suffix.lower() not in KINDS:
        raise NoPlot(f"--plot: the file's name must end in {' or '.join(KINDS)}")
    _library()


def _library() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise NoPlot(HOW_TO_INSTALL) from None
    matplotlib.use("agg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "headgate", "axes.spines.top": False, "axes.spines.right": False}
    )
    return matplotlib


def plot(result: Result, file: Path) -> None:
    """Draws it: requests a minute, waits, and use of the keys. The same result is the same file, byte for
    byte."""
    _library()
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, layout="constrained")
    rates, waits, use = figure.subplots(3, 1, height_ratios=(3, 2.4, 2))
    figure.suptitle(result.title or "Scenario", x=0.01, ha="left", fontweight="bold")
    unit, name = _unit(result.duration_s)
    times = [
        (place + 0.5) * result.timeline.bucket_s / unit for place in range(len(result.timeline.asked_rpm))
    ]
    _rates(rates, result, times)
    _waits(waits, result, times)
    for axes in (rates, waits):
        axes.set_xlim(0, result.duration_s / unit)
        axes.set_xlabel(name)
        if result.warmup_s:
            axes.axvspan(0, result.warmup_s / unit, color="#eeeeee", zorder=0)
    _use(use, result)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)


def _unit(seconds: float) -> tuple[float, str]:
    """The unit of the time axis, in seconds, and its name."""
    if seconds > 2 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds > 180 else (1.0, "seconds")


def _rates(axes: Any, result: Result, times: list[float]) -> None:
    line = result.timeline
    axes.plot(times, line.asked_rpm, color="#9a9a9a", label="asked for")
    axes.plot(times, line.answered_rpm, color=COLOURS[0], label="answered")
    axes.plot(times, line.refused_rpm, color=COLOURS[3], label="refused")
    base = result.effective.base_rpm
    if base:
        axes.axhline(base, color=COLOURS[1], linestyle="--", linewidth=1, label=f"base: {base:,.0f}")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("requests a minute")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _waits(axes: Any, result: Result, times: list[float]) -> None:
    colours = cycle(COLOURS)
    for name, waits in result.timeline.wait_p99_s.items():
        seconds = [float("nan") if wait is None else wait for wait in waits]
        axes.plot(times, seconds, color=next(colours), label=name, linewidth=1.2)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("wait, p99, seconds")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _use(axes: Any, result: Result) -> None:
    """A bar for every key with a limit."""
    bars = [
        (f"{name} {number}" if len(provider.keys) > 1 else name, key.used, key.throttled)
        for name, provider in result.providers.items()
        for number, key in provider.keys.items()
        if key.used is not None
    ]
    axes.bar([bar[0] for bar in bars], [100 * (bar[1] or 0.0) for bar in bars], color=COLOURS[0], width=0.6)
    for place, (_, used, throttled) in enumerate(bars):
        said = f"{used:.0%}" + (f"\n{throttled} × 429" if throttled else "")
        axes.text(place, 100 * (used or 0.0) + 1, said, ha="center", va="bottom", fontsize=8)
    axes.set_ylim(0, 118)
    axes.set_ylabel("% of limit used")
    axes.tick_params(axis="x", labelrotation=30 if len(bars) > 8 else 0)
