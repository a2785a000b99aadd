"""Pickles read as data: what can be built is fixed here, and nothing in a file is ever called.

Python's own unpickler can be told which names it may resolve, but not what else it may do: a file
of twenty bytes makes it fill the memory for a table of references, and a tuple in a tuple, a
million deep, ends the process when it becomes a key. This one knows the opcodes that a state dict
needs.
"""

import pickletools
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, TypeAlias, cast

from archspec.weights.formats.stored import FormatError

Name: TypeAlias = tuple[str, str]
"""A module, and a name in it."""

PUSHED = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING"),
}
"""Opcodes that hold a number or a text."""
CONSTANTS: Mapping[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: Mapping[str, Callable[[], object]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
IGNORED = {"PROTO", "FRAME", "STOP"}
MEMO_GETS = {"BINGET", "LONG_BINGET"}
MEMO_PUTS = {"BINPUT", "LONG_BINPUT"}


def unpickled(
    data: BytesIO, known: Mapping[Name, object], refer: Callable[[object], object]
) -> object:
    """The object that a pickle holds; what follows it is not read.

    Args:
        data: the pickle, from where it is read.
        known: all that it may name, and what that stands for; what can be called is called.
        refer: what a persistent reference stands for, by what the pickle says of it.

    Raises:
        FormatError: it names something else, or has opcodes that no state dict has.
        ValueError, LookupError, TypeError: it is damaged.
    """
    machine = _Machine(known, refer)
    for opcode, argument, _ in pickletools.genops(data):
        machine.step(opcode.name, argument)
    return machine.stack.pop()


class _Machine:
    """A stack, the marks in it, and what is referred to later."""

    def __init__(self, known: Mapping[Name, object], refer: Callable[[object], object]) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._known = known
        self._refer = refer

    def step(self, opcode: str, argument: Any) -> None:  # noqa: ANN401  what the opcode holds
        """Execute one opcode."""
        if opcode in PUSHED:
            self.stack.append(argument)
        elif opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode])
        elif opcode in EMPTY:
            self.stack.append(EMPTY[opcode]())
        elif opcode in MEMO_GETS:
            self.stack.append(self._memo[argument])
        elif opcode in MEMO_PUTS:
            self._memo[argument] = self.stack[-1]
        elif opcode in STEPS:
            STEPS[opcode](self, argument)
        elif opcode not in IGNORED:
            raise FormatError(f"it is more than a state dict: it has the opcode {opcode}")

    def mark(self, _: object) -> None:
        self._marks.append(len(self.stack))

    def memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def global_(self, names: str) -> None:
        self._name(*names.split(" ", 1))

    def stack_global(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._name(module, name)

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise FormatError("it names something by what is no text")
        if (module, name) not in self._known:
            raise FormatError(f"it wants to run {module}.{name}")
        self.stack.append(self._known[module, name])

    def reduce(self, _: object) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        # Of all that can lie on the stack only what `known` has can be called.
        if not callable(called) or not isinstance(arguments, tuple):
            raise FormatError("it calls what cannot be called")
        self.stack.append(called(*cast("tuple[object, ...]", arguments)))

    def build(self, _: object) -> None:
        self.stack.pop()  # attributes of an object, which nothing reads

    def persistent(self, _: object) -> None:
        self.stack.append(self._refer(self.stack.pop()))

    def tuple_of(self, count: int) -> None:
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def tuple_(self, _: object) -> None:
        self.stack.append(tuple(self._since_mark()))

    def append(self, _: object) -> None:
        self._extend([self.stack.pop()])

    def appends(self, _: object) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[object]) -> None:
        if not isinstance(self.stack[-1], list):
            raise FormatError("it appends to what is no list")
        cast("list[object]", self.stack[-1]).extend(items)

    def set_item(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        fill(self.stack[-1], [(key, value)])

    def set_items(self, _: object) -> None:
        items = self._since_mark()
        fill(self.stack[-1], zip(items[::2], items[1::2], strict=True))

    def _since_mark(self) -> list[object]:
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def fill(target: object, items: Iterable[tuple[object, object]]) -> None:
    """Put keys and values into a dict; only text and numbers are keys, which hash in no time.

    Raises:
        FormatError: it is no dict, or a key is something else.
    """
    if not isinstance(target, dict):
        raise FormatError("it sets a key of what is no dict")
    for key, value in items:
        if not isinstance(key, str | int):
            raise FormatError("a key of a dict is neither text nor a number")
        cast("dict[object, object]", target)[key] = value


STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "MEMOIZE": _Machine.memoize,
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
    "TUPLE": _Machine.tuple_,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
}
"""The other opcodes, and what each does."""
