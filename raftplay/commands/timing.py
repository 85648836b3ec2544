"""Commands about time, and commands that check conditions or wait for them."""

from typing import Annotated

from raftplay.cluster.alarm import TimerFired
from raftplay.cluster.flight import Flight
from raftplay.cluster.writing import WriteEnds
from raftplay.language import kinds
from raftplay.language.conditions import Condition
from raftplay.language.table import command
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.session.units import duration_text
from raftplay.watch.narrator import message_text

PATIENCE = 5.0
"""Default time that `wait` waits, in seconds of cluster time."""


@command("Time", "sleep 250ms")
def sleep(session: Session, duration: Annotated[float, kinds.SLEEP]) -> str:
    """Wait for a duration of cluster time."""
    session.harness.sleep_ms(duration * 1000)
    return ""


@command("Time", "pause", effect="clock")
def pause(session: Session) -> str:
    """Pause cluster time; commands still work."""
    session.harness.pause()
    return "time stands still"


@command("Time", "resume", effect="clock")
def resume(session: Session) -> str:
    """Resume cluster time."""
    session.harness.resume()
    return "time goes on"


@command("Time", "step 3")
def step(session: Session, count: Annotated[int, kinds.COUNT] = 1) -> str:
    """Advance to the next timer or delivery, N times (default: 1), and pause again."""
    lines = []
    for _ in range(count):
        about = session.harness.step()
        lines.append(about_text(about))
        if about is None:
            break  # nothing is due
    return "\n".join(lines)


def about_text(about: object) -> str:
    """Return in words the timer or delivery of a step."""
    match about:
        case None:
            return "nothing is under way and no timer runs"
        case Flight():
            verb = "passes its link" if about.on_link else "arrives"
            return f"message {about.id} {verb}: {message_text(about.src, about.dst, about.message)}"
        case TimerFired():
            return f"the {'heartbeat' if about.leads else 'election'} timer of n{about.node} fires"
        case WriteEnds():
            return f"n{about.node} can write to its disk"
    raise AssertionError(f"no words for {about!r}")


@command("Time", "speed 0.1", effect="clock")
def speed(session: Session, speed: Annotated[float, kinds.SPEED]) -> str:
    """Change the speed: 1 is the normal speed, 0.1 is ten times slower."""
    session.harness.set_speed(speed)
    waits = session.is_live or session.harness.backend != "sim"
    return f"speed {speed:g}" + ("" if waits else " (a script in virtual time does not wait)")


@command("Time", "now", effect="looks")
def now(session: Session) -> str:
    """Show the cluster time in seconds."""
    return f"{session.view().snapshot.time:.3f} s"


@command("Checking", "expect one leader", effect="checks")
def expect(session: Session, condition: Annotated[Condition, kinds.CONDITION]) -> str:
    """Check the condition once; fail if it does not hold."""
    with session.harness.lock:
        seen = condition.seen(session)
        if not condition.holds(session):
            raise Failed(seen)
    return seen


@command("Checking", "wait committed 42 within 2s")
def wait(
    session: Session,
    condition: Annotated[Condition, kinds.CONDITION_WITHIN],
    within: Annotated[float, kinds.WITHIN] = PATIENCE,
) -> str:
    """Wait until the condition holds (default: at most 5 s of cluster time); fail if it does not."""
    held = session.harness.wait_until(lambda: condition.holds(session), within)
    with session.harness.lock:
        seen = condition.seen(session)
    if not held:
        raise Failed(f"after {duration_text(within)}: {seen}")
    return seen


@command("Checking", "never no leader for 1s")
def never(
    session: Session,
    condition: Annotated[Condition, kinds.CONDITION_FOR],
    duration: Annotated[float, kinds.FOR],
) -> str:
    """Watch the condition while time passes; fail as soon as it holds."""
    if session.harness.wait_until(lambda: condition.holds(session), duration):
        with session.harness.lock:
            raise Failed(condition.seen(session))
    return f"not for {duration_text(duration)}"
