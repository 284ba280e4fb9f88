"""The hierarchy as a tree: the map of the screen. It holds what is open, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import PseudoClasses
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from tui.presentation.cells import STYLES, Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.cell_widget import inert, over

_LOOKS = ("tree--guides", "tree--guides-selected", *(f"cell--{style}" for style in STYLES if style))
"""What the lines are drawn with, but for the cursor."""

CELL_CLASSES = tuple(f"cell--{style}" for style in STYLES if style)


class NodeKey(NamedTuple):
    """What a node stands for. Groups (agents, endpoints, projects) carry their mover's id."""

    kind: str
    id: int


class Branch(NamedTuple):
    """A node as it is to be shown: its label, and whether it has children to open."""

    key: NodeKey
    name: str
    """The resource's name, for finding and for the breadcrumb."""
    label: tuple[Cell, ...]
    opens: bool


class ResourceTree(Tree[Branch]):
    """Shows branches; asks for the children of a node when it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "cursor_up", show=False, id="tree.up"),
        Binding("j", "cursor_down", show=False, id="tree.down"),
        Binding("g,home", "scroll_home", show=False, id="tree.home"),
        Binding("G,end", "scroll_end", show=False, id="tree.end"),
        Binding("right,l", "open_node", show=False, id="tree.open"),
        Binding("left,h", "close_node", show=False, id="tree.close"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = set(CELL_CLASSES)
    """The looks of a label's cells: those of ``CellWidget``."""

    DEFAULT_CSS = """
    ResourceTree {
        width: 1fr;
        height: 1fr;
        background: $surface;
        padding: 0;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected { color: $text-disabled; }
        & > .cell--dim { color: $text-muted; }
        & > .cell--ok { color: $text-success; }
        & > .cell--busy { color: $text-primary; }
        & > .cell--warn { color: $text-warning; }
        & > .cell--bad { color: $text-error; text-style: bold; }
        & > .cell--strong { text-style: bold; }
        & > .cell--accent { color: $text-accent; text-style: bold; }
        & > .tree--cursor { text-style: none; background: $block-cursor-blurred-background; }
        &:focus { background-tint: $foreground 0%; }
        &:focus > .tree--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        &:ansi:focus > .tree--cursor { text-style: reverse; }
        border: solid $foreground 25%;
        border-title-color: $foreground;
        &:focus { border: solid $border; }
        &:nocolor:focus { border-title-style: reverse; }
        &.-ascii { border: ascii $foreground 25%; }
        &.-ascii:focus { border: ascii $border; }
    }
    """

    class ChildrenNeeded(Message):
        """A node was opened; the owner answers with ``set_children``."""

        def __init__(self, tree: ResourceTree, key: NodeKey) -> None:
            super().__init__()
            self.tree = tree
            self.key = key

    class NodeAt(Message):
        """The cursor is on another node; of several in the queue only the newest is delivered."""

        def __init__(self, tree: ResourceTree, branch: Branch | None) -> None:
            super().__init__()
            self.tree = tree
            self.branch = branch

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ResourceTree.NodeAt)

    def __init__(self, *, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__("", id=id, classes=None if glyphs.unicode else "-ascii")
        self.glyphs = glyphs
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = False
        self.ICON_NODE = f"{glyphs.collapsed} "
        self.ICON_NODE_EXPANDED = f"{glyphs.expanded} "
        self._by_key: dict[NodeKey, TreeNode[Branch]] = {}
        self._not_asking: set[NodeKey] = set()
        self._looks: tuple[Style, ...] = ()
        self._drawn_with_focus = False
        # A part of the key by which Textual keeps lines; what it stands for is looked at in ``render_lines``.
        self._pseudo_class_state = PseudoClasses(True, False, False)
        if not glyphs.unicode:
            plain = (
                "  ",
                f"{glyphs.tree_vertical} ",
                f"{glyphs.tree_last}{glyphs.tree_horizontal}",
                f"{glyphs.tree_branch}{glyphs.tree_horizontal}",
            )
            self.LINES = {"default": plain, "bold": plain, "double": plain}

    @property
    def branch(self) -> Branch | None:
        """The branch under the cursor."""
        return self.cursor_node.data if self.cursor_node is not None else None

    @property
    def open_keys(self) -> list[NodeKey]:
        """The nodes whose children are shown, parents before children."""
        found: list[NodeKey] = []
        pending = [self.root]
        while pending:
            node = pending.pop(0)
            for child in node.children:
                if child.data is not None and child.is_expanded:
                    found.append(child.data.key)
                    pending.append(child)
        return found

    def path(self, key: NodeKey) -> list[Branch]:
        """The branches from the top down to a node, itself included; empty when it is not shown."""
        node = self._by_key.get(key)
        above: list[Branch] = []
        while node is not None and node.data is not None:
            above.insert(0, node.data)
            node = node.parent
        return above

    def parent_of(self, branch: Branch) -> Branch | None:
        """The branch above."""
        path = self.path(branch.key)
        return path[-2] if len(path) > 1 else None

    def children_of(self, key: NodeKey) -> list[Branch]:
        """The branches shown below a node."""
        node = self._by_key.get(key)
        return [child.data for child in node.children if child.data is not None] if node is not None else []

    def set_children(self, parent: NodeKey | None, branches: Sequence[Branch]) -> None:
        """Show these children of a node (None: of the invisible root), in this order.

        What is there already keeps its place, its children and the cursor; a label is redrawn only
        when it differs. Only a change of the structure lays the tree out anew.
        """
        node = self.root if parent is None else self._by_key.get(parent)
        if node is None:
            return
        wanted = [branch.key for branch in branches]
        shown = [child.data.key for child in node.children if child.data is not None]
        if wanted != shown:
            self._restructure(node, branches, wanted, shown)
        for child, branch in zip(node.children, branches, strict=True):
            self._relabel(child, branch)
        # Each of these draws the tree anew, also when nothing changes by it.
        if not node.allow_expand:
            node.allow_expand = True
        if parent is None and not node.is_expanded:
            node.expand()

    def relabel(self, key: NodeKey, label: tuple[Cell, ...]) -> None:
        """Draw another label on one node, if it is shown and the label differs."""
        node = self._by_key.get(key)
        if node is not None and node.data is not None:
            self._relabel(node, node.data._replace(label=label))

    def open(self, key: NodeKey, *, asking: bool = True) -> None:
        """Open a node that is shown; ``asking`` for its children, unless they have just been set."""
        node = self._by_key.get(key)
        if node is None or not node.allow_expand or node.is_expanded:
            return
        if not asking:
            self._not_asking.add(key)
        node.expand()

    def put_cursor(self, key: NodeKey) -> bool:
        """Move the cursor to a node; False when it is not shown."""
        node = self._by_key.get(key)
        if node is None:
            return False
        # Asking for a line lays the tree out, and only then does a new node know its own.
        self.get_node_at_line(0)
        self.move_cursor(node)
        return True

    def show_cursor(self) -> None:
        """Scroll to the cursor: what was put somewhere before there was a size is not in view."""
        if self.cursor_node is not None:
            self.scroll_to_line(self.cursor_line, animate=False)

    def render_label(self, node: TreeNode[Branch], base_style: Style, style: Style) -> Text:
        """The icon of an openable node, and the label's cells in their looks."""
        branch = node.data
        if branch is None:
            return Text()
        icon = self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE
        text = Text(icon if branch.opens else "  ", style=base_style, no_wrap=True, end="")
        on_cursor = node is self.cursor_node and self.has_focus
        for cell in branch.label:
            look = (
                style
                if on_cursor or not cell.style
                else over(style, self.get_component_rich_style(f"cell--{cell.style}"))
            )
            text.append(inert(cell.text, self.glyphs), look)
        return text

    # Structure

    def _restructure(
        self, node: TreeNode[Branch], branches: Sequence[Branch], wanted: list[NodeKey], shown: list[NodeKey]
    ) -> None:
        cursor = self.branch.key if self.branch is not None else None
        common = [key for key in shown if key in set(wanted)]
        for key in shown:
            if key not in set(wanted):
                self._remove(key)
        if common != [key for key in wanted if key in set(common)]:
            # The order of what stays differs (a rename cannot be, a sort can): build it anew.
            for key in common:
                self._remove(key)
            common = []
        kept = set(common)
        for position, branch in enumerate(branches):
            if branch.key in kept:
                continue
            before = position if position < len(node.children) else None
            # With its label: to set that later makes a message for each node.
            child = node.add(self._label(branch), data=branch, before=before, allow_expand=branch.opens)
            self._by_key[branch.key] = child
        if cursor is not None and cursor not in self._by_key:
            self.call_after_refresh(self._tell_cursor)
        elif cursor is not None and self.branch != self._by_key[cursor].data:
            self.call_after_refresh(self.put_cursor, cursor)

    def _tell_cursor(self) -> None:
        """The node under the cursor is gone and another took its line: Textual tells nobody."""
        self.get_node_at_line(0)
        self.post_message(self.NodeAt(self, self.branch))

    def _remove(self, key: NodeKey) -> None:
        node = self._by_key.pop(key, None)
        if node is None:
            return
        for child in list(node.children):
            if child.data is not None:
                self._remove(child.data.key)
        node.remove()

    def _relabel(self, node: TreeNode[Branch], branch: Branch) -> None:
        if node.data is not None and node.data.label == branch.label and str(node.label):
            node.data = branch
            return
        node.data = branch
        if node.allow_expand != branch.opens:
            node.allow_expand = branch.opens
        node.set_label(self._label(branch))

    def _label(self, branch: Branch) -> Text:
        """What Textual takes for the label; it is drawn by :meth:`render_label`."""
        return Text("".join(inert(cell.text, self.glyphs) for cell in branch.label), end="", no_wrap=True)

    # Painting

    def notify_style_update(self) -> None:
        """Looks changed, or may have; where the lines are did not.

        Textual's own lays out the whole screen, at each change of the focus.
        """
        ScrollView.notify_style_update(self)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the lines that differ from those that are kept: with the focus only the cursor's does."""
        looks = (self.rich_style, *map(self.get_component_rich_style, _LOOKS))
        if looks != self._looks:
            self._looks = looks
            self._line_cache.clear()
        if self.has_focus != self._drawn_with_focus:
            self._drawn_with_focus = self.has_focus
            if self.cursor_node is not None:
                self.cursor_node._updates += 1
        return ScrollView.render_lines(self, crop)

    def _refresh_node(self, node: TreeNode[Branch]) -> None:
        """Paint one line: what is below a node looks the same whatever its label and the cursor are."""
        if self._tree_lines_cached is not None and node._line >= 0:
            self._refresh_line(node._line)

    # Events and actions

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Branch]) -> None:
        event.stop()
        if event.node.data is None:
            return
        if event.node.data.key in self._not_asking:
            self._not_asking.discard(event.node.data.key)
        else:
            self.post_message(self.ChildrenNeeded(self, event.node.data.key))

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Branch]) -> None:
        event.stop()
        self.post_message(self.NodeAt(self, event.node.data))

    def action_open_node(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.allow_expand and not node.is_expanded:
            node.expand()
        elif node.children:
            self.move_cursor(node.children[0])

    def action_close_node(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.allow_expand:
            node.collapse()
        elif node.parent is not None and node.parent is not self.root:
            self.move_cursor(node.parent)
