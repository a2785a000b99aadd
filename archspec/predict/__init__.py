"""Prediction: an exported ONNX file and pictures in, pictures with what is found in them out."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from archspec.errors import SpecError, cause, error
from archspec.files import write_whole
from archspec.pictures import PictureError, decoded
from archspec.predict.drawing import drawn
from archspec.predict.found import Found
from archspec.predict.net import Net

__all__ = ["Found", "Predicted", "predict"]


class Predicted(NamedTuple):
    """What was found in a picture.

    Args:
        picture: that was looked at.
        file: with what was found drawn on it; None: the picture was left out.
        found: what was found; None: likewise.
        problem: why it was left out.
    """

    picture: Path
    file: Path | None
    found: Found | None
    problem: SpecError | None


def predict(
    model: Path,
    pictures: Sequence[Path],
    output: Path,
    *,
    score: float = 0.3,
    labels: Path | None = None,
) -> Iterator[Predicted]:
    """Draw what a net finds in pictures; one after the other, each file whole or not at all.

    A picture that does not decode is left out.

    Args:
        model: an ONNX file that archspec exported.
        pictures: of any size.
        output: the folder for pictures of the same names, .png.
        score: boxes below it are not drawn.
        labels: a text file with the names of the classes, one in each line, if the model has none.

    Raises:
        SpecError: E480 to E482, the model or the labels; E750, it is no such model; E752, two
            pictures would have one name, or one would be drawn over; E110, a file cannot be
            written.
    """
    net = Net.read(model, labels)
    names = [picture.with_suffix(".png").name for picture in pictures]
    for number, name in enumerate(names):
        if name in names[:number]:
            other = pictures[names.index(name)]
            message = f"'{other}' and '{pictures[number]}' would both be drawn as '{name}'"
            raise error("E752", message, hint="give them one after the other, to two folders")
        if (output / name).resolve() == pictures[number].resolve():
            message = f"'{pictures[number]}' would be drawn over"
            raise error("E752", message, hint="say another folder with -o")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as reason:
        raise error("E110", f"cannot write '{output}': {cause(reason)}") from reason
    for picture, name in zip(pictures, names, strict=True):
        yield _predicted(net, picture, output / name, score)


def _predicted(net: Net, picture: Path, file: Path, score: float) -> Predicted:
    try:
        image = decoded(picture)
    except PictureError as reason:
        return Predicted(picture, None, None, error("E751", f"'{picture}' {reason}"))
    found = net(image, score)
    whole = BytesIO()
    drawing: Any = drawn(image, found)
    drawing.save(whole, "PNG")
    write_whole(file, whole.getvalue())
    return Predicted(picture, file, found, None)
