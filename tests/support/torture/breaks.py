"""Ways to break the code on purpose: a checker that finds nothing proves nothing until it has found these."""

from __future__ import annotations

from flowerpower.jobs.scheduling.recover import RunKeeper
from flowerpower.state import scripts

# Script, what it says, and what it says instead. Without the lease alone every law still holds: it is no lock.
_NO_LEASE = ("lease", "(not holder or holder == ARGV[2]) and 1 or 0", "1")
_NO_CURSOR = ("fire", "if cursors[fire.name] ~= fire.cursor then return 'moved' end", "")
_NOT_DUE = ("fire", "if not due then return 'moved' end", "if not due then due = 0 end")
_NOT_EARLY = ("fire", "if tonumber(due) > seconds then return 'early' end", "")

BREAKS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "lease": (_NO_LEASE,),
    "fences": (_NO_LEASE, _NO_CURSOR, _NOT_DUE, _NOT_EARLY),
    "missed": (("fire", "record_range(fire.name, range, 'missed', range[4], seconds)", ""),),
    "skipped": (("fire", "return record_range(fire.name, {tick, tick, 1}, 'skipped', SKIPPED, seconds)", "return"),),
    "waiting": (("buffer", "for index = done + 1, #buffer.ticks", "for index = done, #buffer.ticks"),),
    "success": (("claim", "if ended == 'succeeded' then", "if false then"),),
    "hold": (("resume", "record_range(item.name, range, range[4], range[5], seconds, #items > EVENTS_APART)", ""),),
    "half": (("commit", "  set_cursor(change, cursor, change.id)\nend", "  if #change.name % 3 > 0 then %s end"),),
    "redelivery": (),
}


def break_code(name: str) -> None:
    """Change what scripts say, for this process and all that it forks."""
    if name == "redelivery":
        RunKeeper._redeliver = lambda *_: None  # type: ignore[method-assign]
    true_text = scripts._text

    def text(asked: str) -> str:
        found = true_text(asked)
        for script, said, instead in BREAKS[name]:
            if asked == script:
                assert said in found, f"{script}.lua does not say {said!r} any more"
                found = found.replace(said, instead.replace("%s", said))
        return found

    scripts._text = text  # type: ignore[assignment]
