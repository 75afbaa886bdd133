"""What the teachers of a demonstration model say: short texts in which each number follows from those in the prompt.

A small model learns to answer in steps when each step needs one look at the prompt or at the step before: the stock,
what of it grows again, one agent's share of that, the agreed limit, the answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.commons.config import GameConfig, PolicyName
from app.commons.dynamics import sustainability_threshold, sustainable_share
from app.commons.minds import TalkState, Utterance
from app.commons.scenario import Words, amount
from app.minds import scripted_talk
from app.minds.wording import NUMBERS

REASONS: dict[PolicyName, str] = {
    "greedy": "I have bills to pay and take more than that",
    "reciprocal": "The others do not hold back, and neither do I",
    "forgetful": "This once I allow myself something else",
    "random": "I follow my mood",
}
"""Why an agent takes something else than its share or the agreed limit."""

_RATINGS = (
    (re.compile(r"settled on a limit|agreed that each|keep(?:ing)? to (?:at most|a limit)"), 8),
    (re.compile(r"more than we had agreed|gone over"), 7),
    (re.compile(r"bears|decides what there is"), 7),
    (re.compile(r"^A talk between"), 6),
)
ORDINARY = 5


@dataclass(frozen=True)
class Known:
    """What an agent knows when it speaks or decides; amounts in units."""

    stock: int
    present: tuple[str, ...]
    limit: int | None
    game: GameConfig
    words: Words

    @property
    def share(self) -> int:
        """One agent's part of what grows again, f_i(t)."""
        return sustainable_share(self.stock, len(self.present), self.game)


def harvest(known: Known, policy: PolicyName, value: int) -> str:
    """Think a harvest through: stock, what grows again, the share, the limit, and then *value*."""
    words = known.words
    count = len(known.present)
    who = NUMBERS[count] if count < len(NUMBERS) else str(count)
    steps = [
        f"There are now {known.stock} {words.units} {words.in_place}.",
        f"By next month {sustainability_threshold(known.stock, known.game)} {words.units} can grow again.",
        f"Shared by the {who} of us, each can have {known.share}.",
    ]
    fair = known.share
    if known.limit is not None:
        fair = min(fair, known.limit)
        steps.append(f"We agreed on at most {known.limit}, so {fair} is fair.")
    steps.append(f"I keep to {value}." if value == fair else f"{REASONS.get(policy, 'I decide otherwise')}: {value}.")
    return f"{' '.join(steps)}\nAnswer: {value}"


def utterance(said: Utterance, name: str, known: Known) -> str:
    """Put what is said into the form that prompts ask for; without a next speaker the floor goes round."""
    after = known.present.index(name) + 1
    following = said.next_speaker or known.present[after % len(known.present)]
    ends = "yes" if said.ends else "no"
    return f"Response: {said.text}\nEnd of talk: {ends}\nNext speaker: {following}"


def opening(known: Known) -> str:
    """Begin a talk with the stock, which stands in the prompt of everybody who was told it."""
    told = f"This month began with {amount(known.words, known.stock)} {known.words.in_place}."
    return f"{told} That bears {known.share} for each of us."


def comment(known: Known) -> str:
    """Hold what others proposed against the stock."""
    told = amount(known.words, known.stock)
    return f"I have thought of the {told} that we began with, and of {known.share} for each of us."


def planning(talk: TalkState, known: Known) -> str:
    """Say what to keep in mind for next month."""
    settled = scripted_talk.agreed(talk.lines, known.present)
    if settled is None:
        return "Nothing is settled yet, so I want to keep an eye on what the others take."
    return f"I want to keep to at most {amount(known.words, settled)} next month, and see whether the others do."


def interesting(talk: TalkState, known: Known, name: str) -> str:
    """Say what was most interesting: a broken agreement, an agreement, or that there was none."""
    over = {who: got for who, got in (talk.catches or {}).items() if known.limit is not None and got > known.limit}
    if worst := max((who for who in over if who != name), key=lambda who: over[who], default=None):
        return f"{worst} took {amount(known.words, over[worst])}, more than we had agreed on."
    settled = scripted_talk.agreed(talk.lines, known.present)
    if settled is None:
        return "Everybody had something to say, and still we did not settle on a limit."
    return f"It was good to hear that we can all live with {amount(known.words, settled)} each."


def insights(statements: Sequence[str], known: Known) -> str:
    """Draw lessons from numbered *statements*: from the stock, and from an agreed limit."""
    words = known.words
    stock = _places(words.stock_told, statements)
    limit = _places(words.limit_told, statements)
    lessons = []
    if stock:
        lessons.append(
            f"A month that begins with {amount(words, known.stock)} bears {known.share} for each of us "
            f"(because of {stock[-1]})"
        )
    if limit:
        lessons.append(f"Keeping to a limit leaves enough for the months to come (because of {limit[-1]})")
    if not lessons:
        lessons.append(f"What we leave {words.in_place} decides what there is next month (because of 1)")
    return "\n".join(f"{number}. {lesson}" for number, lesson in enumerate(lessons, 1))


def rating(statement: str) -> int:
    """Return how much *statement* matters, 1 to 10: agreements and broken ones more than the rest."""
    return next((value for pattern, value in _RATINGS if pattern.search(statement)), ORDINARY)


def _places(template: str, statements: Sequence[str]) -> list[int]:
    """Return the numbers, from 1, of the statements that *template* makes, whatever stands in its placeholders."""
    pattern = ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", template))
    return [number for number, text in enumerate(statements, 1) if re.search(pattern, text)]
