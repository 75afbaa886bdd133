"""What the drafts of a local model came to, over several calls; static/js/run/inspector/usage.js says the same."""

from collections.abc import Sequence

from app.store.records import CallSummary


def speculation(calls: Sequence[CallSummary]) -> list[tuple[str, str]]:
    """Return labels and texts; none where no endpoint told how it drafted."""
    told = [made for call in calls if (made := call.decoding) is not None and made.verifications is not None]
    if not told:
        return []
    drafted, accepted, passes = (
        sum(getattr(made, name) or 0 for made in told) for name in ("drafted", "accepted", "verifications")
    )
    each = dict.fromkeys(
        f"{made.exit_layer}, {made.draft_length}" if made.draft_length else "no drafts" for made in told
    )
    return [
        ("Exit layer E, draft length K", "; ".join(dict.fromkeys(each))),
        ("Tokens drafted", f"{drafted:,}"),
        ("Accepted", f"{accepted:,} ({100 * accepted / drafted:.0f} %)" if drafted else "–"),
        ("Tokens per verification", f"{(accepted + passes) / passes:.2f}" if passes else "–"),
    ]
