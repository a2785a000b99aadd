"""Specs with their variants, for tests of all of them: a few of each spec by default, all on request."""

from collections.abc import Container, Iterable
from functools import cache
from pathlib import Path

import pytest
from archspec import verdicts, zoo
from archspec.resolve import open_spec


def of(name: str) -> list[str]:
    """A spec by itself and with each of its variants."""
    opened = open_spec(zoo.open_tree(name), zoo.open_tree)
    return [":".join((name, *choice)) for choice in opened.samples()]


def every(names: Iterable[str | Path]) -> list:
    """All variants of specs; what is neither first nor last of a spec nor in the middle is slow."""
    return [
        choice if place in {0, len(choices) // 2, len(choices) - 1} else slow(choice)
        for choices in map(of, map(str, names))
        for place, choice in enumerate(choices)
    ]


@cache
def named() -> dict[str, str]:
    """Reference of timm or torchvision → the spec that names it."""
    return {other: spec for spec, other in verdicts.named() if not other.startswith("keras:")}


def all_but(fast: Container[str], choices: Iterable[str]) -> list:
    """The choices, slow but for those that are fast."""
    return [choice if choice in fast else slow(choice) for choice in choices]


def slow(choice: str):
    return pytest.param(choice, marks=pytest.mark.slow)
