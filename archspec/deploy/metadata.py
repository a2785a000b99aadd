"""What an ONNX file says of itself, in its `metadata_props`."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from archspec.backends.onnx import VERSION, Form
from archspec.errors import cause, error
from archspec.source import dump
from archspec.spec import Spec

SPEC = "archspec.spec"
"""The key of the resolved spec, as JSON, which loads again."""


def describe(
    title: str,
    spec: Spec | None,
    form: Form,
    *,
    scores: str | None = None,
    labels: Sequence[str] = (),
    detections: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """The metadata of a file.

    Args:
        title: what the net is called.
        spec: that it is made from, with the outputs and the size of image that the file has.
        form: of the file.
        scores: what was made of the classifier's output, `logits` or `softmax`.
        labels: of the classes, in order.
        detections: how boxes are given, if they are.
    """
    said = {
        "version": VERSION,
        "title": title,
        "spec": dump(spec.document) if spec else None,
        "input": json.dumps(_input(spec, form)),
        "scores": scores,
        "detections": json.dumps(detections) if detections else None,
        "labels": json.dumps(labels, ensure_ascii=False) if labels else None,
    }
    return {f"archspec.{key}": value for key, value in said.items() if value}


def _input(spec: Spec | None, form: Form) -> Mapping[str, object]:
    """Type, order of the axes, and what is to be done to pixels before."""
    if form.pixels:
        return {"type": "uint8", "layout": form.layout, "pixels": "RGB"}
    said = spec.normalization if spec else None
    normalization = {"normalization": asdict(said)} if said else {}
    return {"type": "float32", "layout": form.layout, **normalization}


def read(path: str | os.PathLike[str]) -> dict[str, str]:
    """The metadata of an ONNX file.

    Raises:
        SpecError: E480, it cannot be read, or is no ONNX file.
    """
    name = os.fspath(path)
    try:
        model = onnx.ModelProto.FromString(Path(path).read_bytes())
    except (OSError, ValueError) as reason:
        raise error("E480", f"cannot read {name!r}: {cause(reason)}") from reason
    except DecodeError as reason:
        raise error("E480", f"{name!r} is no ONNX file") from reason
    if not model.graph.node:
        raise error("E480", f"{name!r} is no ONNX file")
    return {entry.key: entry.value for entry in model.metadata_props}


def read_spec(path: str | os.PathLike[str]) -> str:
    """The spec in an ONNX file, as JSON.

    Raises:
        SpecError: E480, as `read`; E481, there is none.
    """
    found = read(path).get(SPEC)
    if found is None:
        name = os.fspath(path)
        raise error(
            "E481", f"{name!r} has no spec in it", hint="archspec export of a spec writes one"
        )
    return found


def read_labels(path: str | os.PathLike[str], classes: int) -> Sequence[str]:
    """The labels of a text file, one in each line.

    Args:
        path: of the file, UTF-8.
        classes: how many there must be.

    Raises:
        SpecError: E482, it cannot be read, or has another number of labels.
    """
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as reason:
        raise error("E482", f"the labels in {name!r} are not UTF-8") from reason
    except (OSError, ValueError) as reason:
        raise error("E482", f"cannot read {name!r}: {cause(reason)}") from reason
    # Not splitlines: a label may have what Unicode takes for the end of a line.
    labels = text.removesuffix("\n").split("\n") if text else []
    if len(labels) != classes:
        raise error("E482", f"{name!r} has {len(labels)} labels for {classes} classes")
    return labels
