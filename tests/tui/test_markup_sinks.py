"""No data is ever parsed as markup, nor painted by a widget that shows what it gets as it is.

Textual takes a ``str`` for markup in most places; what the screen's code gives to them is read here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "tui").rglob("*.py") if not {"cli", "demo"} & set(path.relative_to(ROOT).parts))

PARSERS = frozenset(
    [
        "Static",
        "Label",
        "Button",
        "Markdown",
        "Link",
        "Collapsible",
        "Checkbox",
        "RadioButton",
        "RadioSet",
        "Switch",
        "Select",
        "SelectionList",
        "Option",
        "OptionList",
        "ListItem",
        "Tab",
        "TabPane",
        "Tabs",
        "Rule",
        "Pretty",
        "Placeholder",
        "Digits",
        "Log",
        "RichLog",
        "Header",
        "Footer",
        "DataTable",
        "Toast",
        "Tooltip",
        "Notification",
        "notify",
        "from_markup",
    ]
)
"""Calls that parse or paint the text they are given."""

ATTRIBUTES = frozenset({"border_title", "border_subtitle", "tooltip", "sub_title", "placeholder", "label"})
"""Assigning a ``str`` to these parses or paints it."""

PLAIN = frozenset({"Content", "Text"})
"""What takes text for text; control characters still pass."""

SAFE = frozenset({"display", "displayed", "inert", "fit", *PLAIN})
"""Functions whose result may be painted."""

ALLOWED = {
    ("tui/app.py", "Text(told)"),  # each line is displayed before
    ("tui/screens/tree_pane.py", "Content(cut)"),  # so is its title, when it fits as well
    ("tui/widgets/framed_widget.py", "Content(cut)"),  # titles are inert from where they are set
    ("tui/widgets/line_input.py", "Text(self._shown(self.value), no_wrap=True, overflow='ignore', end='')"),
    ("tui/widgets/resource_tree.py", "Text(icon if branch.opens else '  ', style=base_style, no_wrap=True, end='')"),
}
"""What is safe for a reason that cannot be seen in the call."""

WIDGETS = frozenset({"Input", "Tree"})
"""Textual's widgets that are used: Input for its messages, and as what ours is made of."""

INPUT = "tui/widgets/line_input.py"
"""The only place where Textual's Input is made: it paints its value as it is."""


def _name(call: ast.expr) -> str:
    if isinstance(call, ast.Name):
        return call.id
    return call.attr if isinstance(call, ast.Attribute) else ""


def _constant(value: ast.expr) -> bool:
    """A text that stands in the code, or a choice between such."""
    if isinstance(value, ast.IfExp):
        return _constant(value.body) and _constant(value.orelse)
    if isinstance(value, ast.JoinedStr):
        return all(isinstance(part, ast.Constant) or _safe(part.value) for part in value.values)  # type: ignore[attr-defined]
    return isinstance(value, ast.Constant)


def _safe(value: ast.expr) -> bool:
    if isinstance(value, ast.Call) and _name(value.func) in SAFE:
        return True
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "join":
        return all(isinstance(one, ast.GeneratorExp) and _safe(one.elt) for one in value.args)
    return _constant(value)


def _offences(tree: ast.Module) -> Iterator[ast.AST]:
    local = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def safe(value: ast.expr) -> bool:
        return _safe(local.get(value.id, value) if isinstance(value, ast.Name) else value)

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in PARSERS | PLAIN:
            if any(word.arg == "markup" and getattr(word.value, "value", True) is False for word in node.keywords):
                continue
            texts = [*node.args[:1], *(word.value for word in node.keywords if word.arg in {"label", "title", "text"})]
            if not all(safe(text) for text in texts):
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Attribute) and t.attr in ATTRIBUTES for t in targets) and not safe(node.value):
                yield node


def offences(source: str, where: str) -> list[str]:
    """The calls and assignments that would paint what they should not, as written."""
    found = [ast.unparse(node) for node in _offences(ast.parse(source))]
    return [text for text in found if (where, text) not in ALLOWED]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_painted_as_it_is_comes_from_the_code(path: Path) -> None:
    assert offences(path.read_text(), str(path.relative_to(ROOT))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_to_type_in_are_ours(path: Path) -> None:
    """``LineInput`` shows what it holds without the terminal obeying it; Textual's own does not."""
    where = str(path.relative_to(ROOT))
    made = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Call) and _name(node.func) in {"Input", "MaskedInput", "TextArea"})
        or (isinstance(node, ast.ClassDef) and {"Input", "TextArea"} & {_name(base) for base in node.bases})
    ]
    assert made == [] or where == INPUT


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_textuals_widgets_that_paint_what_they_get_are_not_used(path: Path) -> None:
    """Even an empty Static can be given data later: text is drawn by ``TextLines`` and its like."""
    used = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "textual.widgets"
        for alias in node.names
    }
    assert used <= WIDGETS


def test_every_exception_is_still_needed() -> None:
    for where, text in ALLOWED:
        assert text in [ast.unparse(n) for n in ast.walk(ast.parse((ROOT / where).read_text()))], (where, text)


@pytest.mark.parametrize(
    "source",
    [
        "Static(row.name)",
        "Static(f'of {name}')",
        "self.notify(error.sentence)",
        "app.notify(f'{name} is gone', severity='error')",
        "Button(label)",
        "Label('a' + name)",
        "self.tooltip = name",
        "box.border_title = f'Keys of {name}'",
        "box.border_title = Content(name)",
        "Content(f'/{text}')",
        "Text(name)",
        "Content.from_markup(text)",
        "Option(name)",
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert len(offences(source, "x.py")) >= 1


@pytest.mark.parametrize(
    "source",
    [
        "Static('Nothing here.')",
        "self.notify(words, markup=False)",
        "box.border_title = Content('Keys here')",
        "box.border_title = Content(f'Hierarchy /{display(text)}')",
        "title = f'/{inert(display(text))}' if text else 'Hierarchy'\ntree.border_title = Content(title)",
        "Text(''.join(inert(cell.text) for cell in label), end='')",
        "Text()",
    ],
)
def test_the_scan_leaves_alone(source: str) -> None:
    assert offences(source, "x.py") == []
