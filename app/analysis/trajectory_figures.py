"""The chart of several runs of one game: the stock of each after its harvests, a thick mean per group.

As in `app.analysis.figures` a figure is a plain dict of Plotly's `data` and `layout`.
"""

from collections.abc import Sequence
from typing import Any

from app.analysis.drawing import base_layout, end_label, level_line, plain, short, spread
from app.analysis.figures import Figure
from app.analysis.palette import DASHES, Palette, Theme, palette
from app.analysis.replay import Replay
from app.commons.config import GameConfig
from app.commons.frozen import Frozen
from app.commons.scenario import Words


class Trajectory(Frozen):
    """One run's stock after each harvest, for charts of several runs."""

    run: str
    label: str
    group: str = ""
    stocks: tuple[int, ...]
    collapsed: bool = False
    complete: bool = True


def trajectories_figure(runs: Sequence[Trajectory], game: GameConfig, words: Words, theme: Theme = "light") -> Figure:
    """Return the stock after each harvest of several runs: thin runs, a thick mean per group, ends marked.

    A collapsed run ends in a cross and counts as 0 in the mean from then on; one that stopped early ends in a hollow
    circle and leaves the mean. A mean is drawn for groups of two runs or more.
    """
    colours = palette(theme)
    unit = words.unit_short
    groups = list(dict.fromkeys(run.group for run in runs))
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, float, str]] = []
    for place, group in enumerate(groups):
        colour = colours.accent if len(groups) == 1 else colours.agent(place)
        members = [run for run in runs if run.group == group]
        data += [_run_line(run, colour, game, unit, thin=len(members) > 1) for run in members]
        mean = _mean(members, game) if len(members) > 1 else []
        if mean:
            label = f"mean of {plain(group)}" if group else "mean"
            data.append(
                {
                    "type": "scatter",
                    "name": label,
                    "x": list(range(len(mean))),
                    "y": mean,
                    "mode": "lines",
                    "line": {"color": colour, "width": 4, "dash": DASHES[place % len(DASHES)]},
                    "hovertemplate": f"{label}, month %{{x}}: %{{y:.1f}} {unit}<extra></extra>",
                }
            )
            ends.append((label, mean[-1], colour))
        elif len(groups) > 1 and members[0].stocks:
            ends.append((plain(short(members[0].label)), members[0].stocks[-1], colour))
    data += _ends(runs, colours, unit)
    layout = base_layout(colours, f"Stock after the harvest ({words.units})", game.months)
    layout["xaxis"] |= {"range": [-0.2, game.months + 0.4], "tick0": 0}
    layout["yaxis"] |= {"range": [-game.capacity * 0.03, game.capacity * 1.08], "rangemode": "tozero"}
    layout["shapes"] = [level_line(game.collapse_threshold, colours.bad, "dash")]
    layout["showlegend"] = False
    ends.append((f"collapse below {game.collapse_threshold} {unit}", game.collapse_threshold, colours.bad))
    layout["margin"] |= {"r": 12 + 7 * max(len(label) for label, _, _ in ends), "t": 48}
    heights = spread([height for _, height, _ in ends], gap=game.capacity * 0.085, top=game.capacity * 1.05)
    layout["annotations"] = [
        end_label(label, height, colour) for (label, _, colour), height in zip(ends, heights, strict=True)
    ]
    collapsed = sum(run.collapsed for run in runs)
    layout["meta"] = {"alt": f"Stock of {len(runs)} runs, month by month; {collapsed} of them collapsed."}
    return {"data": data, "layout": layout}


def trajectory(replay: Replay, *, run: str, label: str, group: str = "") -> Trajectory:
    """Return *replay* as one line of `trajectories_figure`."""
    stocks = tuple(month.stock_after for month in replay.months if month.harvested and month.stock_after is not None)
    return Trajectory(
        run=run,
        label=label,
        group=group,
        stocks=stocks,
        collapsed=replay.collapsed,
        complete=replay.finished or replay.collapsed or replay.months_played >= replay.months_total,
    )


def _run_line(run: Trajectory, colour: str, game: GameConfig, unit: str, *, thin: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": plain(run.label),
        "x": list(range(len(run.stocks) + 1)),
        "y": [game.initial_stock, *run.stocks],
        "customdata": [run.run] * (len(run.stocks) + 1),
        "mode": "lines",
        "line": {"color": colour, "width": 1.25 if thin else 2.5},
        "opacity": 0.55 if thin else 1,
        "hovertemplate": f"{plain(run.label)}, month %{{x}}: %{{y}} {unit}<extra></extra>",
    }


def _ends(runs: Sequence[Trajectory], colours: Palette, unit: str) -> list[dict[str, Any]]:
    """Return the marks of runs that collapsed or stopped early."""
    marks: list[dict[str, Any]] = []
    for name, symbol, colour, chosen in (
        ("collapsed", "x", colours.bad, [run for run in runs if run.collapsed and run.stocks]),
        ("stopped early", "circle-open", colours.warn, [run for run in runs if not run.complete and run.stocks]),
    ):
        if chosen:
            marks.append(
                {
                    "type": "scatter",
                    "name": name,
                    "x": [len(run.stocks) for run in chosen],
                    "y": [run.stocks[-1] for run in chosen],
                    "text": [f"{plain(run.label)} {name} in month {len(run.stocks)}" for run in chosen],
                    "customdata": [run.run for run in chosen],
                    "hovertemplate": f"%{{text}}: %{{y}} {unit}<extra></extra>",
                    "mode": "markers",
                    "marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}},
                }
            )
    return marks


def _mean(runs: Sequence[Trajectory], game: GameConfig) -> list[float]:
    """Return the mean stock from month 0 on, as long as a run that did not stop early is left."""
    means: list[float] = [float(game.initial_stock)]
    for index in range(max((len(run.stocks) for run in runs), default=0)):
        values = [run.stocks[index] if index < len(run.stocks) else 0 for run in runs if _counts(run, index)]
        if not values:
            break
        means.append(sum(values) / len(values))
    return means


def _counts(run: Trajectory, index: int) -> bool:
    return index < len(run.stocks) or run.collapsed
