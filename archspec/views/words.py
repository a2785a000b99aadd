"""Values and settings as a spec would say them."""

from dataclasses import fields, is_dataclass
from typing import Any, cast

from archspec.spec import Setting

LEADING = {"ratio", "type", "mode"}
"""Fields that a scalar stands for: `se 0.25` is shorter than `se.ratio 0.25`."""


def formula(setting: Setting) -> str:
    """What stands there where a number is computed from it: a fraction, a ramp, a cycle."""
    text = setting.span.text if setting.span else ""
    return text if text.startswith("{") or "/" in text else ""


def short(path: str) -> str:
    """A path without the field that a scalar stands for."""
    head, _dot, field = path.rpartition(".")
    return head if field in LEADING and head else path


def worded(value: Any) -> str:  # noqa: ANN401  of any parameter
    """As a spec would say it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return _tuple(cast("tuple[Any, ...]", value))
    if is_dataclass(value):
        said = (f"{item.name}: {worded(getattr(value, item.name))}" for item in fields(value))
        return f"{{{', '.join(said)}}}"
    return str(value)


def _tuple(value: tuple[Any, ...]) -> str:
    """A kernel as it is written, 3, 1x7 or [3, 5]; other tuples as lists."""
    if value and isinstance(value[0], tuple):
        windows = [str(h) if h == w else f"{h}x{w}" for h, w in value]
        return windows[0] if len(windows) == 1 else f"[{', '.join(windows)}]"
    return f"[{', '.join(map(worded, value))}]" if len(value) != 1 else worded(value[0])
