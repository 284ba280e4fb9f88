"""A target's sub-path that nobody has made yet, as a run sees it that changes nothing: there is nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

from agentsim.engine.errors import ItemChanged
from agentsim.places.place import Content, Descend, Dress, Item, Opening, Place, Unlisted, Written
from store import codes
from store.vocabulary import ItemKind


class Nowhere(Place):
    """Stands for a directory that a copy would make; what it could hold, the root above it says."""

    def __init__(self, opening: Opening, above: Place) -> None:
        """Stand in.

        Args:
            opening: of the missing directory.
            above: the endpoint's root, entered.
        """
        super().__init__(opening)
        self._above = above
        self.holds = above.holds
        self.streams = above.streams

    def reach(self) -> None:
        return

    def enter(self) -> None:
        return

    def identity(self) -> str:
        words = self._above.identity().split()
        sub_path = "".join(chr(byte) if 33 <= byte <= 126 else f"%{byte:02x}" for byte in self.opening.sub_path)
        return " ".join(
            f"{word.rstrip('/')}/{sub_path}" if word.startswith("place:") else word
            for word in words
            if not word.startswith("inode:")
        )

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        return iter(())

    def find(self, path: bytes) -> Item | None:
        return None

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        return self._above.refuses(self.opening.sub_path + b"/" + path, kind)

    def close(self) -> None:
        self._above.close()

    # Nothing leads here: nothing is listed, and nothing may be changed.

    def read(self, item: Item) -> Content:
        raise ItemChanged(codes.ITEM_VANISHED, "There is nothing here")

    def read_link(self, item: Item) -> bytes:
        raise ItemChanged(codes.ITEM_VANISHED, "There is nothing here")

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        raise NotImplementedError

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        raise NotImplementedError

    def make_directory(self, path: bytes, dress: Dress) -> str:
        raise NotImplementedError

    def set_dress(self, item: Item, dress: Dress) -> str:
        raise NotImplementedError

    def delete(self, item: Item) -> bool:
        raise NotImplementedError

    def set_aside(self, item: Item, to: bytes) -> None:
        raise NotImplementedError
