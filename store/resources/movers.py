"""Operations on Storage Movers: the top-level resources."""

from __future__ import annotations

from sqlmodel import Session, select

from store.bodies import MoverProperties
from store.db import Write
from store.errors import Conflict
from store.models import Agent, Connection, Endpoint, Project, StorageMover
from store.resources.common import ANYHOW, Expect, Put, change, refuse_children, stamp_created
from store.rules import valid_label, valid_name


def put_mover(
    tx: Write,
    name: str,
    body: MoverProperties,
    *,
    location: str | None = None,
    tags: dict[str, str] | None = None,
    expect: Expect = ANYHOW,
) -> tuple[Put, StorageMover]:
    """Create a mover, or change its description and tags (tags are replaced whole, as ARM does)."""
    valid_name("storage mover", name)
    for what, texts in (("location", [location or ""]), ("tag", [*(tags or {}), *(tags or {}).values()])):
        for text in texts:
            valid_label(text, what)
    mover = tx.session.exec(select(StorageMover).where(StorageMover.name == name)).first()
    expect.check("storage mover", name, mover)
    if mover is None:
        mover = StorageMover(name=name, description=body.description, location=location or "local", tags=tags or {})
        stamp_created(tx, mover)
        tx.session.add(mover)
        tx.session.flush()
        tx.event("storage_mover", mover.id, name, "created", mover_id=mover.id)
        return Put.CREATED, mover
    if location is not None and location != mover.location:
        raise Conflict(
            f"The storage mover '{name}' is in '{mover.location}', and that cannot change: make a new one.",
            code="LocationFixed",
        )
    values: dict[str, object] = {"description": body.description}
    if tags is not None:
        values["tags"] = tags
    changed = change(tx, mover, values)
    if changed:
        tx.event("storage_mover", mover.id, name, "changed", mover_id=mover.id, detail=", ".join(changed))
        return Put.CHANGED, mover
    return Put.UNCHANGED, mover


def check_delete_mover(session: Session, mover: StorageMover) -> None:
    """Conflict while the mover holds something; it counts what."""
    refuse_children(
        session,
        f"The storage mover '{mover.name}'",
        {"agent": Agent, "connection": Connection, "endpoint": Endpoint, "project": Project},
        "mover_id",
        mover.id,
    )


def delete_mover(tx: Write, mover: StorageMover) -> None:
    """Delete an empty mover; Conflict names what it still holds."""
    check_delete_mover(tx.session, mover)
    tx.event("storage_mover", mover.id, mover.name, "deleted", mover_id=mover.id)
    tx.session.delete(mover)
