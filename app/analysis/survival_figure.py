"""The survival curves of a comparison: steps of Kaplan and Meier with intervals, marks of runs, the row at risk."""

from collections.abc import Sequence
from typing import Any

from app.analysis.ask import Answers
from app.analysis.comparison_drawing import Figure, Members, band, colour_of, frame
from app.analysis.drawing import end_label, plain, short
from app.analysis.groups import ComparedRun, Group
from app.analysis.palette import DASHES, SYMBOLS, Palette

RISK_ROW, RISK_TOP = 17, 62


def survival_figure(groups: Sequence[Group], members: Members, answers: Answers, colours: Palette) -> Figure:
    """Return the survival curves with bands, a mark a run, and how many runs are at risk below the months."""
    months = max((group.curve.horizon for group in groups), default=12)
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, float, str]] = []
    for place, group in enumerate(groups):
        colour, curve = colour_of(colours, place, len(groups)), group.curve
        stairs: list[tuple[float, float | None, float | None]] = []
        for step in curve.steps:
            if step.low is not None:
                stairs += [(step.month, step.low, step.high), (step.month + 1, step.low, step.high)]
        stairs = [(min(x, curve.horizon), low, high) for x, low, high in stairs]
        if stairs:
            data.append(band(stairs, colour, group.label))
        known = [
            step for step in curve.steps if step.month <= max(1, curve.known_until) or curve.at(curve.horizon) == 0
        ]
        data.append(
            {
                "type": "scatter",
                "name": plain(group.label),
                "x": [0, *(step.month for step in known)],
                "y": [1.0, *(step.survival for step in known)],
                "text": [f"{step.at_risk} at risk" for step in (*known[:1], *known)],
                "mode": "lines",
                "line": {"color": colour, "width": 2.5, "shape": "hv", "dash": DASHES[place % len(DASHES)]},
                "hovertemplate": f"{plain(group.label)}, month %{{x}}: %{{y:.0%}}, %{{text}}<extra></extra>",
            }
        )
        data.append(_marks(group, members[group.label], answers, colour, place))
        if known:
            ends.append((group.label, known[-1].survival, colour))
    layout = frame(colours, "Share of runs without a collapse", months, ends, top=1.04)
    layout["yaxis"] |= {"range": [-0.03, 1.04], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    layout["yaxis"]["ticktext"] = ["0 %", "25 %", "50 %", "75 %", "100 %"]
    layout["xaxis"] |= {"range": [-0.2, months + 0.2], "tick0": 0}
    layout["xaxis"]["title"] = {**layout["xaxis"]["title"], "text": "month; below: runs at risk"}
    layout["margin"]["b"] = RISK_TOP + 12 + RISK_ROW * len(groups)
    layout["annotations"] += _at_risk(groups, colours, months)
    counts = ", ".join(f"{group.label} {group.curve.at(months):.0%}" for group in groups[:8])
    layout["meta"] = {"alt": f"Kaplan-Meier survival curves. Share without a collapse at the end: {counts}."}
    return {"data": data, "layout": layout}


def _marks(group: Group, runs: Sequence[ComparedRun], answers: Answers, colour: str, place: int) -> dict[str, Any]:
    """Return a mark a run that collapsed, and a tick a run that stopped early, on the curve."""
    chosen = [(run, run.outcome(answers)) for run in runs]
    shown = [(run, one) for run, one in chosen if one.collapsed or not one.complete]
    return {
        "type": "scatter",
        "name": f"collapses and early stops of {plain(group.label)}",
        "x": [one.month for _, one in shown],
        "y": [group.curve.at(one.month) for _, one in shown],
        "customdata": [run.run for run, _ in shown],
        "text": [f"{plain(run.label)} {'collapsed' if one.collapsed else 'stopped early'}" for run, one in shown],
        "mode": "markers",
        "marker": {
            "symbol": [SYMBOLS[place % len(SYMBOLS)] if one.collapsed else "line-ns" for _, one in shown],
            "size": [7 if one.collapsed else 14 for _, one in shown],
            "color": colour,
            "line": {"color": colour, "width": 1.5},
        },
        "showlegend": False,
        "hovertemplate": "%{text} in month %{x}<extra></extra>",
    }


def _at_risk(groups: Sequence[Group], colours: Palette, months: int) -> list[dict[str, Any]]:
    shown = [1, *range(3, months + 1, max(3, 3 * (months // 24)))]
    names = [
        {
            **end_label(plain(short(group.label)), 0, colour_of(colours, row, len(groups)), name="risk"),
            "yref": "paper",
            "yshift": -(RISK_TOP + RISK_ROW * row),
        }
        for row, group in enumerate(groups)
    ]
    return names + [
        {
            "name": "risk",
            "text": str(group.curve.steps[month - 1].at_risk),
            "x": month,
            "y": 0,
            "yref": "paper",
            "yshift": -(RISK_TOP + RISK_ROW * row),
            "showarrow": False,
            "font": {"color": colour_of(colours, row, len(groups)), "size": 12},
        }
        for row, group in enumerate(groups)
        for month in shown
        if month <= group.curve.horizon
    ]
