"""What a definition's pair of places loses, said beside the definition itself: narration, never data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli import output

if TYPE_CHECKING:
    from sqlmodel import Session

    from store.models import JobDefinition


def say_losses(session: Session, definition: JobDefinition) -> None:
    """Say what does not arrive whole in the target; nothing where all does."""
    from store import arm
    from store.losses import losses
    from store.models import Endpoint
    from store.settings import CopySettings

    source, target = session.get_one(Endpoint, definition.source_id), session.get_one(Endpoint, definition.target_id)
    settings = CopySettings.from_properties(arm.definition_properties(definition, source, target))
    found = losses(source.endpoint_type, target.endpoint_type, settings)
    if found:
        output.say(f"From {source.endpoint_type} to {target.endpoint_type}:")
    for sentence in found:
        output.say(f"  {sentence}")
