"""What the operations share: finding by name, stamping who changed what, and put's three answers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeVar

from sqlalchemy import func
from sqlmodel import Session, SQLModel, select

from store.db import Write
from store.errors import Conflict, InvalidInput, NotFound
from store.models import RUN_IS_ACTIVE, Agent, Endpoint, JobDefinition, JobRun, Project, StorageMover, SystemData
from store.rules import NAME, not_found

Resource = TypeVar("Resource", Agent, Endpoint, Project)


class Put(StrEnum):
    """What a create-or-update did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Expect(NamedTuple):
    """What whoever puts a resource takes for granted: a form or a command means either to make or to change one."""

    exists: bool | None = None
    """False: it is to be made; True: it is to be changed; None: either."""
    version: int | None = None
    """The version that was read before it was edited, if it was."""

    def check(self, kind: str, name: str, found: SystemData | None) -> None:
        """Refuse what is not so, before anything is changed.

        Raises:
            Conflict: the name is taken, or somebody changed it since it was read (code ``ChangedMeanwhile``).
            NotFound: there is nothing to change.
        """
        if self.exists is False and found is not None:
            article = "an" if kind[0] in "aeiou" else "a"
            raise Conflict(f"There is {article} {kind} '{name}' already: choose another name.", code="NameTaken")
        if self.exists and found is None:
            raise NotFound(f"There is no {kind} '{name}': it was deleted, or make it first.")
        if self.version is not None and found is not None and found.version != self.version:
            raise Conflict(
                f"The {kind} '{name}' was changed by {found.last_modified_by} meanwhile: look at both values.",
                code="ChangedMeanwhile",
            )


ANYHOW = Expect()
"""Make it or change it, as plan files do."""


def find_mover(session: Session, name: str | None) -> StorageMover:
    """The mover of that name; without a name, the only one there is.

    Raises:
        NotFound: no such mover. InvalidInput: no name given and several to choose from.
    """
    if name is not None:
        query = select(StorageMover).where(StorageMover.name == name)
        mover = session.exec(query).first() if NAME.fullmatch(name) else None
        if mover is None:
            raise not_found("storage mover", name, session.exec(select(StorageMover.name).limit(50)))
        return mover
    movers = session.exec(select(StorageMover).order_by(StorageMover.name).limit(6)).all()
    if not movers:
        raise NotFound("There is no storage mover yet: 'longshore apply FILE' makes one from a plan file.")
    if len(movers) > 1:
        names = ", ".join(mover.name for mover in movers)
        raise InvalidInput(f"There are several storage movers ({names}): say which with --mover.")
    return movers[0]


def find_in_mover(session: Session, model: type[Resource], kind: str, mover: StorageMover, name: str) -> Resource:
    """The agent, endpoint or project of that name in a mover; NotFound names what there is."""
    query = select(model).where(model.mover_id == mover.id, model.name == name)
    # What breaks the rule of names exists nowhere, and may hold what the database cannot take.
    found = session.exec(query).first() if NAME.fullmatch(name) else None
    if found is None:
        names = session.exec(select(model.name).where(model.mover_id == mover.id).limit(200))
        raise not_found(kind, name, names, f" in '{mover.name}'")
    return found


def find_definition(session: Session, mover: StorageMover, path: str) -> tuple[Project, JobDefinition]:
    """The definition at ``PROJECT/DEFINITION``."""
    project_name, separator, name = path.partition("/")
    if not separator or not name or "/" in name:
        raise InvalidInput(f"'{path}' does not name a definition: write PROJECT/DEFINITION.")
    project = find_in_mover(session, Project, "project", mover, project_name)
    query = select(JobDefinition).where(JobDefinition.project_id == project.id, JobDefinition.name == name)
    found = session.exec(query).first() if NAME.fullmatch(name) else None
    if found is None:
        names = session.exec(select(JobDefinition.name).where(JobDefinition.project_id == project.id).limit(200))
        raise not_found("job definition", name, names, f" in project '{project.name}'")
    return project, found


def active_run(session: Session, definition_id: int) -> JobRun | None:
    """The run of a definition that has not ended, if there is one."""
    return session.exec(select(JobRun).where(JobRun.definition_id == definition_id, RUN_IS_ACTIVE)).first()


def run_label(session: Session, run: JobRun) -> str:
    """``PROJECT/DEFINITION#NUMBER`` of a run."""
    project = session.get_one(Project, run.project_id)
    definition = session.get_one(JobDefinition, run.definition_id)
    return f"{project.name}/{definition.name}#{run.number}"


def refuse_while_active(
    session: Session, what: str, *, project_id: int | None = None, agent_id: int | None = None
) -> None:
    """Conflict while runs of a project, or on an agent, have not ended."""
    query = select(func.count()).select_from(JobRun).where(RUN_IS_ACTIVE)
    if project_id is not None:
        query = query.where(JobRun.project_id == project_id)
    if agent_id is not None:
        query = query.where(JobRun.agent_id == agent_id)
    count = session.exec(query).one()
    if count:
        runs = "1 run has" if count == 1 else f"{count} runs have"
        raise Conflict(f"{what} cannot be deleted while {runs} not ended: stop them first.", code="RunsActive")


def refuse_children(
    session: Session, what: str, models: dict[str, type[SQLModel]], column: str, parent_id: int
) -> None:
    """Conflict while rows of these models refer to the parent; the sentence counts them."""
    found = []
    for word, model in models.items():
        count = session.exec(select(func.count()).select_from(model).where(getattr(model, column) == parent_id)).one()
        if count:
            found.append(f"{count} {word}" + ("" if count == 1 else "s"))
    if found:
        raise Conflict(f"{what} still has {', '.join(found)}: delete them first.", code="HasChildren")


def stamp_created(tx: Write, resource: SystemData) -> None:
    resource.created_at = resource.last_modified_at = tx.now
    resource.created_by = resource.last_modified_by = tx.actor


def stamp_modified(tx: Write, resource: SystemData) -> None:
    resource.last_modified_at = tx.now
    resource.last_modified_by = tx.actor
    resource.version += 1


def change(tx: Write, resource: SystemData, values: dict[str, object]) -> list[str]:
    """Set what differs and stamp it; the names of what changed, none when all was so already."""
    changed = [name for name, value in values.items() if getattr(resource, name) != value]
    for name in changed:
        setattr(resource, name, values[name])
    if changed:
        stamp_modified(tx, resource)
        tx.session.add(resource)
    return changed
