"""Measure ONNX files of five nets, ours and those of others, and print what README.md shows.

    .venv/bin/python bench/exports.py [NET…] --onnxslim PROGRAM --torch PYTHON

It wants a quiet machine and takes eight minutes; without the options less, and says less.
"""  # noqa: INP001  scripts, no package

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import PIPE, run
from tempfile import TemporaryDirectory

import onnx
from archspec.deploy.bench import times
from measure import Cost, in_turns, process, spread

from report import Line, as_written, load, machine, row, show, table

EXPORTS = 2
"""Rounds of exports."""
PLACEMENTS = 5
"""How often all models are loaded anew: where their memory lies makes one or two percent."""
LATENCIES = 15
"""Rounds of runs each time."""

HERE = Path(__file__).parent
PYTHON = sys.executable
PACKAGES = ("onnx", "onnxruntime", "tensorflow", "keras", "tf2onnx", "numpy")
TORCH_PACKAGES = ("torch", "torchvision", "timm", "onnxscript")
OPSET = "18"

NETS: Mapping[str, tuple[str, str]] = {
    "MobileNetV2": ("mobilenet_v2", "mobilenet_v2:1.0:pytorch"),
    "MobileNetV3-Large": ("mobilenet_v3:large", "mobilenet_v3_torchvision_large"),
    "MobileNetV4-conv-small": ("mobilenet_v4:conv_small", "mobilenet_v4:conv_small"),
    "EfficientNet-B0": ("efficientnet:b0", "efficientnet:b0:pytorch"),
    "ResNet-50": ("resnet:50:keras", "resnet:50"),
}
"""Net → the spec that equals the one of Keras, and that which equals the one of PyTorch."""


@dataclass(frozen=True)
class Way:
    """A way to an ONNX file.

    Args:
        name: what the tables call it.
        command: the process, without the file that it writes.
        ours: what the tables call archspec's file of the same net; none if it is one.
        after: name of the way whose file it reads.
    """

    name: str
    command: Sequence[str]
    ours: str = ""
    after: str = ""


@dataclass(frozen=True)
class Found:
    """What was measured of one file: the costs of its exports, and the seconds of its runs."""

    costs: Sequence[Cost]
    nodes: int
    size: int
    latencies: Sequence[float]


def main() -> None:
    """Print the machine, the table of ratios, and then that of what they are ratios of."""
    options = arguments()
    os.chdir(HERE.parent)
    show(machine(PACKAGES))
    show(others(options))
    show([f"Medians of {EXPORTS} exports and {PLACEMENTS * LATENCIES} runs; {load()}"])
    show(table("net", "against", "export", "memory", "nodes", "file", "latency", "its quartiles"))
    measured: dict[str, dict[str, Found]] = {}
    with TemporaryDirectory() as folder:
        # A process counts what its parent had of memory: models are run when all is exported.
        made = {
            net: exported(list(ways_to(net, options)), Path(folder, net))
            for net in options.nets or NETS
        }
        for net, (ways, files, costs) in made.items():
            measured[net] = found(files, costs)
            show(map(row, ratios(net, ways, measured[net])))
    show(table("net", "written by", "export", "memory", "nodes", "file", "latency"))
    for net, ways_found in measured.items():
        show(map(row, figures(net, ways_found)))


def arguments() -> Namespace:
    """The nets, and the programs of other environments."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="one of five; else all of them")
    parser.add_argument("--onnxslim", metavar="PROGRAM", help="of onnxslim")
    parser.add_argument(
        "--torch",
        nargs="+",
        metavar=("PYTHON", "FILE"),
        help="of an environment with PyTorch, torchvision and timm; and files that it runs first;"
        " NETs go before it",
    )
    return parser.parse_args()


def others(options: Namespace) -> Iterator[str]:
    """The versions in the other environments."""
    if options.onnxslim:
        yield f"onnxslim {printed(options.onnxslim, '--version')}."
    if options.torch:
        code = f"from importlib.metadata import version; print(*map(version, {TORCH_PACKAGES}))"
        found = printed(options.torch[0], "-c", code).split()
        yield ", ".join(map(" ".join, zip(TORCH_PACKAGES, found, strict=True))) + "."


def printed(*command: str) -> str:
    """What a program prints."""
    return run(command, stdout=PIPE, check=True, text=True).stdout.strip()  # noqa: S603


def ways_to(net: str, options: Namespace) -> Iterator[Way]:
    """All ways to files of a net, each after the one that it reads the file of."""
    export = (PYTHON, "-m", "archspec", "export")
    how = ("--weights", "random:0", "--no-check", "--opset", OPSET, "-o")
    keras, pytorch = names = [f"archspec, `{spec}`" for spec in NETS[net]]
    for name, spec in dict(zip(names, NETS[net], strict=True)).items():
        if name == keras or options.torch:
            yield Way(name, (*export, spec, *how))
    yield Way("tf2onnx", (PYTHON, str(HERE / "keras_export.py"), net), keras)
    if options.onnxslim:
        yield Way("tf2onnx, onnxslim", (options.onnxslim,), keras, "tf2onnx")
    if options.torch:
        python, *first = options.torch
        for exporter in ("dynamo", "legacy"):
            script = (python, str(HERE / "torch_export.py"), *first, net, exporter)
            yield Way(f"PyTorch, {exporter}", script, pytorch)


def exported(
    ways: Sequence[Way], folder: Path
) -> tuple[Sequence[Way], dict[str, Path], dict[str, list[Cost]]]:
    """The files that all ways write, in turns, and the costs of each."""
    folder.mkdir()
    files = {way.name: folder / f"{place}.onnx" for place, way in enumerate(ways)}
    cases = {
        way.name: partial(
            process,
            *way.command,
            *([str(files[way.after])] if way.after else []),
            str(files[way.name]),
        )
        for way in ways
    }
    costs = in_turns(cases, EXPORTS)
    for way in ways:
        if way.after:
            pairs = zip(costs[way.name], costs[way.after], strict=True)
            costs[way.name] = [both(*pair) for pair in pairs]
    return ways, files, costs


def found(files: Mapping[str, Path], costs: Mapping[str, Sequence[Cost]]) -> dict[str, Found]:
    """What there is to say of files, which are run in turns."""
    latencies = runs(files)
    return {
        name: Found(
            costs[name], len(onnx.load(file).graph.node), file.stat().st_size, latencies[name]
        )
        for name, file in files.items()
    }


def both(one: Cost, other: Cost) -> Cost:
    """The cost of two processes one after the other."""
    return Cost(one.wall + other.wall, one.cpu + other.cpu, max(one.peak, other.peak))


def runs(files: Mapping[str, Path]) -> dict[str, list[float]]:
    """Seconds of each file in each round, with one thread and one image."""
    found: dict[str, list[float]] = {name: [] for name in files}
    names = list(files)
    for _ in range(PLACEMENTS):
        names = [*names[1:], names[0]]
        for name, seconds in zip(
            names, times([(name, files[name]) for name in names], rounds=LATENCIES), strict=True
        ):
            found[name] += seconds
    return found


def ratios(net: str, ways: Sequence[Way], found: Mapping[str, Found]) -> Iterator[Line]:
    """What our file takes of what another one takes."""
    for way in ways:
        if not way.ours:
            continue
        ours, theirs = found[way.ours], found[way.name]
        wall, peak = (
            median(
                getattr(mine, quantity) / getattr(other, quantity)
                for mine, other in zip(ours.costs, theirs.costs, strict=True)
            )
            for quantity in ("wall", "peak")
        )
        pairs = zip(ours.latencies, theirs.latencies, strict=True)
        low, middle, high = (f"{ratio:.3f}" for ratio in spread([a / b for a, b in pairs]))
        yield (
            net,
            way.name,
            as_written("1/12", wall),
            as_written("1/12", peak),
            f"{ours.nodes / theirs.nodes:.2f}",
            f"{ours.size / theirs.size:.3f}",
            middle,
            f"{low} to {high}",
        )


def figures(net: str, found: Mapping[str, Found]) -> Iterator[Line]:
    """What the ratios are of."""
    for name, one in found.items():
        yield (
            net,
            name,
            f"{median(cost.wall for cost in one.costs):.2f} s",
            f"{median(cost.peak for cost in one.costs) / 1e6:.0f} MB",
            str(one.nodes),
            f"{one.size / 1e6:.2f} MB",
            f"{median(one.latencies) * 1e3:.2f} ms",
        )


main()
