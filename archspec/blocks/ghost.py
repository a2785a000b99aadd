"""Ghost bottleneck: half of each wide image by a convolution, half by a cheap one on the first.

`expand.*`, `expand_cheap.*`, `expand_concat`, `dfc.*`, `depthwise.*`, `se.*`, `project.*`,
`project_cheap.*`, `project_concat`, `shortcut_depthwise.*`, `shortcut.*`, `drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. A ghost module makes ⌈n/2⌉
channels by a 1x1 convolution, as many again by a depthwise convolution of those, and keeps the
first n of them all (`expand_slice`, `project_slice` where n is odd). `depthwise` stands only where
the stride is not 1; the shortcut is convolved where stride or width change. `dfc` gates the first
module's output by rows and columns of the input at half the size: `dfc.pool`, `dfc.mix.*`,
`dfc.row.*`, `dfc.column.*`, `dfc.gate`, `dfc.resize`, `dfc.multiply`.
Source: Han et al. 2019, arXiv:1911.11907, equations 3 and 4, Figures 2 and 3; the paper's
    "downsampling layer" of a strided shortcut is in the authors' code a depthwise and a 1x1
    convolution. `dfc`: Tang et al. 2022, arXiv:2211.12905 (GhostNetV2).
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder, Gate
from archspec.ops import Concat, Multiply, Pool, Resize, Slice
from archspec.parameters import (
    Convolutional,
    Kernel,
    Part,
    SqueezeExcite,
    integer,
    parameter,
    part,
    shared,
)

_THREE = ((3, 3),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ghost(Convolutional):
    """Half of each wide image by a convolution, half by a cheap one on the first."""

    channels: int = shared.channels()
    hidden: int = shared.channels("channels between the two ghost modules")
    kernel: Kernel = shared.kernel("window of the strided depthwise convolutions")
    stride: int = shared.stride("step of the depthwise windows, in pixels")
    dfc: int | None = parameter(
        integer(1, 255),
        "decoupled fully connected attention on the first ghost module: length of its filters, "
        "along rows and along columns",
        None,
    )
    se: SqueezeExcite | None = shared.squeeze_excite(
        "squeeze-excite before the second ghost module"
    )
    drop_path: float = shared.drop_path()
    expand: Part = part("the 1x1 convolution of the module that widens")
    expand_cheap: Part = part("the depthwise convolution on its output", kernel=_THREE, groups=None)
    depthwise: Part = part(
        "the strided depthwise convolution", kernel="block", groups=None, activation=None
    )
    project: Part = part("the 1x1 convolution of the module that narrows", activation=None)
    project_cheap: Part = part(
        "the depthwise convolution on its output", kernel=_THREE, groups=None, activation=None
    )
    shortcut_depthwise: Part = part(
        "the depthwise convolution of the shortcut", kernel="block", groups=None, activation=None
    )
    shortcut: Part = part("the 1x1 convolution of the shortcut", activation=None)


def unfold(build: Builder, x: str, p: Ghost) -> str:
    """Add the two ghost modules, what stands between them, and the sum."""
    width = build.shape(x)[-1]
    y = _ghost_module(build, x, p, "expand", p.hidden)
    if p.dfc:
        y = _attend(build, x, y, p, p.dfc)
    if p.stride != 1:
        y = build.part("depthwise", y, p.depthwise, p.hidden, stride=p.stride)
    if p.se:
        y = build.squeeze_excite(y, Gate(p.se, width, p.channels, p.init))
    y = _ghost_module(build, y, p, "project", p.channels)
    if p.stride != 1 or width != p.channels:
        x = build.part("shortcut_depthwise", x, p.shortcut_depthwise, width, stride=p.stride)
        x = build.part("shortcut", x, p.shortcut, p.channels)
    return build.residual(x, y, "always", p.drop_path)


def _ghost_module(build: Builder, x: str, p: Ghost, name: str, width: int) -> str:
    """(h, w, c) → (h, w, width)."""
    half = -(-width // 2)
    x = build.part(name, x, getattr(p, name), half)
    y = build.part(f"{name}_cheap", x, getattr(p, f"{name}_cheap"), half)
    y = build.add(f"{name}_concat", Concat(), x, y)
    return y if width == 2 * half else build.add(f"{name}_slice", Slice(0, width), y)


def _attend(build: Builder, x: str, y: str, p: Ghost, length: int) -> str:
    """Multiply y (h, w, n) by gates that see along rows and columns of x (h, w, c)."""
    pool = Pool(kernel=(2, 2), stride=2, padding="valid", type="average")
    gate = build.add("dfc.pool", pool, x)
    mix = replace(p.as_part(((1, 1),)), activation=None)
    gate = build.part("dfc.mix", gate, mix, p.hidden)
    for name, window in (("dfc.row", (1, length)), ("dfc.column", (length, 1))):
        gate = build.part(name, gate, replace(mix, kernel=(window,), groups=p.hidden), p.hidden)
    gate = build.add(
        "dfc.resize", Resize("nearest"), build.activation("dfc.gate", gate, "sigmoid"), y
    )
    return build.add("dfc.multiply", Multiply(), y, gate)


BLOCK = Block(Ghost, unfold)
