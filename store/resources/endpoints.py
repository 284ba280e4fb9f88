"""Operations on endpoints: locations are fixed, credential references and descriptions may change."""

from __future__ import annotations

from pydantic.alias_generators import to_camel
from sqlalchemy import or_
from sqlmodel import Session, select

from store import endpoints
from store.bodies import EndpointBody
from store.db import Write
from store.errors import Conflict
from store.models import Endpoint, JobDefinition, StorageMover
from store.resources.common import ANYHOW, Expect, Put, change, stamp_created
from store.rules import valid_name


def put_endpoint(
    tx: Write, mover: StorageMover, name: str, body: EndpointBody, *, expect: Expect = ANYHOW
) -> tuple[Put, Endpoint]:
    """Create an endpoint, or change what may change of it.

    Raises:
        Conflict: the location differs from the one it was created with.
    """
    valid_name("endpoint", name)
    properties = endpoints.to_arm(body.location)
    found = tx.session.exec(select(Endpoint).where(Endpoint.mover_id == mover.id, Endpoint.name == name)).first()
    expect.check("endpoint", name, found)
    if found is None:
        found = Endpoint(
            mover_id=mover.id,
            name=name,
            description=body.description,
            endpoint_type=body.location.endpoint_type,
            endpoint_kind=body.endpoint_kind,
            place=body.location.place(),
            location_key=body.location.location_key(),
            properties=properties,
        )
        stamp_created(tx, found)
        tx.session.add(found)
        tx.session.flush()
        tx.event("endpoint", found.id, _path(mover, name), "created", mover_id=mover.id, detail=found.place)
        return Put.CREATED, found
    if _fixed(found.properties) != _fixed(properties):
        raise Conflict(
            f"The endpoint '{name}' is {found.endpoint_type} {found.place}, and a location cannot change: "
            "make an endpoint with another name.",
            code="LocationFixed",
        )
    if body.endpoint_kind is not None and body.endpoint_kind != found.endpoint_kind:
        raise Conflict(
            f"The endpoint '{name}' has the kind {found.endpoint_kind or 'none'}, and that cannot change: make an "
            "endpoint with another name.",
            code="KindFixed",
        )
    values: dict[str, object] = {
        "description": body.description,
        "properties": properties,
        # A connector's bucket may change, and with it what the endpoint is called and compared by.
        "place": body.location.place(),
        "location_key": body.location.location_key(),
    }
    changed = change(tx, found, values)
    if changed:
        tx.event("endpoint", found.id, _path(mover, name), "changed", mover_id=mover.id, detail=", ".join(changed))
        return Put.CHANGED, found
    return Put.UNCHANGED, found


def check_delete_endpoint(session: Session, endpoint: Endpoint) -> None:
    """Conflict while a definition uses the endpoint; it names the first that does."""
    user = session.exec(
        select(JobDefinition).where(
            or_(JobDefinition.source_id == endpoint.id, JobDefinition.target_id == endpoint.id)  # type: ignore[arg-type]
        )
    ).first()
    if user is not None:
        raise Conflict(
            f"The endpoint '{endpoint.name}' is used by the job definition '{user.name}': delete that first.",
            code="EndpointInUse",
        )


def delete_endpoint(tx: Write, mover: StorageMover, endpoint: Endpoint) -> None:
    """Delete an endpoint that no definition uses; Conflict names the first that does."""
    check_delete_endpoint(tx.session, endpoint)
    tx.event("endpoint", endpoint.id, _path(mover, endpoint.name), "deleted", mover_id=mover.id)
    tx.session.delete(endpoint)


def _fixed(properties: dict[str, object]) -> dict[str, object]:
    changeable = {to_camel(name) for name in endpoints.CHANGEABLE}
    return {key: value for key, value in properties.items() if key not in changeable}


def _path(mover: StorageMover, name: str) -> str:
    return f"{mover.name}/endpoints/{name}"
