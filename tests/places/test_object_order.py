"""Keys of an object store become a tree: against a model that sorts everything, and by hand for what is odd."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from agentsim.places.object_order import in_walk_order, why_no_path
from agentsim.places.place import Item, walk_key
from store.vocabulary import ItemKind

FILE, DIRECTORY, SPECIAL = ItemKind.FILE, ItemKind.DIRECTORY, ItemKind.SPECIAL

keys = st.text(alphabet="a-./é\U0001f41f\uff5e", min_size=1, max_size=7).map(str.encode)
"""Keys of a few characters that sort around the slash, so that they meet; some that no path can be."""


def walked(objects: Iterable[Item]) -> list[tuple[bytes, ItemKind, bool]]:
    ordered = sorted(objects, key=lambda item: item.path)
    return [(item.path, item.kind, item.implied) for item in in_walk_order(ordered)]


def walked_keys(*names: bytes, markers: tuple[bytes, ...] = ()) -> list[tuple[bytes, ItemKind, bool]]:
    files = [Item(path=name, kind=FILE) for name in names]
    return walked(files + [Item(path=name, kind=DIRECTORY) for name in markers])


def modelled(objects: Iterable[Item]) -> list[tuple[bytes, ItemKind, bool]]:
    """The same by brute force: every directory in a set, sorted at the end."""
    found: set[tuple[bytes, ItemKind]] = set()
    stands: set[bytes] = set()
    for item in objects:
        parts = item.path.split(b"/")
        for count in range(1, len(parts)):
            around = parts[:count]
            if any(part in (b"", b".", b"..") for part in around):
                break
            found.add((b"/".join(around), DIRECTORY))
        if why_no_path(item.path):
            found.add((item.path, SPECIAL))
        elif item.path.endswith(b"/") or item.kind is DIRECTORY:
            stands.add(item.path.removesuffix(b"/"))
            found.add((item.path.removesuffix(b"/"), DIRECTORY))
        else:
            found.add((item.path, FILE))
    ordered = sorted(found, key=lambda entry: walk_key(*entry))
    return [(path, kind, kind is DIRECTORY and path not in stands) for path, kind in ordered]


@given(st.dictionaries(keys, st.booleans(), max_size=30))
def test_a_listing_becomes_the_tree_that_a_brute_force_makes_of_it(listing: dict[bytes, bool]) -> None:
    objects = [Item(path=key, kind=DIRECTORY if marker else FILE) for key, marker in listing.items()]
    assert walked(objects) == modelled(objects)


@given(st.lists(keys, max_size=30, unique=True))
def test_of_a_listing_that_is_sorted_otherwise_nothing_is_lost(listing: list[bytes]) -> None:
    objects = [Item(path=key, kind=FILE) for key in listing]
    came = [(item.path, item.kind) for item in in_walk_order(objects)]
    assert set(came) == {(path, kind) for path, kind, _ in modelled(objects)}


@given(st.dictionaries(keys, st.booleans(), max_size=30))
def test_a_listing_sorted_by_utf16_makes_each_directory_once(listing: dict[bytes, bool]) -> None:
    objects = [Item(path=key, kind=DIRECTORY if marker else FILE) for key, marker in listing.items()]
    objects.sort(key=lambda item: item.path.decode().encode("utf-16-be"))
    came = [(item.path, item.kind) for item in in_walk_order(objects)]
    assert sorted(came) == sorted((path, kind) for path, kind, _ in modelled(objects))


def test_directories_are_made_up_for_what_lies_in_them() -> None:
    assert walked_keys(b"a/b/c", b"a/d") == [
        (b"a", DIRECTORY, True),
        (b"a/b", DIRECTORY, True),
        (b"a/b/c", FILE, False),
        (b"a/d", FILE, False),
    ]


def test_a_marker_waits_until_names_that_sort_before_a_slash_have_passed() -> None:
    assert walked_keys(b"a-", b"a.txt", b"a/x", markers=(b"a", b"a-b")) == [
        (b"a-", FILE, False),
        (b"a-b", DIRECTORY, False),
        (b"a.txt", FILE, False),
        (b"a", DIRECTORY, False),
        (b"a/x", FILE, False),
    ]


def test_a_marker_and_a_placeholder_are_one_directory() -> None:
    assert walked_keys(b"a/", b"a/x", markers=(b"a",)) == [(b"a", DIRECTORY, False), (b"a/x", FILE, False)]


def test_a_file_and_a_directory_of_one_name_both_come() -> None:
    assert walked_keys(b"a", b"a/x") == [(b"a", FILE, False), (b"a", DIRECTORY, True), (b"a/x", FILE, False)]


def test_the_root_itself_does_not_come() -> None:
    assert walked_keys(b"", b"a") == [(b"a", FILE, False)]


def test_a_placeholder_with_content_says_what_is_lost_with_it() -> None:
    (item,) = in_walk_order([Item(path=b"a/", kind=FILE, size=7, md5="0" * 32, version="v")])
    assert (item.path, item.kind, item.size, item.version) == (b"a", DIRECTORY, 0, "v")
    assert item.extras == ("content of its own (7 bytes)",)


def test_a_key_that_no_path_can_be_comes_as_it_is_and_says_why() -> None:
    raw = [b"/a", b"a/../b", b"a//b", b"b/.", b"c\0d"]
    came = [item for item in in_walk_order([Item(path=key, kind=FILE) for key in raw]) if item.kind is SPECIAL]
    assert [item.path for item in came] == raw
    assert [item.extras[0] for item in came] == [
        "a key with a slash at its beginning",
        "a key with a part of . or ..",
        "a key with an empty part between two slashes",
        "a key with a part of . or ..",
        "a key with a NUL in it",
    ]
