"""The buffer of rows: what it asks for, what it takes, and where cursor and viewport end up."""

from __future__ import annotations

import bisect
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.presentation.cells import Cell, Row
from tui.widgets.row_window import CHUNK, KEEP, MARGIN, Direction, Request, RowWindow


def row(number: int, text: str = "") -> Row:
    return Row(f"{number:06}", (Cell(text or f"row {number}"),))


class Answer(NamedTuple):
    direction: Direction
    anchor_key: str | None
    rows: list[Row]
    at_start: bool
    at_end: bool
    total: int | None


class ListOwner:
    """Answers as a keyset query would: an anchor that is gone still has a place in the order."""

    def __init__(self, numbers: range | list[int]) -> None:
        self.keys = [row(number).key for number in numbers]

    def answer(self, request: Request) -> Answer:
        count = len(self.keys)
        at = bisect.bisect_left(self.keys, request.anchor_key or "")
        present = at < count and self.keys[at] == request.anchor_key
        first, last = {
            "start": (0, request.limit),
            "end": (count - request.limit, count),
            "after": (at + present, at + present + request.limit),
            "before": (at - request.limit, at),
            "around": (at - request.limit // 2, at - request.limit // 2 + request.limit),
        }[request.direction]
        first, last = max(0, first), min(last, count)
        rows = [row(int(key)) for key in self.keys[first:last]]
        return Answer(request.direction, request.anchor_key, rows, first == 0, last == count, count)


def settle(window: RowWindow, owner: ListOwner, request: Request | None = None) -> list[Request]:
    """Answer requests until none is due; return all that were made."""
    asked = []
    queue = ([request] if request else []) + window.missing()
    while queue:
        asked.append(queue.pop(0))
        window.load(*owner.answer(asked[-1]))
        queue += window.missing()
        assert len(asked) < 20
    return asked


def opened(owner: ListOwner, height: int = 20) -> RowWindow:
    window = RowWindow()
    window.resize(height)
    settle(window, owner, window.refresh())
    return window


def test_it_begins_at_the_start_and_knows_the_total() -> None:
    window = opened(ListOwner(range(1000)))
    assert (window.cursor_key, window.top, window.total, window.position) == ("000000", 0, 1000, 0)
    assert window.at_start
    assert not window.at_end
    assert len(window.rows) < KEEP


def test_an_empty_list_is_loaded_and_asks_no_more() -> None:
    window = opened(ListOwner([]))
    assert window.loaded
    assert window.cursor_key is None
    assert window.missing() == []
    window.move(3)
    window.page(-1)
    assert (window.cursor, window.top) == (0, 0)
    assert window.refresh()[:2] == ("start", None)


def test_rows_ahead_are_asked_for_before_they_are_seen_and_once() -> None:
    owner = ListOwner(range(1000))
    window = opened(owner)
    while not (due := window.missing()):
        window.move(1)
    assert [request[:3] for request in due] == [("after", window.rows[-1].key, CHUNK)]
    assert len(window.rows) - window.cursor > MARGIN - window.height
    assert window.missing() == []
    window.load(*owner.answer(due[0]))
    assert window.missing() == []


def test_a_walk_to_the_end_and_back_holds_a_bounded_buffer() -> None:
    owner = ListOwner(range(3000))
    window = opened(owner)
    for page in range(1, 3000 // 20 + 1):
        window.page(1)
        settle(window, owner)
        assert window.cursor_key == row(min(20 * page, 2999)).key
        assert len(window.rows) <= KEEP
    assert window.cursor_key == "002999"
    assert window.at_end
    assert not window.at_start
    assert window.position == 2999
    for page in range(1, 3000 // 20 + 1):
        window.page(-1)
        settle(window, owner)
        assert window.cursor_key == row(max(2999 - 20 * page, 0)).key
        assert len(window.rows) <= KEEP
    assert (window.cursor_key, window.top) == ("000000", 0)


def test_home_and_end_ask_only_for_what_is_not_held() -> None:
    owner = ListOwner(range(1000))
    window = opened(owner)
    assert window.home() is None
    request = window.end()
    assert request is not None
    assert request.direction == "end"
    settle(window, owner, request)
    assert window.cursor_key == "000999"
    assert window.visible()[-1].key == "000999"
    assert len(window.visible()) == 20
    assert window.end() is None
    settle(window, owner, window.home())
    assert (window.cursor_key, window.top) == ("000000", 0)


def test_the_cursor_stays_on_its_row_and_line_when_rows_come_before_it() -> None:
    owner = ListOwner(range(100, 400))
    window = opened(owner)
    window.page(3)
    settle(window, owner)
    window.move(5)
    key, line = window.cursor_key, window.cursor - window.top
    owner.keys = [row(n).key for n in range(80, 400)]
    settle(window, owner, window.refresh())
    assert (window.cursor_key, window.cursor - window.top) == (key, line)


def test_new_first_rows_show_while_the_viewport_is_at_the_start() -> None:
    owner = ListOwner(range(100, 400))
    window = opened(owner)
    window.move(2)
    owner.keys = [row(n).key for n in range(98, 400)]
    settle(window, owner, window.refresh())
    assert window.visible()[0].key == "000098"
    assert window.cursor_key == "000102"
    owner.keys = [row(n).key for n in range(40, 400)]
    settle(window, owner, window.refresh())
    assert window.cursor_key == "000102"
    assert row(102) in window.visible()


@pytest.mark.parametrize("new", [1, 19, 60, 500])
def test_a_list_that_nobody_is_at_goes_on_showing_its_first_rows(new: int) -> None:
    """However long it is left alone, and however many come at once."""
    owner = ListOwner(range(10_000, 11_000))
    window = opened(owner)
    window.unattended = True
    for step in range(1, 4):
        owner.keys[:0] = [row(10_000 - new * step + number).key for number in range(new)]
        settle(window, owner, window.refresh())
        assert (window.cursor, window.top) == (0, 0)
        assert window.cursor_key == row(10_000 - new * step).key
        assert window.loaded
    window.unattended = False
    settle(window, owner, window.refresh())
    chosen = window.cursor_key
    owner.keys[:0] = [row(1).key]
    settle(window, owner, window.refresh())
    assert window.cursor_key == chosen, "whoever is at it keeps the row"


def test_a_jump_from_the_first_row_of_such_a_list_arrives() -> None:
    owner = ListOwner(range(1, 1000))
    window = opened(owner)
    window.unattended = True
    settle(window, owner, window.go_to(row(700).key))
    assert window.cursor_key == row(700).key
    owner.keys[:0] = [row(0).key]
    settle(window, owner, window.refresh())
    assert window.cursor_key == row(700).key


@pytest.mark.parametrize(
    ("left", "key"),
    [
        ([1, 2, 3, 5, 6], "000005"),
        ([1, 2, 3, 6], "000006"),
        ([1, 2, 3], "000003"),
        ([2], "000002"),
        ([7, 8, 9, 10, 11, 12], "000011"),
    ],
    ids=["the next", "the next left", "the one before", "any", "as far down"],
)
def test_if_the_row_is_gone_a_neighbour_gets_the_cursor(left: list[int], key: str) -> None:
    owner = ListOwner([1, 2, 3, 4, 5, 6])
    window = opened(owner, height=4)
    window.move(3)
    if left[0] == 7:
        window.move(1)
    owner.keys = [row(n).key for n in left]
    settle(window, owner, window.refresh())
    assert window.cursor_key == key


def test_an_emptied_list_and_a_filled_one() -> None:
    owner = ListOwner(range(10))
    window = opened(owner)
    owner.keys = []
    settle(window, owner, window.refresh())
    assert window.rows == []
    assert window.loaded
    owner.keys = [row(7).key]
    settle(window, owner, window.refresh())
    assert window.cursor_key == "000007"


def test_an_answer_that_leads_nowhere_makes_it_begin_again() -> None:
    owner = ListOwner(range(10))
    window = opened(owner)
    window.move(4)
    request = window.refresh()
    assert window.load("around", request.anchor_key, [], False, False)
    assert not window.loaded
    assert [again.direction for again in settle(window, owner)] == ["start"]
    assert window.cursor_key == "000000"


def test_late_answers_are_dropped() -> None:
    owner = ListOwner(range(1000))
    window = opened(owner)
    around = window.refresh()
    end = window.end()
    assert end is not None
    settle(window, owner, end)
    assert not window.load(*owner.answer(around))
    assert window.cursor_key == "000999"
    window.page(-5)
    (before,) = window.missing()
    window.reset()
    assert not window.load(*owner.answer(before))
    assert window.rows == []


def test_a_jump_without_an_answer_is_asked_again_by_a_refresh() -> None:
    window = opened(ListOwner(range(1000)))
    request = window.go_to("000700")
    assert request is not None
    assert window.refresh()[:3] == request[:3]


def test_a_key_that_comes_while_the_rows_are_read_again_keeps_its_effect() -> None:
    """A tick and a key cross each other all the time."""
    owner = ListOwner(range(100, 1000))
    window = opened(owner)
    again = window.refresh()
    window.move(2)
    owner.keys[:0] = [row(99).key]
    settle(window, owner, again)
    assert window.cursor_key == "000102"
    assert window.visible()[0].key == "000099"


def test_a_walk_beyond_what_is_read_again_is_followed() -> None:
    owner = ListOwner(range(3000))
    window = opened(owner)
    settle(window, owner, window.go_to("001000"))
    for _ in range(20):
        window.page(1)
        settle(window, owner)
    window.page(-19)
    settle(window, owner)
    again = window.refresh()
    window.page(10)
    key = window.cursor_key
    assert key not in {held.key for held in owner.answer(again).rows}
    assert [request.anchor_key for request in settle(window, owner, again)][:2] == [again.anchor_key, key]
    assert window.cursor_key == key


def test_a_row_that_was_left_while_it_is_deleted_takes_nothing_along() -> None:
    owner = ListOwner(range(10))
    window = opened(owner)
    again = window.refresh()
    window.move(3)
    del owner.keys[0], owner.keys[2]
    settle(window, owner, again)
    assert window.cursor_key == "000004", "the one after the row that it was on"


def test_an_answer_to_an_older_question_is_not_the_last_word() -> None:
    """What changed between two readings of the same rows is in the second only."""
    owner = ListOwner(range(10))
    window = opened(owner)
    first = window.refresh()
    old = owner.answer(first)
    owner.keys.append(row(10).key)
    second = window.refresh()
    assert window.load(*old, serial=first.serial)
    assert len(window.rows) == 10
    window.move(4)
    assert window.load(*owner.answer(second), serial=second.serial)
    assert len(window.rows) == 11
    assert window.cursor_key == "000004"
    assert not window.load(*old, serial=first.serial), "nothing waits any more"


def test_a_list_that_is_asked_for_twice_at_first_keeps_what_was_done_between() -> None:
    owner = ListOwner(range(10))
    window = RowWindow()
    window.resize(20)
    first, second = window.refresh(), window.refresh()
    assert window.load(*owner.answer(first), serial=first.serial)
    window.move(4)
    assert window.load(*owner.answer(second), serial=second.serial)
    assert window.cursor_key == "000004"


def test_going_to_a_row_held_and_not_held() -> None:
    owner = ListOwner(range(1000))
    window = opened(owner)
    assert window.go_to("000030") is None
    assert window.cursor_key == "000030"
    settle(window, owner, window.go_to("000700"))
    assert window.cursor_key == "000700"
    assert row(700) in window.visible()


def test_another_order_keeps_the_row_it_is_told() -> None:
    owner = ListOwner(range(1000))
    window = opened(owner)
    settle(window, owner, window.reset("000500"))
    assert window.cursor_key == "000500"
    settle(window, owner, window.reset())
    assert window.cursor_key == "000000"


def test_a_row_that_comes_twice_is_held_once() -> None:
    window = RowWindow()
    window.resize(4)
    request = window.refresh()
    window.load(*request[:2], [row(1), row(2)], True, False)
    (after,) = window.missing()
    window.load(*after[:2], [row(2), row(3)], False, True)
    assert [r.key for r in window.rows] == ["000001", "000002", "000003"]


def test_update_changes_a_row_in_place() -> None:
    window = opened(ListOwner(range(10)))
    assert window.update(row(3, "new"))
    assert window.visible()[3].cells == (Cell("new"),)
    assert not window.update(row(99))


def test_scrolling_pushes_the_cursor_along() -> None:
    window = opened(ListOwner(range(100)), height=10)
    window.scroll(3)
    assert (window.top, window.cursor) == (3, 3)
    window.move(9)
    window.scroll(-2)
    assert (window.top, window.cursor) == (1, 10)


def test_a_viewport_that_shrinks_keeps_the_cursor_in_it() -> None:
    window = opened(ListOwner(range(100)), height=20)
    window.move(15)
    window.resize(5)
    assert window.top <= window.cursor < window.top + 5
    window.resize(0)
    window.resize(20)
    assert row(15) in window.visible()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(-30, 30)),
        st.tuples(st.just("page"), st.integers(-3, 3)),
        st.tuples(st.just("scroll"), st.integers(-9, 9)),
        st.tuples(st.just("resize"), st.integers(0, 60)),
        st.tuples(st.just("go_to"), st.integers(0, 2000)),
        st.tuples(st.just("delete"), st.integers(0, 2000)),
        st.tuples(st.just("insert"), st.integers(0, 2000)),
        st.tuples(st.sampled_from(["home", "end", "refresh"]), st.just(0)),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(st.integers(0, 1500), STEPS)
def test_whatever_happens_the_cursor_is_in_view_and_the_buffer_is_whole(
    count: int, steps: list[tuple[str, int]]
) -> None:
    owner = ListOwner(range(0, count * 2, 2))
    window = opened(owner, height=12)
    for step, number in steps:
        request = None
        if step in ("move", "page", "scroll", "resize"):
            getattr(window, step)(number)
        elif step == "go_to":
            request = window.go_to(row(number).key)
        elif step in ("delete", "insert"):
            first = bisect.bisect_left(owner.keys, row(number).key)
            owner.keys[first : first + 5 if step == "delete" else first] = (
                [] if step == "delete" or row(number).key in owner.keys else [row(number).key]
            )
            request = window.refresh()
        else:
            request = getattr(window, step)()
        settle(window, owner, request)
        keys = [r.key for r in window.rows]
        assert len(keys) <= KEEP
        assert len(set(keys)) == len(keys)
        if step == "refresh" and keys:
            first = owner.keys.index(keys[0])
            assert owner.keys[first : first + len(keys)] == keys
        if keys:
            assert 0 <= window.cursor < len(keys)
            assert window.height == 0 or window.top <= window.cursor < window.top + window.height
            assert window.top >= 0
            assert len(window.visible()) == min(window.height, len(keys)) or window.height == 0
        else:
            assert owner.keys == []
