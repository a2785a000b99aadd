"""What a person sees who edits a spec: the schema in the language server that editors use for YAML.

Wanted is `yaml-language-server` on the PATH (npm install --global yaml-language-server).
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archspec import zoo

SERVER = shutil.which("yaml-language-server")
HEAD = "# yaml-language-server: $schema=archspec.schema.json\narchspec: 1\nname: net\ninput: 32\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SERVER is None, reason="yaml-language-server is not on the PATH"),
]


class Editor:
    """The half of the language server protocol that an editor speaks, as far as it is needed."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.files = 0
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.send({"method": "initialized", "params": {}})
        settings = {"yaml": {"validate": True, "completion": True, "hover": True}}
        settings["yaml"]["schemaStore"] = {"enable": False}
        changed = {"method": "workspace/didChangeConfiguration", "params": {"settings": settings}}
        self.send(changed)

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        header = iter(self.process.stdout.readline, b"\r\n")
        lengths = [line.split(b":")[1] for line in header if line.startswith(b"Content-Length")]
        return json.loads(self.process.stdout.read(int(lengths[0])))

    def request(self, method: str, params: dict[str, Any]) -> Any:
        self.send({"id": 1, "method": method, "params": params})
        while "result" not in (message := self.receive()):
            pass
        return message["result"]

    def open(self, text: str) -> str:
        self.files += 1
        uri = (self.folder / f"{self.files}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def faults(self, text: str) -> list[str]:
        """What is underlined in a text, and why."""
        uri = self.open(text)
        while True:
            message = self.receive()
            if message.get("params", {}).get("uri") == uri and "diagnostics" in message["params"]:
                found = message["params"]["diagnostics"]
                return [f"{place(text, fault['range'])}: {fault['message']}" for fault in found]

    def ask(self, about: str, text: str) -> Any:
        """What the server knows about the place of the bar in a text."""
        before, after = text.split("|")
        uri = self.open(before + after)
        lines = before.split("\n")
        position = {"line": len(lines) - 1, "character": len(lines[-1])}
        where = {"textDocument": {"uri": uri}, "position": position}
        return self.request(f"textDocument/{about}", where)


def place(text: str, span: dict[str, dict[str, int]]) -> str:
    line = text.split("\n")[span["start"]["line"]]
    return line[span["start"]["character"] : span["end"]["character"]]


@pytest.fixture(scope="module")
def editor(tmp_path_factory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    shutil.copy(zoo.folder() / "archspec.schema.json", folder)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([SERVER, "--stdio"], **pipes, stderr=subprocess.DEVNULL) as process:
        yield Editor(process, folder)
        process.kill()


@pytest.mark.parametrize("path", sorted(zoo.folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_underlined_in_the_zoo(path, editor):
    assert editor.faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("stagess: []", "stagess: Property stagess is not allowed."),
        ("stem: [{block: conv, kernal: 3}]", "kernal: Property kernal is not allowed."),
        ("stages: {kernal: 3}", "kernal: Property kernal is not allowed."),
        ("scaling: {widht: 2}", "widht: Property widht is not allowed."),
        (
            "stages: {columns: [kernel, stride], rows: [[3]]}",
            "[3]: Array has too few items. Expected 2 or more.",
        ),
        (
            "defaults: {norm: bach}",
            'bach: Value is not accepted. Valid values: "batch", "layer", "group", "none".',
        ),
    ],
)
def test_a_mistake_is_underlined(line, fault, editor):
    assert editor.faults(f"{HEAD}{line}\n") == [fault]


def test_an_unknown_block_is_underlined(editor):
    (fault,) = editor.faults(f"{HEAD}stem: [{{block: convv}}]\n")
    assert fault.startswith('convv: Value must be "activation" | "classifier" | "conv" |')


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("sta|", {"stages", "head", "variants"}),
        ("stem:\n  - {block: |}\n", {"conv", "inverted_residual", "classifier"}),
        ("stem:\n  - {block: conv, ker|}\n", {"kernel", "channels", "norm", "width"}),
        ("stages:\n  columns: [ker|]\n", {"kernel", "expansion", "repeats"}),
        ("defaults:\n  norm:\n    |\n", {"type", "epsilon", "momentum"}),
        ("defaults:\n  padding: |\n", {"same", "symmetric", "valid"}),
        ("defaults:\n  norm: |\n", {"batch", "layer", "none"}),
    ],
)
def test_words_are_offered(text, offered, editor):
    items = editor.ask("completion", HEAD + text)["items"]
    assert offered <= {item["label"] for item in items}


def test_a_row_is_offered_what_its_block_has(editor):
    items = editor.ask("completion", f"{HEAD}stem:\n  - {{block: dropout, r|}}\n")["items"]
    assert "kernel" not in {item["label"] for item in items}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("stem:\n  - {block: conv, ker|nel: 3}\n", "height and width of the window"),
        ("stem:\n  - {block: co|nv}\n", "A convolution with its norm and activation."),
        ("stages:\n  columns: [str|ide]\n  rows: [[1]]\n", "step of the window, in pixels"),
        ("defaults:\n  norm: {eps|ilon: 1e-3}\n", "added to the variance"),
        ("sta|ges: {}\n", "the rows of the paper's table, called s1, s2, …"),
    ],
)
def test_a_word_is_explained(text, meaning, editor):
    assert editor.ask("hover", HEAD + text)["contents"]["value"].startswith(meaning)
