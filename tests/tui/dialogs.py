"""What a dialog says, without what lies below it."""

from __future__ import annotations

from textual.containers import Vertical
from textual.screen import ModalScreen

from tests.tui.driving import painted
from tui.app import LongshoreApp


def asked(app: LongshoreApp) -> str:
    """The text of the dialog on top, its lines joined by blanks; empty without one."""
    if not isinstance(app.screen, ModalScreen):
        return ""
    box = app.screen.query(Vertical).first().content_region
    lines = painted(app)[box.y : box.bottom]
    inside = [strip.crop(box.x, box.right).text.strip() for strip in lines]
    return " ".join(" ".join(inside).split())
