"""A sheet that is told of changes in the store while it is open, as the screen below it is."""

from __future__ import annotations

from tui.following import StoreChanges


class FollowingSheet:
    """Mixed into modal screens. It is told in turn: what it does meanwhile holds up the next telling."""

    async def store_changed(self, changes: StoreChanges) -> None:
        """Read again what is shown and may have changed; trouble with the store is the sheet's to tell."""
        raise NotImplementedError
