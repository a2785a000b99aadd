"""Measure what int8 gains: `.venv/bin/python bench/int8.py`; README.md has what it printed.

It takes three minutes and the Python of an environment in which archspec is installed.
"""  # noqa: INP001  scripts, no package

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import onnx
from archspec import load, to_graph
from archspec.deploy.export import direct
from archspec.deploy.quantize import Calibration, quantize, read_images, tune
from archspec.deploy.quantize.session import Images, feed
from archspec.weights.random import draw
from measure import Cost, call, in_turns, spread
from onnxruntime import quantization

ROUNDS = 31

BARS: Mapping[str, str] = {
    "mobilenet_v1": "",
    "mobilenet_v2": "0.65",
    "mobilenet_v3:large": "0.85",
    "mobilenet_v4:conv_small": "",
    "efficientnet:b0": "0.85",
    "resnet:50": "",
}
"""Spec → what int8 may take of the time of float32."""

PACKAGES = ("onnxruntime", "onnx", "numpy")

Line: TypeAlias = Sequence[str]


def main() -> None:
    """Print the machine, then the table of nets and that of float parts."""
    show(*machine())
    show("", *map(row, (HEAD, ["---"] * len(HEAD))))
    places: list[Line] = []
    with TemporaryDirectory() as folder:
        for spec in BARS:
            graph = to_graph(load(spec))
            model = direct(graph, draw(graph, 0))
            images = smooth(Path(folder, "images.npy"), graph.input)
            show(row(times(spec, model, images, Path(folder))))
            places += tuned(spec, model, images)
    show("", *map(row, (["net", "float until", "median", "quartiles"], ["---"] * 4, *places)))


HEAD = (
    "net", "float32", "int8", "ratio", "bar", "quartiles", "the quantiser alone", "SQNR",
    "float until",
)  # fmt: skip


def times(spec: str, model: onnx.ModelProto, images: Calibration, folder: Path) -> Line:
    """A line about one net: float32, our int8, and what the quantiser makes without us."""
    made = quantize(model, images)
    models = {"fp32": model, "int8": made.model, "alone": alone(model, images, folder)}
    costs = in_turns({name: case(one, images) for name, one in models.items()}, ROUNDS)
    ratios = {name: ratio(costs[name], costs["fp32"]) for name in ("int8", "alone")}
    low, middle, high = ratios["int8"]
    typical = [
        f"{spread([cost.cpu for cost in costs[name]]).median * 1e3:.1f} ms" for name in models
    ]
    return (
        f"`{spec}`", *typical[:2], f"{middle:.2f}", BARS[spec], f"{low:.2f} to {high:.2f}",
        f"{ratios['alone'].median:.2f}", f"{made.figures.worst.sqnr:.0f} dB",
        f"`{made.figures.float_until}`",
    )  # fmt: skip


def tuned(spec: str, model: onnx.ModelProto, images: Calibration) -> Iterator[Line]:
    """Lines about one net with float parts of several sizes, the fastest first."""
    for trial in tune(model, images, rounds=ROUNDS):
        quartiles = f"{trial.low:.2f} to {trial.high:.2f}"
        yield f"`{spec}`", f"`{trial.float_until}`", f"{trial.ratio:.2f}", quartiles


def alone(model: onnx.ModelProto, images: Calibration, folder: Path) -> onnx.ModelProto:
    """What ONNX Runtime's quantiser makes by itself, with its preparation, per channel, U8S8."""
    paths = [str(folder / f"{name}.onnx") for name in ("true", "ready", "made")]
    onnx.save(model, paths[0])
    quantization.quant_pre_process(*paths[:2], skip_symbolic_shape=True)
    feeds = iter([feed(model, images.load(place)[None]) for place in images.calibrating])

    class Reader(quantization.CalibrationDataReader):
        def get_next(self) -> Mapping[str, np.ndarray] | None:
            return next(feeds, None)

    quantization.quantize_static(
        *paths[1:], Reader(), per_channel=True, activation_type=quantization.QuantType.QUInt8
    )
    return onnx.load(paths[2])


def case(model: onnx.ModelProto, images: Calibration) -> partial[Cost]:
    """One run on one thread with one image."""
    session = Images(model, threads=1)
    return partial(call, partial(session.run, feed(model, images.load(0)[None])))


def ratio(ours: Sequence[Cost], theirs: Sequence[Cost]) -> tuple[float, float, float]:
    """The quartiles over the rounds of what one takes of the other."""
    return spread([a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True)])


def smooth(path: Path, shape: tuple[int, int, int]) -> Calibration:
    """Twenty images of patches and noise, as the net reads them."""
    height, width, channels = shape
    random = np.random.default_rng(0)
    patches = random.normal(size=(20, height // 16, width // 16, channels))
    noise = random.normal(size=(20, *shape))
    images = patches.repeat(16, 1).repeat(16, 2) + noise / 2
    np.save(path, images.astype(np.float32))
    return read_images(path, shape)


def machine() -> Iterator[str]:
    """What it was measured on."""
    text = Path("/proc/cpuinfo").read_text()
    processor = re.search(r"model name\s*: (.*)", text)
    vnni = "with" if re.search(r"\bavx(512)?_vnni\b", text) else "without"
    name = processor[1] if processor else platform.machine()
    yield f"One thread of {name}, {vnni} VNNI, {platform.system()} {platform.release()};"
    yield ", ".join(f"{package} {version(package)}" for package in PACKAGES) + "."
    yield f"Medians of {ROUNDS} rounds; load average {os.getloadavg()[0]:.1f} at the start."


def row(cells: Line) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def show(*lines: str) -> None:
    """Print lines as they come."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
