"""Random choices: hypothesis', which can be shrunk, or those of a seed, which cost little."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from hypothesis import strategies as st

_RANGES = ((0x20, 0x7E), (0x20, 0x7E), (0, 0x9F), (0xA0, 0x2FFF), (0xD800, 0xFFFF), (0, 0x10FFFF))
"""Of characters: mostly printable ones, and from where the others are."""


class Choices(Protocol):
    def number(self, least: int, most: int) -> int:
        """Both included."""
        ...

    def text(self, longest: int) -> str:
        """It may have lone surrogates, unless it is hypothesis'."""
        ...

    def data(self, longest: int) -> bytes: ...

    def order(self, length: int) -> list[int]:
        """The numbers below `length`, in any order."""
        ...


class Drawn:
    """Choices of hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def number(self, least: int, most: int) -> int:
        found: int = self._draw(st.integers(least, most))
        return found

    def text(self, longest: int) -> str:
        found: str = self._draw(st.text(max_size=longest))
        return found

    def data(self, longest: int) -> bytes:
        found: bytes = self._draw(st.binary(max_size=longest))
        return found

    def order(self, length: int) -> list[int]:
        found: list[int] = self._draw(st.permutations(range(length)))
        return found


class Seeded:
    """The choices of one example of a run: the same seed makes the same ones again."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self.number = self._random.randint

    def text(self, longest: int) -> str:
        random = self._random
        length = random.randint(0, longest)
        return "".join([chr(random.randint(*random.choice(_RANGES))) for _ in range(length)])

    def data(self, longest: int) -> bytes:
        return self._random.randbytes(self._random.randint(0, longest))

    def order(self, length: int) -> list[int]:
        return self._random.sample(range(length), length)


def one(choices: Choices, of: Sequence[Any]) -> Any:
    """By its place: what is drawn is shown when an example fails."""
    return of[choices.number(0, len(of) - 1)]
