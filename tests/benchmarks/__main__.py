"""`make bench`: each figure measured in this run, with its limit and the ratio to it.

python -m tests.benchmarks            everything
python -m tests.benchmarks pages      only the sections named: episode, experiment, crowd, pages, comparison, browser
"""

import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.benchmarks import browser, comparison, crowd, episode, experiment, pages
from tests.benchmarks.figures import Report, machine

SECTIONS: Mapping[str, Callable[[Report], None]] = MappingProxyType(
    {
        "episode": episode.measure,
        "experiment": experiment.measure,
        "crowd": crowd.measure,
        "pages": pages.measure,
        "comparison": comparison.measure,
        "browser": browser.measure,
    }
)


def main(names: list[str]) -> int:
    """Measure the sections *names*, or all, and return 2 if there is no such section."""
    if unknown := set(names) - set(SECTIONS):
        print(f"There is no section {', '.join(sorted(unknown))}. Choose from: {', '.join(SECTIONS)}.", file=sys.stderr)
        return 2
    print(machine())
    started = time.monotonic()
    report = Report()
    for name in names or SECTIONS:
        SECTIONS[name](report)
    missed = [figure.name for figure in report.figures if figure.over]
    print(f"\nMeasured in {time.monotonic() - started:.0f} s. Limits missed: {len(missed)}.")
    for name in missed:
        print(f"  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
