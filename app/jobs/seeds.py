"""Seeds as people write them: "1, 2, 3", "1-5"."""

import re

from app.jobs.launch_plan import MAX_RUNS

HIGHEST_SEED = 2**31 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_RANGE = re.compile(r"([0-9]{1,10})\s*[-–]\s*([0-9]{1,10})")


def read_seeds(text: str) -> list[int]:
    """Return the seeds that *text* names, in order.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    found: list[int] = []
    for part in re.split(r"[,;\s]+(?![-–])", re.sub(r"\s*([-–])\s*", r"\1", text)):
        between = _RANGE.fullmatch(part)
        if between:
            low, high = int(between[1]), int(between[2])
            if low > high:
                raise ValueError(f"The range {part} runs backwards. Write {high}-{low}.")
            if high - low >= MAX_RUNS:
                raise ValueError(f"At most {MAX_RUNS} runs at once; {part} would be {high - low + 1}.")
            found += range(low, high + 1)
        elif _WHOLE.fullmatch(part):
            found.append(int(part))
        elif part:
            raise ValueError(f"“{part[:40]}” is no seed. Write whole numbers, like 1, 2, 3 or 1-5.")
    if not found:
        raise ValueError("Give at least one seed, like 1.")
    if len(found) > MAX_RUNS:
        raise ValueError(f"At most {MAX_RUNS} runs at once; these are {len(found)}.")
    return found


def write_seeds(seeds: list[int]) -> str:
    """Return *seeds* as a short text that `read_seeds` reads: runs of three and more as ranges."""
    parts: list[str] = []
    start = 0
    for index, seed in enumerate(seeds):
        if index + 1 < len(seeds) and seeds[index + 1] == seed + 1:
            continue
        run = seeds[start : index + 1]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 and run[0] >= 0 else [str(one) for one in run]
        start = index + 1
    return ", ".join(parts)
