"""A line to type in that shows whatever it holds without the terminal obeying it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.suggester import SuggestionReady
from textual.widgets import Input

from store.display import MAX_MARKS, display
from tui.presentation.glyphs import UNICODE, Glyphs


class LineInput(Input):
    """Textual's Input paints its value as it is: what was pasted, or what a description to be edited holds.

    The value stays whole; a character that no terminal should get is drawn as one cell in its place, so
    that the cursor stands where it seems to. A suggestion that cannot be shown as it is, is not made.
    """

    def _shown(self, text: str) -> str:
        """What is drawn for a value."""
        return inert_line(text, getattr(self.app, "glyphs", UNICODE))

    # The three are Textual's own: what is drawn, where the cursor stands, and which character lies at a cell.

    @property
    def _value(self) -> Text:
        if self.password:
            return super()._value
        text = Text(self._shown(self.value), no_wrap=True, overflow="ignore", end="")
        return text if self.highlighter is None else self.highlighter(text)

    def _position_to_cell(self, position: int) -> int:
        return cell_len(self._shown(self.value)[:position])

    def _cell_offset_to_index(self, offset: int) -> int:
        wanted = offset + self.scroll_offset.x
        shown, used = self._shown(self.value), 0
        for index, character in enumerate(shown):
            used += cell_len(character)
            if wanted < used:
                return index
        return len(shown)

    async def _on_suggestion_ready(self, event: SuggestionReady) -> None:
        if self._shown(event.suggestion) == event.suggestion:
            await super()._on_suggestion_ready(event)


def inert_line(text: str, glyphs: Glyphs) -> str:
    """A text with one cell in the place of each character that must not be drawn; as long as the text itself."""
    if text.isascii() and text.isprintable():
        return text
    hole = "\N{REPLACEMENT CHARACTER}" if glyphs.unicode else "?"
    drawn = []
    marks = MAX_MARKS  # a mark needs a character to sit on
    for character in text:
        safe = character == "\\" or display(f"a{character}") == f"a{character}"
        safe = safe and (glyphs.unicode or character.isascii())
        marks = marks + 1 if safe and not cell_len(character) else 0
        drawn.append(character if safe and marks <= MAX_MARKS else hole)
    return "".join(drawn)
