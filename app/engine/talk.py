"""The talk: an opening report, then one contribution after the other until somebody ends it or the cap is reached."""

from app.commons.calendar import talk_day
from app.commons.config import TalkPhase
from app.commons.events import Said
from app.commons.minds import Contribution
from app.commons.scenario import amount
from app.engine.month import Episode, Month


async def talk(phase: TalkPhase, month: Month, episode: Episode) -> None:
    """Hold the month's talk. The first agent speaks first; each speaker names the next one."""
    moment = month.moment(talk_day(month.number), hour=12)
    most = phase.max_contributions
    if phase.report == "manager":
        _report(month, episode)
    elif phase.report == "individual":
        _own_reports(month, episode)
        # Together they count as one contribution, so that a talk is as long as after the overseer's report.
        most += len(month.lines) - 1
    speaker = month.present[0]
    while len(month.lines) < most:
        turn = len(month.lines) + 1
        utterance = await episode.minds[speaker].speak(month.talk(), turn, moment)
        for problem in utterance.unreadable:
            episode.emit(problem)
        month.lines.append(Contribution(speaker=speaker, text=utterance.text))
        following = None if utterance.ends else _next_speaker(utterance.next_speaker, month)
        episode.emit(
            Said(
                month=month.number,
                agent=speaker,
                turn=turn,
                speaker=speaker,
                text=utterance.text,
                ends=utterance.ends,
                next_speaker=following,
            )
        )
        if following is None:
            return
        speaker = following


def _report(month: Month, episode: Episode) -> None:
    words = episode.scenario.words
    lines = [words.report_line.format(name=name, got=amount(words, month.collected[name])) for name in month.present]
    text = " ".join(lines)
    month.reported = True
    month.lines.append(Contribution(speaker=words.overseer, text=text, report=True))
    episode.emit(
        Said(
            month=month.number,
            turn=1,
            speaker=words.overseer,
            text=text,
            by_overseer=True,
            next_speaker=month.present[0],
        )
    )


def _own_reports(month: Month, episode: Episode) -> None:
    words = episode.scenario.words
    month.reported = True
    followers = (*month.present[1:], month.present[0])
    for turn, (name, following) in enumerate(zip(month.present, followers, strict=True), 1):
        text = words.own_report.format(got=amount(words, month.collected[name]))
        month.lines.append(Contribution(speaker=name, text=text, report=True))
        episode.emit(Said(month=month.number, agent=name, turn=turn, speaker=name, text=text, next_speaker=following))


def _next_speaker(named: str | None, month: Month) -> str:
    """Return who was named if that is an agent present, else the agent who spoke least recently."""
    if named in month.present:
        return str(named)
    last_turn = {line.speaker: turn for turn, line in enumerate(month.lines, 1) if not line.report}
    return min(month.present, key=lambda name: last_turn.get(name, 0))
