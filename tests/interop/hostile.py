"""A log whose every text is an attack or a nuisance: tags, scripts, bidi and zero-width characters, NUL, 200 kB.

`write_hostile` writes it as the research code would have; what is imported from it must be shown as text, break no
layout and be found by search. `ALARM` is what a script in it would leave on the page if it ever ran.
"""

import json
from pathlib import Path
from typing import Any

from tests.interop.logs import config, month_nodes, month_of, write_run

ALARM = "hostileScriptRan"
SCRIPT = f"<script>window.{ALARM}=1</script>"
HANDLER = f'"><img src=x onerror="window.{ALARM}=1">'

RLO, LRI, RLI, FSI = "\u202e", "\u2066", "\u2067", "\u2068"
"""A right-to-left override and three isolates, none of which is ever closed."""
ZERO_WIDTH = "z\u200be\u200dr\u2060o\ufeff"
ARABIC = "\u0627\u0644\u0635\u064a\u062f \u0627\u0644\u0645\u0633\u062a\u062f\u0627\u0645"
ZALGO = "a" + "\u0300\u0315\u0489\u0321" * 60

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    f"{RLO}kcaJ",
    f"{ARABIC}{RLI}",
    "W" * 40,
)
"""The agents' names as the log has them; the first holds a slash, which no agent's name can hold here."""

FOLDER = f"<img src=x onerror=window.{ALARM}=1>{RLO}gnp"
NEEDLE = "needle-in-the-hay"
"""A word near the end of the longest message."""

LONG = f"{SCRIPT} " + "The lake is deep. " * 11_110 + f" {NEEDLE} {HANDLER}"
UNBROKEN = "M" * 6_000

MESSAGES = (
    SCRIPT,
    f"</pre></script><!-- ]]> {{{{ 7*7 }}}} ${{7*7}} </textarea><style>*{{display:none}}</style> {HANDLER}",
    LONG,
    UNBROKEN,
    f"{RLO}dezimirp{LRI}{FSI} {ZERO_WIDTH} {ARABIC} {ZALGO}",
    "NUL\x00byte, bell\x07, escape\x1b[31m, carriage\rreturn, \u2028line and \u2029paragraph separators, half \ud83d",
    "javascript:alert(1) http://evil.example/?<b>&lt;b&gt; data:text/html,<script>",
)


def hostile_rows() -> list[dict[str, Any]]:
    """Three months: everybody says its worst, promises 10 and takes more."""
    said = [(index % 5, text) for index, text in enumerate(MESSAGES)]
    answers: list[str | None] = [f"<think>{SCRIPT}</think>{text[:400]}\n\nAnswer: 10 tons" for text in MESSAGES[:5]]
    return [
        *month_of(
            1, 100.0, [10.0] * 5, said=said, limit=8.0, names=NAMES, answers=answers, extra=f"{SCRIPT}{HANDLER}{LONG}"
        ),
        *month_of(2, 100.0, [12.0] * 5, said=said[:2], limit=8.0, names=NAMES, overseer=HANDLER[:38]),
        *month_of(3, 80.0, [16.0] * 5, said=said[4:], limit=None, names=NAMES),
    ]


def write_hostile(folder: Path) -> Path:
    """Write the log into a folder of a hostile name below *folder*, and return its place."""
    settings = config(llm__path=f"evil/{SCRIPT}{RLO}", experiment__env__name="fish_baseline_concurrent")
    place = write_run(folder / FOLDER, hostile_rows(), settings=settings)
    for agent, text in enumerate(MESSAGES[:5]):
        nodes = month_nodes(agent)
        nodes[3]["description"], nodes[6]["description"] = text[:20_000], f"{HANDLER} {text[:100]}"
        (place / f"persona_{agent}" / "nodes.json").write_text(json.dumps(nodes))
    return place
