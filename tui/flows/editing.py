"""Making, changing and copying resources: which form, for what, and what is said when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from store.display import display
from store.queries import hierarchy
from store.queries.completion import mover_id_of
from store.vocabulary import EndpointType
from tui.flows.opening import show_in_tree
from tui.screens.acts import Creates
from tui.screens.choice import Choice, ChoiceScreen
from tui.subjects import AGENT, DEFINITION, ENDPOINT, MOVER, PROJECT, Subject
from tui.widgets.resource_tree import ResourceTree

if TYPE_CHECKING:
    from tui.forms.change import Loaded
    from tui.forms.form import Form
    from tui.screens.base import LongshoreScreen

CONNECTION = "connection"
_IN_TREE = (MOVER, ENDPOINT, PROJECT, DEFINITION)

KINDS = (
    Choice(MOVER, "holds agents and the migration plan; one is enough for most", "storage mover"),
    Choice(ENDPOINT, "a place to read from or to write to", "endpoint"),
    Choice(PROJECT, "a group of job definitions", "project"),
    Choice(DEFINITION, "what is copied where, and how", "job definition"),
    Choice(AGENT, "registers itself: this makes its token, or starts one on this machine", "agent"),
    Choice(CONNECTION, "a private link that jobs may use", "connection"),
)
"""What ``n`` offers where the place does not say."""


class Where(NamedTuple):
    """A storage mover."""

    id: int
    name: str


async def new(screen: LongshoreScreen, creates: Creates) -> None:
    """Make a resource: of the kind of the place, or of one that is asked for."""
    movers = await screen.read(hierarchy.movers)
    if movers is None:
        return
    kind = creates.kind
    if not movers:
        kind = MOVER
    elif not kind:
        kind = await _choose(screen, "Make a new ...", KINDS) or ""
    if kind == AGENT:
        from tui.flows.registering import register

        await register(screen, creates.mover)
    elif kind:
        mover = Where(0, "") if kind == MOVER else await _mover(screen, creates.mover)
        if mover is not None:
            await _new_in(screen, kind, mover, creates.project)


async def edit(screen: LongshoreScreen, subject: Subject) -> None:
    """Change what may change of a resource."""
    loaded = await _load(screen, subject)
    if loaded is None:
        return
    form = await asyncio.to_thread(_edit_form, subject, loaded)
    await _show(screen, form, loaded.mover_id, lambda: _loader(screen, subject))


async def clone(screen: LongshoreScreen, subject: Subject) -> None:
    """Make a changed copy of an endpoint, a project or a job definition."""
    loaded = await _load(screen, subject)
    if loaded is None:
        return
    form = await asyncio.to_thread(_clone_form, subject, loaded)
    await _show(screen, form, loaded.mover_id)


# The forms are imported in threads: with them come the store's models, which the first frame does not wait for.


def _edit_form(subject: Subject, loaded: Loaded) -> Form:
    from tui.forms.definition import DefinitionForm
    from tui.forms.resources import AgentForm, EndpointForm, MoverForm, ProjectForm

    match subject.kind:
        case "mover":
            return MoverForm(loaded)
        case "agent":
            return AgentForm(loaded.mover, loaded)
        case "endpoint":
            return EndpointForm(loaded.mover, EndpointType(loaded.properties["endpointType"]), loaded, new=False)
        case "project":
            return ProjectForm(loaded.mover, loaded, new=False)
        case _:
            return DefinitionForm(loaded.mover, loaded.mover_id, loaded.project, loaded, new=False)


def _clone_form(subject: Subject, loaded: Loaded) -> Form:
    from tui.forms.definition import DefinitionForm
    from tui.forms.resources import EndpointForm, ProjectForm

    match subject.kind:
        case "endpoint":
            return EndpointForm(loaded.mover, EndpointType(loaded.properties["endpointType"]), loaded)
        case "project":
            return ProjectForm(loaded.mover, loaded)
        case _:
            return DefinitionForm(loaded.mover, loaded.mover_id, loaded.project, loaded)


def _new_form(kind: str, mover: Where, project: str, endpoint_type: str) -> Form:
    from tui.forms.definition import DefinitionForm
    from tui.forms.resources import ConnectionForm, EndpointForm, MoverForm, ProjectForm

    match kind:
        case "mover":
            return MoverForm()
        case "endpoint":
            return EndpointForm(mover.name, EndpointType(endpoint_type))
        case "project":
            return ProjectForm(mover.name)
        case "connection":
            return ConnectionForm(mover.name)
        case _:
            return DefinitionForm(mover.name, mover.id, project)


async def _new_in(screen: LongshoreScreen, kind: str, mover: Where, project: str) -> None:
    """Make a resource of a mover."""
    endpoint_type = ""
    if kind == ENDPOINT:
        options = await asyncio.to_thread(_type_options)
        endpoint_type = await _choose(screen, f"A new endpoint of {mover.name}: which type?", options) or ""
        if not endpoint_type:
            return
    form = await asyncio.to_thread(_new_form, kind, mover, project, endpoint_type)
    await _show(screen, form, mover.id)


def _type_options() -> list[Choice]:
    from tui.forms.words import TYPES

    return [Choice(kind, words, kind) for kind, words in TYPES.items()]


async def _choose(screen: LongshoreScreen, title: str, options: tuple[Choice, ...] | list[Choice]) -> str | None:
    return await screen.app.push_screen_wait(ChoiceScreen(title, options, screen.longshore.glyphs))


async def _mover(screen: LongshoreScreen, name: str) -> Where | None:
    """The mover that something is made in: the one of the place, the only one, or one that is asked for."""
    movers = await screen.read(hierarchy.movers)
    if movers is None:
        return None
    if not name and len(movers) == 1:
        name = movers[0].name
    if not name:
        options = [Choice(one.name, display(one.description), one.name) for one in movers]
        name = await _choose(screen, "In which storage mover?", options) or ""
    found = await screen.read(mover_id_of, name) if name else None
    if name and found is None:
        screen.say(f"The storage mover '{name}' is gone.", "warn")
    return None if found is None else Where(found, name)


async def _load(screen: LongshoreScreen, subject: Subject) -> Loaded | None:
    """The resource as it is now; a refusal is said."""
    return await screen.command(lambda: _loader(screen, subject))


def _loader(screen: LongshoreScreen, subject: Subject) -> Loaded:
    """The same, in a thread."""
    from tui.resource_commands import load

    return screen.longshore.commands.read(load, subject.kind, subject.mover, subject.path)


async def _show(screen: LongshoreScreen, form: Form, mover_id: int, load: Callable[[], Loaded] | None = None) -> None:
    """Show a form to its end, and say what came of it."""
    from tui.forms.completer import Completer
    from tui.resource_commands import save
    from tui.screens.forms.form import FormScreen

    longshore = screen.longshore
    changed = await screen.app.push_screen_wait(
        FormScreen(
            form,
            Completer(mover_id, longshore.follower.read),
            longshore.follower.read,
            lambda change: longshore.commands.write(save, change),
            load or _nothing,
            longshore.glyphs,
        )
    )
    if changed is None:
        return
    if changed.put == "created" and form.kind in _IN_TREE and isinstance(screen.focused, ResourceTree):
        # Whoever made it from the tree looks for it there; a list shows it by itself.
        await show_in_tree(screen, Subject(form.kind, changed.id, changed.mover, changed.path))
    screen.say(changed.words, "ok")


def _nothing() -> Loaded:
    raise AssertionError("what is made has not been read before")
