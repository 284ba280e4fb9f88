"""Two walks become one, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from agentsim.engine.errors import ItemFailed
from agentsim.places.place import Item, Unlisted, walk_key
from agentsim.transfer.merging import Entry, Match, Merge
from store import codes
from store.vocabulary import ItemKind

FILE, DIRECTORY = ItemKind.FILE, ItemKind.DIRECTORY

parts = st.text(alphabet="ab-./ ", min_size=1, max_size=3).map(lambda text: text.replace("/", "0"))
paths = st.lists(parts, min_size=1, max_size=3).map(lambda names: "/".join(names).encode())
trees = st.sets(st.tuples(paths, st.sampled_from([FILE, DIRECTORY])), max_size=20)


def walk(tree: set[tuple[bytes, ItemKind]]) -> Iterator[Entry]:
    items = [Item(path=path, kind=kind) for path, kind in tree]
    return iter(sorted(items, key=lambda item: walk_key(item.path, item.kind)))


def sides(match: Match) -> tuple[bool, bool]:
    return match.source is not None, match.target is not None


@settings(deadline=None)
@given(trees, trees)
def test_every_item_comes_once_and_with_its_twin(
    source: set[tuple[bytes, ItemKind]], target: set[tuple[bytes, ItemKind]]
) -> None:
    merge = Merge(walk(source), walk(target))
    found = {(match.path, DIRECTORY if match.directory else FILE): sides(match) for match in merge}
    assert found == {item: (item in source, item in target) for item in source | target}
    assert not merge.unsure
    assert merge.source_ended


@settings(deadline=None)
@given(trees, trees)
def test_a_file_knows_of_the_directory_of_its_name(
    source: set[tuple[bytes, ItemKind]], target: set[tuple[bytes, ItemKind]]
) -> None:
    both = source | target
    for match in Merge(walk(source), walk(target)):
        if not match.directory:
            known = match.other is not None
            assert known == ((match.path, DIRECTORY) in both)
            if match.other is not None:
                assert sides(match.other) == ((match.path, DIRECTORY) in source, (match.path, DIRECTORY) in target)


@settings(deadline=None)
@given(trees)
def test_a_directory_comes_before_what_is_in_it(tree: set[tuple[bytes, ItemKind]]) -> None:
    seen: set[bytes] = set()
    for match in Merge(walk(tree), iter(())):
        assert not any(path.startswith(match.path + b"/") for path in seen) or not match.directory
        seen.add(match.path)


def test_a_directory_that_could_not_be_listed_comes_once() -> None:
    error = ItemFailed(codes.ITEM_SOURCE_PERMISSION, "no")
    source: list[Entry] = [
        Item(path=b"a", kind=DIRECTORY),
        Unlisted(path=b"a", error=error),
        Item(path=b"b", kind=DIRECTORY),
        Item(path=b"b/c", kind=FILE),
    ]
    found = list(Merge(iter(source), walk({(b"a", DIRECTORY), (b"a/x", FILE)})))
    assert [match.path for match in found] == [b"a", b"a/x", b"b", b"b/c"]
    assert isinstance(found[0].source, Unlisted)
    assert isinstance(found[0].target, Item)


def test_a_walk_out_of_order_is_noticed() -> None:
    source = [Item(path=b"b", kind=FILE), Item(path=b"a", kind=FILE)]
    merge = Merge(iter(source), walk({(b"a", FILE), (b"b", FILE)}))
    assert len(list(merge)) == 3
    assert merge.unsure
