"""Small data sets, made file by file."""

import json
from pathlib import Path

import archspec
import pytest
from archspec.training.data import read
from PIL import Image


class Folder:
    """The folder of a data set, its pictures 40 pixels wide and 30 high."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def picture(self, name: str, size=(40, 30), mode="RGB", color=0, **options) -> Path:
        path = self.file(name)
        Image.new(mode, size, color).save(path, **options)
        return path

    def text(self, name: str, text: str) -> Path:
        path = self.file(name)
        path.write_text(text, encoding="utf-8")
        return path

    def json(self, name: str, images, annotations, categories=((1, "cat"), (2, "dog"))) -> Path:
        named = [{"id": number, "name": name} for number, name in categories]
        said = {"images": images, "annotations": annotations, "categories": named}
        return self.text(name, json.dumps(said))

    def coco(self, *annotations, **changes) -> None:
        """One picture, `images/a.png` with the id 7, and what is said of it and of others."""
        self.picture("images/a.png")
        self.json(
            "annotations/instances.json", [{"id": 7, "file_name": "a.png", **changes}], annotations
        )

    def voc(self, *objects: str, filename="a.png") -> None:
        """One picture, and the content of its objects."""
        self.picture("JPEGImages/a.png")
        inner = "".join(f"<object>{item}</object>" for item in objects)
        text = f"<annotation><filename>{filename}</filename>{inner}</annotation>"
        self.text("Annotations/a.xml", text)

    def yolo(self, text: str, names="names: [cat, dog]") -> None:
        """One picture, and the lines of its text."""
        self.picture("images/a.png")
        self.text("labels/a.txt", text)
        self.text("data.yaml", names)

    def masks(self, *names: str) -> None:
        """Pictures with masks that are all of class 0."""
        for name in names:
            self.picture(f"images/{name}.png")
            self.picture(f"masks/{name}.png", mode="L")

    def read(self, task="detection", classes=2, **options):
        return read(self.path, task, classes, **options)

    def problems(self, task="detection", classes=2) -> list[str]:
        """What is left out, where all is to train with that the data has no part for."""
        return [": ".join(item) for item in self.read(task, classes, validation=0).problems]

    def refusal(self, task="detection", classes=2) -> str:
        """Why the whole is refused; the folder is called DIR."""
        with pytest.raises(archspec.SpecError) as caught:
            self.read(task, classes)
        return str(caught.value).replace(str(self.path), "DIR")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
