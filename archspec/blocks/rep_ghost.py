"""RepGhost bottleneck: after each 1x1 convolution a cheap one, and its input, are added up.

`expand.*`, `expand_cheap.*`, `depthwise.*`, `se.*`, `project.*`, `project_cheap.*`,
`shortcut_depthwise.*`, `shortcut.*`, `drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. A RepGhost module is a 1x1
convolution, then the sum of two branches of its output: a depthwise convolution with its norm
(`expand_cheap.branch1.*`) and a norm alone (`expand_cheap.identity`), then the activation. This is
the form that trains; the two branches collapse into one convolution.
`depthwise` stands only where the stride is not 1; the shortcut is convolved where stride or width
change.
Source: Chen et al. 2022, arXiv:2211.06088, Section 3. The shortcut is the one of GhostNet's code, a
    depthwise and a 1x1 convolution.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    Convolutional,
    Kernel,
    Part,
    SqueezeExcite,
    part,
    shared,
)

_THREE = ((3, 3),)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepGhost(Convolutional):
    """After each 1x1 convolution a cheap one, and its input, are added up."""

    channels: int = shared.channels()
    hidden: int = shared.channels("channels between the two RepGhost modules")
    kernel: Kernel = shared.kernel("window of the strided depthwise convolutions")
    stride: int = shared.stride("step of the depthwise windows, in pixels")
    se: SqueezeExcite | None = shared.squeeze_excite(
        "squeeze-excite before the second RepGhost module"
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


def unfold(build: Builder, x: str, p: RepGhost) -> str:
    """Add the two RepGhost modules, what stands between them, and the sum."""
    width = build.shape(x)[-1]
    y = _rep_ghost_module(build, x, "expand", p.expand, p.expand_cheap, p.hidden)
    if p.stride != 1:
        y = build.part("depthwise", y, p.depthwise, p.hidden, stride=p.stride)
    if p.se:
        y = build.squeeze_excite(y, Gate(p.se, width, p.channels, p.init))
    y = _rep_ghost_module(build, y, "project", p.project, p.project_cheap, p.channels)
    if p.stride != 1 or width != p.channels:
        x = build.part("shortcut_depthwise", x, p.shortcut_depthwise, width, stride=p.stride)
        x = build.part("shortcut", x, p.shortcut, p.channels)
    return build.residual(x, y, "always", p.drop_path)


def _rep_ghost_module(
    build: Builder, x: str, name: str, first: Part, cheap: Part, width: int
) -> str:
    """(h, w, c) → (h, w, width)."""
    x = build.part(name, x, first, width)
    return build.within(f"{name}_cheap").branches(x, cheap, width, 1, scale=False)


BLOCK = Block(RepGhost, unfold)
