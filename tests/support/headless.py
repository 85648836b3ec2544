"""Make an app without a terminal cheaper to run: it does once, or not at all, what no test sees.

The rule of this module: importing it changes textual and the screen for this process. Whatever a test looks at is
rendered when it looks; a thorough run renders all the rest as well.
"""

import gc
from typing import Any

import textual.css.stylesheet
from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import active_app
from textual.css.model import RuleSet
from textual.css.parse import parse
from textual.css.tokenize import Token, tokenize_values
from textual.css.types import CSSLocation

import raftplay.tui.app
from raftplay.tui.app import RaftApp
from support.amount import THOROUGH


def unseen(
    compositor: Compositor, full: bool = False, screen_stack: list[Any] | None = None, simplify: bool = False
) -> RenderableType | None:
    """Render nothing for an app without a terminal, which throws it away.

    What stands over another screen is rendered: what shows through is known only then.
    """
    if active_app.get().is_headless and not screen_stack and not paints_all:
        compositor._dirty_regions.clear()
        return None
    return rendered(compositor, full, screen_stack, simplify)


def keep() -> None:
    """Leave what there is out of every garbage collection, without a collection of what another screen left."""
    gc.enable()
    gc.freeze()


def tokens_of(values: dict[str, str]) -> dict[str, list[Token]]:
    """Read the variables of a stylesheet once for all apps that have the same."""
    key = tuple(values.items())
    if key not in _tokens:
        _tokens[key] = tokenize_values(values)
    return _tokens[key]


def rules_of(scope: str, css: str, read_from: CSSLocation, **options: Any) -> list[RuleSet]:
    """Parse a piece of a stylesheet once for all apps that have the same variables."""
    variables = id(options["variable_tokens"])  # `_tokens` keeps them
    key = (scope, css, read_from, variables, options["is_default_rules"], options["tie_breaker"])
    if key not in _rules:
        _rules[key] = list(parse(scope, css, read_from, **options))
    return _rules[key]


def seldom(app: RaftApp) -> RaftApp:
    """Have an app over a cluster that stands still paint by itself only once a second.

    Who asks it for something has it painted anyhow.
    """
    if paints_all:
        return app
    begin = app.set_interval

    def interval(seconds: float, what: Any = None, **options: Any) -> Any:
        return begin(1.0 if what == app.tick else seconds, what, **options)

    setattr(app, "set_interval", interval)  # noqa: B010 - it is a method
    return app


_tokens: dict[tuple[tuple[str, str], ...], dict[str, list[Token]]] = {}
_rules: dict[tuple[object, ...], list[RuleSet]] = {}
paints_all = THOROUGH
"""True while all that an app paints is rendered, seen or not."""

settle = raftplay.tui.app.settle
rendered = Compositor.render_update
for place, name, instead in (
    (Compositor, "render_update", unseen),
    (textual.css.stylesheet, "tokenize_values", tokens_of),
    (textual.css.stylesheet, "parse", rules_of),
    (raftplay.tui.app, "settle", keep),
):
    setattr(place, name, instead)
