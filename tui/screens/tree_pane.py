"""The tree and what is read for it: the reader's answers become its branches."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content

from store.display import display
from store.queries.runs import RunRow
from tui.following import StoreFollower
from tui.presentation.glyphs import Glyphs
from tui.subjects import DEFINITION, PROJECT, RUN, Subject
from tui.tree_source import FirstPage, children, first_page, live_definition, live_run, several, way_to
from tui.widgets.cell_widget import fit, inert
from tui.widgets.resource_tree import Branch, NodeKey, ResourceTree

MOST_OPENED = 40
"""Projects that a letter typed in the filter opens at most: each of them is read and drawn."""

TITLE_CELLS = 24
"""What the tree's border has room for where the tree is narrowest."""


class TreePane:
    """Feeds a tree. Its methods raise ``StoreUnavailable``; the tree keeps what it shows."""

    def __init__(self, tree: ResourceTree, follower: StoreFollower, glyphs: Glyphs) -> None:
        self.tree = tree
        self.text = ""
        """The filter."""
        self._follower = follower
        self._glyphs = glyphs
        self._opened = False

    async def open_first(self) -> bool:
        """Open the tree where the last run was; False when there is nothing to open."""
        return self.show_first(await self._follower.read(first_page, self._glyphs))

    def show_first(self, page: FirstPage) -> bool:
        """Show what was read; False when there is nothing."""
        for key, branches in page.opened:
            self.tree.set_children(key, branches)
            if key is not None:
                self.tree.open(key, asking=False)
        self._opened = True
        if page.cursor is None:
            return False
        first = page.opened[1][0]
        return self.tree.put_cursor(page.cursor) or (first is not None and self.tree.put_cursor(first))

    async def load(self, key: NodeKey | None) -> None:
        """Read the children of a node (None: the movers) and show them."""
        self.tree.set_children(key, await self._follower.read(children, key, self.text, self._glyphs))

    async def refresh(self) -> None:
        """Read again what is open; before the first opening there is nothing to read again."""
        if not self._opened:
            return
        if not self.tree.root.children:
            # The first things in a store that was empty are shown as a store is when it is opened.
            await self.open_first()
            return
        found = await self._follower.read(several, [None, *self.tree.open_keys], self.text, self._glyphs)
        for key, branches in found:
            self.tree.set_children(key, branches)

    async def filter(self, text: str) -> bool:
        """Show only what contains a text, with the projects that hold it open; False when that is so already."""
        if text == self.text:
            return False
        self.text = text
        title = f"Hierarchy /{inert(display(text), self._glyphs)}" if text else "Hierarchy"
        # Textual would cut it with an ellipsis that is not of our glyph set.
        cut = fit(title, TITLE_CELLS, ellipsis=self._glyphs.ellipsis) if cell_len(title) > TITLE_CELLS else title
        self.tree.border_title = Content(cut)
        await self.refresh()
        if text:
            await self._open_found()
        return True

    async def _open_found(self) -> None:
        """Open the projects that a filter shows: what it found in them is there when the next key comes."""
        opened = set(self.tree.open_keys)
        found = [
            project.key
            for key in self.tree.open_keys
            if key.kind == "projects"
            for project in self.tree.children_of(key)
            if project.key not in opened and project.opens
        ]
        for key, branches in await self._follower.read(several, found[:MOST_OPENED], self.text, self._glyphs):
            self.tree.set_children(key, branches)
            if key is not None:
                self.tree.open(key, asking=False)

    def show_live(self, run: RunRow) -> None:
        """Draw the figure of a run that is on, at its definition and at itself."""
        self.tree.relabel(NodeKey("definition", run.definition_id), live_definition(run, self._glyphs))
        self.tree.relabel(NodeKey("run", run.id), live_run(run, self._glyphs))

    def path(self) -> list[Branch]:
        """The branches from the mover down to the one under the cursor."""
        branch = self.tree.branch
        return [] if branch is None else self.tree.path(branch.key)

    @property
    def subject(self) -> Subject | None:
        """What keys act on: the resource under the cursor."""
        path = self.path()
        if not path:
            return None
        names = {part.key.kind: part.name for part in path}
        key, mover = path[-1].key, path[0].name
        definition = f"{names.get(PROJECT, '')}/{names.get(DEFINITION, '')}"
        match key.kind:
            case "mover" | "agent" | "endpoint" | "project":
                return Subject(key.kind, key.id, mover, path[-1].name)
            case "definition":
                return Subject(DEFINITION, key.id, mover, definition)
            case "run":
                return Subject(RUN, key.id, mover, f"{definition}{path[-1].name}")
            case _:
                return None

    async def go_to(self, subject: Subject) -> bool:
        """Open the branches above a resource and put the cursor on it; False when the tree does not show it."""
        if self.text:
            await self.filter("")
        wanted = await self._follower.read(way_to, subject)
        for key in wanted[:-1]:
            await self.load(key)
            self.tree.open(key)
        return bool(wanted) and self.tree.put_cursor(wanted[-1])
