"""Messages in words: long, short, and as a sign where no word fits; the style says the term."""

from typing import NamedTuple

from raftplay.raft.messages import AppendEntriesArgs, RequestVoteArgs, RequestVoteReply, RPCRequest
from raftplay.raft.rpcs import OF
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.stage.roles import term_style
from raftplay.tui.stage.scene import Moving
from raftplay.tui.stage.signs import signs_of
from raftplay.watch.text import command_text


class Words(NamedTuple):
    """The texts of a message, the longest first, its sign, its style, and how important it is (0 to 3)."""

    texts: tuple[str, ...]
    sign: str
    style: str
    weight: int


def words_of(moving: Moving, glyphs: Glyphs) -> Words:
    """Return the words of a message."""
    words = _words(moving, glyphs)
    return words._replace(texts=tuple(map(plain, words.texts))) if glyphs.ascii else words


def _words(moving: Moving, glyphs: Glyphs) -> Words:
    signs, message = signs_of(glyphs), moving.message
    style = f"{term_style(message.term)} bold"
    match message:
        case RequestVoteArgs(term=term, pre_vote=pre_vote):
            ask = "pre-vote?" if pre_vote else "vote?"
            return Words((f"{ask} term {term}", f"{ask} t{term}", ask), signs.ask, style, 3)
        case RequestVoteReply(vote_granted=granted):
            return Words(('"yes"',) if granted else ('"no"',), signs.yes if granted else signs.no, style, 3)
        case AppendEntriesArgs(entries=()):
            return Words(("heartbeat", "beat"), signs.beat, "dim", 0)
        case AppendEntriesArgs(prev_log_index=before, entries=entries):
            first, last = before + 1, before + len(entries)
            if first == last:
                text = command_text(entries[0].command, 8)
                return Words((f"append {text} ({first})", f"append {text}", "append"), glyphs.appended, style, 3)
            where = f"({first}..{last})"
            return Words(
                (f"append {len(entries)} {where}", f"append {where}", "append"), glyphs.appended, style, 3
            )
        case RPCRequest(term=term):
            rpc = OF[type(message)]
            return Words((f"{rpc.noun} term {term}", rpc.noun, rpc.brief), signs.ask, style, 3)
    if not message.yes:
        return Words((f"refused, term {message.term}", "refused", "no"), glyphs.conflicting, style, 3)
    if moving.index >= 0:
        return Words((f"ok ({moving.index})", "ok"), signs.yes, style, 2)
    return Words(("ok",), signs.yes, "dim", 0)
