"""Where an episode can be played as the research code does it, switch by switch (docs/fidelity.md).

Without a switch an episode follows our rules. Each switch is part of the configuration and its hash.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from app.commons.frozen import Frozen

Switch = Literal[
    "cut_at_first_dot",
    "date_thoughts_to_the_first",
    "keep_every_limit",
    "observations_expire_before_home",
    "oldest_most_recent",
    "typed_universalization_threshold",
]
ALL_SWITCHES: tuple[Switch, ...] = get_args(Switch)


class Deviation(Frozen):
    """What a switch changes: a name for people, what the research code does, and what we do without the switch."""

    label: str
    research: str
    ours: str


DEVIATIONS: Mapping[Switch, Deviation] = MappingProxyType(
    {
        "cut_at_first_dot": Deviation(
            label="cut at the first dot",
            research="The summary of a talk and the thoughts about it end at the first dot, even inside a number.",
            ours="They are whole sentences.",
        ),
        "date_thoughts_to_the_first": Deviation(
            label="thoughts dated to the first",
            research="Agents other than the first date their thoughts about a talk to the first day of the month, "
            "so that these are forgotten a month early.",
            ours="A thought is dated when it is had.",
        ),
        "keep_every_limit": Deviation(
            label="every limit kept in mind",
            research="Every limit ever agreed on comes to mind at every decision for 63 days.",
            ours="Only the latest does; older ones are ordinary thoughts.",
        ),
        "observations_expire_before_home": Deviation(
            label="observations expire before home",
            research="What was observed in a month is forgotten before the agents look back on that month.",
            ours="It is forgotten when the month is over.",
        ),
        "oldest_most_recent": Deviation(
            label="oldest memory most recent",
            research="In retrieval the oldest memory has the highest recency.",
            ours="The newest has.",
        ),
        "typed_universalization_threshold": Deviation(
            label="typed universalization threshold",
            research="Universalization tells 10 units in month 1, and later the group's threshold divided by the "
            "number of agents in month 1.",
            ours="It always tells the threshold divided by the agents who are there.",
        ),
    }
)


def fidelity_text(switches: tuple[Switch, ...]) -> str:
    """Return how an episode is played, in a few words: "ours", "research", or the names of its switches."""
    if not switches:
        return "ours"
    if set(switches) == set(ALL_SWITCHES):
        return "research"
    return ", ".join(DEVIATIONS[switch].label for switch in switches)
