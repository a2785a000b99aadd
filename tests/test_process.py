"""The program as a process: what it loads, pipes, terminals, interrupts, no TensorFlow."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import archspec
import pytest
from archspec import views
from archspec.weights.random import draw
from archspec.weights.store import write

DATA = Path(__file__).parent / "data"
TINY = str(DATA / "tiny.yaml")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"},
    "PYTHONPATH": str(Path(archspec.__file__).parents[1]),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
FINE = """\
archspec: 1
name: fine
input: 8
stem:
  - {block: conv, channels: 4, kernel: 3}
"""


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """An interpreter of its own, whose streams are kept unless they lead elsewhere."""
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRONMENT, "text": True}
    return subprocess.run([sys.executable, *arguments], check=False, **{**kept, **options})


def process(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return python("-m", "archspec", *arguments, **options)


def test_the_module_is_run_as_the_command_is():
    done = process("show", TINY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-7].split()[:3] == ["tiny", "1,059", "20,888"]
    assert process("--help").stdout.startswith("Usage: python -m archspec [OPTIONS] COMMAND")
    assert process("frobnicate").returncode == 2
    assert process("check", "nothing.yaml").returncode == 1


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["export", "--help"]])
def test_help_needs_neither_yaml_nor_jsonschema_nor_numpy(arguments):
    script = (
        "import sys\n"
        "from archspec import cli\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    heavy = {'yaml', 'jsonschema', 'numpy', 'rich', 'tensorflow', 'onnx'}\n"
        "    print('loaded:', *heavy & {*sys.modules})\n"
    )
    done = python("-c", script, *arguments)
    assert done.stdout.startswith("Usage: ")
    assert done.stdout.endswith("loaded:\n")


def test_garbage_is_looked_for_again_when_a_command_is_done():
    script = (
        "import gc\n"
        "from archspec import cli\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    print(gc.isenabled(), gc.get_freeze_count() > 0)\n"
    )
    assert python("-c", script, "--help").stdout.endswith("True True\n")


def test_a_pipe_that_is_closed_ends_a_command_quietly():
    read, closed = os.pipe()
    os.close(read)
    done = process("show", TINY, stdout=closed)
    os.close(closed)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_too_little_memory_is_said_in_one_line():
    script = (
        "from archspec import cli, views\n"
        "def refuse(*_, **__):\n"
        "    raise MemoryError(*WHY)\n"
        "views.catalog = refuse\n"
        "cli.main()\n"
    )
    for why, text in (("", ""), ("'unable to allocate 12 GiB'", ": unable to allocate 12 GiB")):
        done = python("-c", script.replace("*WHY", why), "list")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"stopped: out of memory{text}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_device_is_said_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = process("show", TINY, stdout=full)
    assert (done.returncode, done.stderr) == (1, "stopped: [Errno 28] No space left on device\n")


def test_a_closed_standard_output_is_no_error():
    close = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = python("-c", close, "-m", "archspec", "show", TINY)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [b"odd\xff.yaml", "odd\u2028é.yaml".encode()])
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii", "cp1252"])
def test_a_name_that_the_output_cannot_show_is_escaped(tmp_path, name, encoding):
    path = tmp_path / os.fsdecode(name)
    path.write_text(FINE, encoding="utf-8")
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    for command in ("check", "explain"):
        done = process(
            command, path.name, cwd=tmp_path, env=environment, encoding="utf-8", errors="replace"
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "odd" in done.stdout


def test_an_interrupt_is_status_130_without_a_word():
    script = (
        "import os, signal\n"
        "from archspec import cli, views\n"
        "views.catalog = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\n"
        "cli.main()\n"
    )
    done = python("-c", script, "list")
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_a_terminal_is_given_whole_numbers_and_no_colors():
    leader, follower = pty.openpty()
    environment = {**ENVIRONMENT, "COLUMNS": "60", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "archspec", "show", TINY]
    text = b""
    with subprocess.Popen(command, env=environment, stdout=follower):
        os.close(follower)
        with suppress(OSError):  # so Linux says that the other end is closed
            while piece := os.read(leader, 65536):
                text += piece
    os.close(leader)
    shown = text.decode()
    assert "\x1b" not in shown
    assert "…" not in shown
    for record in views.table(archspec.load(TINY), archspec.cost(TINY))[0]:
        assert f"{record['macs']:,}" in shown


WITHOUT_TENSORFLOW = """
import shlex, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "keras", "tf2onnx"}:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Refuse())
from archspec.cli import main

for line in sys.stdin:
    sys.argv = ["archspec", *shlex.split(line)]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise SystemExit(f"{stop.code}: {line}") from stop
"""


def test_all_but_compile_and_tf2onnx_works_without_tensorflow(tmp_path):
    weights = tmp_path / "tiny.safetensors"
    write(weights, draw(archspec.to_graph(TINY), 7))
    commands = f"""
        list mobilenet_v2 squeezenet
        list convnext --format json
        verify mobilenet_v3_rw
        blocks
        new mine
        check . mobilenet_v3 '{TINY}'
        fmt .
        show mobilenet_v3:small --set scaling.width=0.5
        show '{TINY}' --graph
        explain efficientnet:b3 --all
        schema -o schema.json
        export '{TINY}' -o drawn.onnx
        export '{TINY}' -o kept.onnx --weights '{weights}'
        export '{TINY}' -o keras.onnx --weights '{DATA / "tiny.keras"}' --opset 13 --batch 2
        export mobilenet_v2 -o unchecked.onnx --no-check --weights random:3
    """
    lines = "".join(f"{line.strip()}\n" for line in commands.strip().splitlines())
    done = python("-c", WITHOUT_TENSORFLOW, cwd=tmp_path, input=lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("checked: ONNX Runtime is within ") == 3
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == [
        "drawn.onnx", "kept.onnx", "keras.onnx", "unchecked.onnx",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("compile {} -o tiny.keras", "a Keras model needs keras"),
        ("export {} -o tiny.onnx --via tf2onnx", "the way via tf2onnx needs keras"),
    ],
)
def test_what_needs_tensorflow_says_so_where_it_is_not(tmp_path, command, what):
    line = command.format(TINY)
    done = python("-c", WITHOUT_TENSORFLOW, cwd=tmp_path, input=f"{line}\n")
    missing = what.rpartition(" ")[2]
    assert done.stderr.splitlines() == [
        f"E404 {what}, which is not installed",
        f"   pip install {missing}",
        f"1: {line}",
        "",
    ]
    assert list(tmp_path.iterdir()) == []
