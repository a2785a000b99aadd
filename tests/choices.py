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


SMALLEST = (
    "convnext:zepto:deviation", "convnext_ols:zepto", "deeplabv3_mobilenet_v2", "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet101", "deeplabv3_resnet50", "deeplabv3plus_mobilenet_v2", "densenet", "edgenext:xx_small", "edgenext_rw",
    "efficientnet:tf", "efficientnet_edgetpu", "efficientnet_gn:b0_gn", "efficientnet_lite",
    "efficientnet_v2:0.8", "efficientnet_x", "efficientvit", "efficientvit_l", "fasternet", "fbnet_c",
    "fbnet_v3", "fcn_resnet101", "fcn_resnet50", "ghostnet:0.5", "ghostnet_v2", "hardcore_nas:b", "hgnet", "hgnet_v2", "lcnet:0.35",
    "lcnet_v2:small", "lraspp_mobilenet_v3_large", "lraspp_mobilenet_v3_small", "mixnet:s", "mnasnet:small:0.35", "mobilenet_edgetpu", "mobilenet_edgetpu_v2:xs",
    "mobilenet_v1:0.25", "mobilenet_v2:0.35", "mobilenet_v2_notebook", "mobilenet_v3:small:0.35",
    "mobilenet_v3_rw", "mobilenet_v3_torchvision_large:0.35", "mobilenet_v3_torchvision_small:0.35",
    "mobilenet_v4:conv_small:0.35", "mobileone", "mobilevit:xxs", "mobilevit_v2:0.5", "regnet",
    "regnet_y_sgn", "regnet_z", "repghostnet:0.5", "repvgg:a0", "repvit", "resnet:10", "resnet_rs",
    "resnet_v2:18", "resnet_v2_keras", "rexnet", "senet:18", "shufflenet_v2:0.5", "spnasnet",
    "squeezenet:1.1", "ssdlite320_mobilenet_v3_large:voc20", "ssdlite_mobilenet_v2:voc20",
    "ssdlite_mobilenet_v3_large:voc20", "ssdlite_mobilenet_v3_small:voc20", "starnet:s050", "tinynet:e", "vgg",
)  # fmt: skip
"""Of each spec of the zoo the variant with the fewest parameters."""
