"""Sequences that share what they have in common behave like lists that do not."""

from hypothesis import given
from hypothesis import strategies as st

from raftplay.past.growing import Growing

steps = st.lists(
    st.tuples(
        st.integers(0, 5),  # which of them
        st.sampled_from(["append", "again", "put", "truncate", "copy", "look"]),
        st.integers(0, 12),
    ),
    max_size=60,
)


@given(steps)
def test_copies_are_as_independent_as_copies_of_lists(steps: list[tuple[int, str, int]]) -> None:
    """`again` appends what another sequence has there, as a fold that is repeated does."""
    pairs: list[tuple[Growing[object], list[object]]] = [(Growing(), [])]
    for fresh, (which, what, number) in enumerate(steps):
        growing, plain = pairs[which % len(pairs)]
        match what:
            case "append":
                growing.append(f"item {fresh}")
                plain.append(f"item {fresh}")
            case "again":
                other = pairs[number % len(pairs)][1]
                if len(plain) < len(other):
                    growing.append(other[len(plain)])
                    plain.append(other[len(plain)])
            case "put":
                index = min(number, len(plain))
                items = [f"put {fresh}.{at}" for at in range(number % 4)]
                growing.put(index, items)
                plain[index : index + len(items)] = items
            case "truncate":
                growing.truncate(number)
                del plain[number:]
            case "copy" if len(pairs) < 6:
                pairs.append((growing.copy(), plain.copy()))
            case _:
                assert growing.frozen() == tuple(plain)
    for growing, plain in pairs:
        assert (growing.frozen(), len(growing)) == (tuple(plain), len(plain))


def test_appending_to_copies_of_one_sequence_copies_nothing() -> None:
    items = [object() for _ in range(100)]
    first: Growing[object] = Growing(items[:50])
    kept = [first.copy()]
    for item in items[50:]:
        first.append(item)
        kept.append(first.copy())
    again = kept[0].copy()
    for item in items[50:]:
        again.append(item)
    assert again._items is first._items
    assert [len(copy) for copy in kept] == list(range(50, 101))
    assert [copy.frozen() for copy in kept] == [tuple(items[:length]) for length in range(50, 101)]


def test_what_was_looked_at_is_not_made_anew() -> None:
    growing = Growing([1, 2])
    seen = growing.frozen()
    assert growing.copy().frozen() is seen is growing.frozen()
    growing.append(3)
    assert growing.frozen() == (1, 2, 3)
