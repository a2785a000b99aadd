"""Variants of MobileNetV2, built by timm and counted by fvcore: `torch_sweep.py VARIANTS`, as JSON.

Python files before VARIANTS are run first: what an installation needs before timm can be imported.
"""  # noqa: INP001

import json
import logging
import runpy
import sys
from time import perf_counter
from typing import Any

kept = [runpy.run_path(file) for file in sys.argv[1:-1]]  # what they register lives as they do

import torch  # noqa: E402
from fvcore.nn import FlopCountAnalysis, parameter_count  # noqa: E402
from timm.models._efficientnet_builder import decode_arch_def, round_channels  # noqa: E402
from timm.models.efficientnet import EfficientNet  # noqa: E402

TABLE = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats, stride."""


def built(said: dict[str, Any]) -> torch.nn.Module:
    """The model of a variant, as timm makes its own MobileNetV2."""
    width = said["scaling.width"]
    blocks: list[list[str]] = []
    for number, (expansion, channels, repeats, stride) in enumerate(TABLE, 1):
        row = f"stages.s{number}"
        words = (
            "ds" if number == 1 else "ir",
            f"r{said.get(f'{row}.repeats', repeats)}",
            f"k{said.get(f'{row}.kernel', 3)}",
            f"s{stride}",
            f"e{said.get(f'{row}.expansion', expansion)}",
            f"c{channels}",
        )
        blocks.append(["_".join(words)])
    return EfficientNet(
        decode_arch_def(blocks),
        num_features=max(1280, round_channels(1280, width)),
        stem_size=32,
        act_layer=torch.nn.ReLU6,
        round_chs_fn=lambda channels: round_channels(channels, width),
    )


def counted(said: dict[str, Any]) -> int:
    """The parameters of a variant; its MACs are counted too."""
    model = built(said).eval()
    size = said["input"]
    with torch.no_grad():
        FlopCountAnalysis(model, torch.zeros(1, 3, size, size)).total()
    return parameter_count(model)[""]


def main() -> None:
    """Print how long it takes, and what is counted."""
    logging.disable()
    variants = json.loads(sys.argv[-1])
    counted(variants[0])  # what is done once for all
    began = perf_counter()
    params = [counted(said) for said in variants]
    sys.stdout.write(json.dumps({"seconds": perf_counter() - began, "params": params}))


main()
