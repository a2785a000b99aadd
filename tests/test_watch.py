"""The page that follows a file: what it shows after a save, a mistake, a repair, and to whom."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import archspec
import pytest
from archspec.errors import SpecError
from archspec.watch import Subject, serve
from archspec.watch.attempt import Reader
from archspec.watch.problems import AROUND, problems
from tests.commands import refusal

FINE = """\
archspec: 1
name: fine
input: 8
stem:
  - {block: conv, channels: 4, kernel: 3}
"""
WRONG = FINE.replace("kernel", "kernal")
OTHER = FINE.replace("channels: 4", "channels: 6")
BLOCK = """\
from dataclasses import dataclass

from archspec import Block
from archspec.ops import Convolution


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    "A convolution to 3 channels."


def unfold(build, x, p):
    return build.add("conv", Convolution((1, 1), channels=3), x)


BLOCK = Block(Own, unfold)
"""
EVIL = "evil.example"
SECONDS = 20.0
"""That a state is waited for on a machine that is busy."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a spec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(FINE, encoding="utf-8")
    return tmp_path


class Reading(HTMLParser):
    """What stands on a page: its words, the marked ones, its tables, and the tags that it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words, self.marked, self.wrong = "", list[str](), list[int]()
        self.tags = set[str]()
        self.lines: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        if tag not in {"meta", "link", "input", "br", "wbr", "hr"}:
            self.open.append(tag)
        said = dict(attrs)
        if tag == "mark":
            self.marked.append("")
        if tag == "tr":
            self.lines.append([])
        if tag in {"td", "th"}:
            self.lines[-1].append("")
        if said.get("class") == "line wrong":
            self.wrong.append(int(said["data-line"]))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data
        if "mark" in self.open:
            self.marked[-1] += data
        if {"td", "th"} & {*self.open}:
            self.lines[-1][-1] += data


class Page:
    """A browser that listens to a site."""

    def __init__(self, address: str) -> None:
        self.connection = connection(address)
        self.connection.request("GET", "/events")
        self.stream = self.connection.getresponse()
        self.state = self.next()

    def next(self) -> dict[str, object]:
        """The next state that the site tells."""
        end = monotonic() + SECONDS
        for line in self.stream:
            if line.startswith(b"data: "):
                self.state = json.loads(line.removeprefix(b"data: "))
                return self.state
            assert monotonic() < end, self.state
        raise EOFError

    def until(self, fits) -> dict[str, object]:
        """The state that is waited for; a busy machine may show others on the way."""
        while not fits(self.state):
            self.next()
        return self.state


def connection(address: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(address).netloc, timeout=SECONDS)


def get(address: str, path: str = "/", **headers: str) -> tuple[int, str]:
    asked = connection(address)
    asked.request("GET", path, headers=headers)
    response = asked.getresponse()
    return response.status, response.read().decode()


@contextmanager
def watched(reference: str = "net.yaml", **more):
    """The page of a spec, and the site that serves it."""
    with serve(Subject(reference, **more)) as site:
        page = Page(site.address)
        yield page
        page.connection.close()


def save(text: str, path: str = "net.yaml") -> None:
    Path(path).write_text(text, encoding="utf-8")


def is_fine(state) -> bool:
    return not state["problems"]


def is_wrong(state) -> bool:
    return state["problems"] > 0


def has(words: str):
    return lambda state: words in Reading(state["report"]).words


def params(reference: str, **more) -> str:
    return f"{archspec.cost(reference, **more).params:,}"


# What a save does


def test_the_page_shows_the_numbers_of_the_spec():
    with serve(Subject("net.yaml")) as site:
        status, text = get(site.address)
    assert status == 200
    assert params("net.yaml") in Reading(text).words
    assert '<body data-id="' in text
    assert 'data-problems="0"' in text


def test_a_page_that_begins_to_listen_is_told_the_newest_state():
    with serve(Subject("net.yaml")) as site:
        first = Page(site.address)
        save(OTHER)
        newest = first.next()
        assert Page(site.address).state == newest
        assert newest["id"] in get(site.address)[1]


def overwrite(text: str) -> None:
    save(text)


def rename_over(text: str) -> None:
    save(text, "net.yaml~")
    Path("net.yaml~").replace("net.yaml")


def keep_a_copy(text: str) -> None:
    Path("net.yaml").rename("net.yaml.bak")
    save(text)


def delete_and_write(text: str) -> None:
    Path("net.yaml").unlink()
    save(text)


def write_in_pieces(text: str) -> None:
    with Path("net.yaml").open("w", encoding="utf-8") as file:
        for line in text.splitlines(keepends=True):
            file.write(line)
            file.flush()


SAVES = [overwrite, rename_over, keep_a_copy, delete_and_write, write_in_pieces]


@pytest.mark.parametrize("way", SAVES, ids=lambda way: way.__name__)
def test_whichever_way_an_editor_saves_the_page_shows_it(way):
    with watched() as page:
        before = params("net.yaml")
        assert has(before)(page.state)
        way(OTHER)
        state = page.until(lambda state: is_fine(state) and not has(before)(state))
        assert has(params("net.yaml"))(state)
        way(WRONG)
        page.until(is_wrong)
        way(FINE)
        assert has(before)(page.until(is_fine))


def test_a_save_that_changes_nothing_tells_nothing():
    with watched() as page:
        first = page.state
        save(f"{FINE}# a comment\n")
        save(OTHER)
        number = int(page.next()["id"].rpartition("-")[2])
        assert first["id"].endswith("-0")
        assert number == 1


def test_variants_and_settings_are_shown_as_they_are_asked_for():
    save(f"{FINE}variants: {{columns: [name, input], rows: [[big, 16]]}}\n")
    setting = "stem.conv.channels=8"
    with watched("net.yaml:big", settings=[setting]) as page:
        spec = archspec.load("net.yaml:big", set={"stem.conv.channels": 8})
        assert page.state["title"] == "fine:big"
        assert has(f"{archspec.cost(spec).macs:,}")(page.state)


def test_a_spec_behind_a_symbolic_link_is_followed(here):
    (here / "real").mkdir()
    Path("net.yaml").rename("real/net.yaml")
    Path("net.yaml").symlink_to("real/net.yaml")
    with watched() as page:
        before = params("net.yaml")
        save(OTHER, "real/net.yaml")
        page.until(lambda state: not has(before)(state))
        assert has(params("net.yaml"))(page.state)


def test_a_spec_in_an_onnx_file_is_followed():
    archspec.export("net.yaml", "net.onnx", check=False)
    with watched("net.onnx") as page:
        assert has(params("net.yaml"))(page.state)
        save(OTHER)
        archspec.export("net.yaml", "net.onnx", check=False)
        page.next()
        assert has(params("net.yaml"))(page.state)


def test_a_spec_of_the_zoo_is_shown():
    with watched("mobilenet_v2:1.4") as page:
        assert page.state["title"] == "mobilenet_v2:1.4"
        assert has(params("mobilenet_v2:1.4"))(page.state)


# What it extends, and blocks


def test_a_file_that_it_extends_is_followed_and_its_mistake_is_shown_in_it():
    save(FINE, "base.yaml")
    save("archspec: 1\nname: child\nextends: base.yaml\n")
    with watched() as page:
        before = params("net.yaml")
        save(OTHER, "base.yaml")
        page.until(lambda state: not has(before)(state))
        assert has(params("net.yaml"))(page.state)
        save(WRONG, "base.yaml")
        shown = Reading(page.until(is_wrong)["wrong"])
        assert shown.marked == ["kernal"]
        assert "base.yaml:5:32" in shown.words
        assert "inherited through 'extends: base.yaml' (net.yaml:3:10)" in shown.words


def test_a_file_that_it_extends_may_come_later():
    save("archspec: 1\nname: child\nextends: sub/base.yaml\n")
    with watched() as page:
        shown = Reading(page.state["wrong"])
        assert "cannot read 'sub/base.yaml': there is no such file" in shown.words
        assert shown.marked == ["sub/base.yaml"]
        assert page.state["report"] == ""
        Path("sub").mkdir()
        save(FINE, "sub/base.yaml")
        assert has(params("net.yaml"))(page.until(is_fine))


def test_a_folder_that_goes_and_comes_back_is_followed_still():
    Path("sub").mkdir()
    save(FINE, "sub/net.yaml")
    with watched("sub/net.yaml") as page:
        shutil.rmtree("sub")
        shown = Reading(page.until(is_wrong)["wrong"])
        assert "E100 cannot read 'sub/net.yaml': there is no such file" in shown.words
        Path("sub").mkdir()
        save(OTHER, "sub/net.yaml")
        assert has(params("sub/net.yaml"))(page.until(is_fine))
        Path("sub").rename("gone")
        page.until(is_wrong)
        Path("gone").rename("sub")
        page.until(is_fine)
        save(WRONG, "sub/net.yaml")
        page.until(is_wrong)


def test_where_no_folder_can_be_watched_the_file_is_looked_at(monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with watched() as page:
        before = params("net.yaml")
        save(OTHER)
        page.until(lambda state: not has(before)(state))
        assert has(params("net.yaml"))(page.state)


def test_a_block_of_the_users_is_run_again_when_its_file_changes(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    save(FINE + "  - {block: own}\n")
    save(BLOCK, "own.py")
    with watched(blocks=["own.py"]) as page:
        assert has("8×8×3")(page.state)
        # As long as before and within the same second.
        save(BLOCK.replace("channels=3", "channels=5"), "own.py")
        page.until(has("8×8×5"))
        save(BLOCK.replace("BLOCK =", "OTHER ="), "own.py")
        words = Reading(page.until(is_wrong)["wrong"]).words
        assert "E120 'own.py' has no BLOCK of class archspec.Block" in words
        # Raised in the library, by what the block asks for in its line 13.
        save(BLOCK.replace(", x)", ", 'nowhere')"), "own.py")
        page.until(lambda state: "E651" in state["wrong"])
        words = Reading(page.state["wrong"]).words
        assert "E651 a block of '--blocks' fails: KeyError: 'nowhere'" in words
        assert "in own.py:13" in words
        save(BLOCK, "own.py")
        page.until(lambda state: is_fine(state) and has("8×8×3")(state))


def test_a_block_of_the_users_is_run_once_for_many_saves_of_the_spec():
    save(FINE + "  - {block: own}\n")
    save(f"{BLOCK}\nwith open('runs', 'a') as file:\n    file.write('x')\n", "own.py")
    reader = Reader(Subject("net.yaml", blocks=["own.py"]))
    assert [reader.read().diagnostics for _ in range(3)] == [()] * 3
    assert Path("runs").read_text(encoding="utf-8") == "x"


# Mistakes


def test_a_mistake_is_shown_where_it_is_above_what_was_last_right():
    with watched() as page:
        report = page.state["report"]
        save(WRONG)
        state = page.until(is_wrong)
        assert (state["report"], state["stale"]) == (report, True)
        shown = Reading(state["wrong"])
        assert shown.marked == ["kernal"]
        assert shown.wrong == [5]
        assert "1 problem" in shown.words
        assert "net.yaml:5:32 E104 unknown parameter 'kernal' of block 'conv'" in shown.words
        assert "did you mean 'kernel'?" in shown.words
        assert "as it last was without a mistake" in shown.words
        save(FINE)
        state = page.until(is_fine)
        assert state["wrong"] == ""
        assert (state["report"], state["stale"]) == (report, False)


def test_a_mistake_that_is_gone_in_an_instant_is_never_shown(monkeypatch):
    monkeypatch.setattr("archspec.watch._SETTLE", 3.0)
    with watched() as page:
        save("")
        sleep(0.3)
        save(OTHER)
        state = page.next()
        assert is_fine(state)
        assert has(params("net.yaml"))(state)


def test_a_name_that_no_file_can_have_is_a_mistake_like_others():
    with watched() as page:
        save('archspec: 1\nname: child\nextends: "a\\0.yaml"\n')
        assert "E100" in page.until(is_wrong)["wrong"]
        save(FINE)
        page.until(is_fine)


def test_a_net_over_its_budget_is_reported_with_what_is_too_much():
    with watched() as page:
        save(f"{OTHER}budget: {{params: 10}}\n")
        state = page.until(is_wrong)
        assert (state["problems"], state["stale"]) == (1, False)
        assert has(params("net.yaml"))(state)
        shown = Reading(state["wrong"])
        assert f"E216 {params('net.yaml')} parameters; the budget is 10" in shown.words
        assert "most in" in shown.words
        assert "without a mistake" not in shown.words
        assert shown.marked == ["10"]
        save(f"{OTHER}budget: {{params: 1M}}\n")
        page.until(is_fine)


def test_a_spec_that_is_wrong_from_the_beginning_has_no_report_until_it_is_mended():
    save(WRONG)
    with serve(Subject("net.yaml")) as site:
        text = get(site.address)[1]
        assert 'data-problems="1"' in text
        assert "last was without" not in text
        page = Page(site.address)
        assert (page.state["title"], page.state["report"]) == ("net.yaml", "")
        save(FINE)
        assert has(params("net.yaml"))(page.until(is_fine))


def test_all_mistakes_are_shown_each_below_its_line():
    save(WRONG.replace("channels", "chanels") + "    # more\n  - {block: cnov}\n")
    with watched() as page:
        shown = Reading(page.state["wrong"])
        assert shown.marked == ["chanels", "kernal", "cnov"]
        assert shown.wrong == [5, 7]
        assert shown.words.index("chanels'") < shown.words.index("# more")
        assert page.state["problems"] >= 3


def test_a_wrong_setting_is_shown_as_it_was_given():
    with watched(settings=["stem.conv.kernal=3"]) as page:
        shown = Reading(page.state["wrong"])
        assert shown.marked == ["stem.conv.kernal"]


HOSTILE = "<script>alert(1)</script>&amp;\"'</style><!--"


def test_whatever_a_spec_says_is_text_on_the_page():
    with watched() as page:
        save(f"{FINE}? {json.dumps(HOSTILE)}\n: 1\nsource: {json.dumps(HOSTILE)}\n")
        shown = Reading(page.until(is_wrong)["wrong"])
        assert HOSTILE in shown.words
        assert shown.tags <= {"h2", "h3", "section", "div", "span", "code", "mark", "b", "p"}


def test_whatever_a_file_is_called_is_text_on_the_page():
    name = "<img src=x onerror=alert(1)>.yaml"
    save(WRONG, name)
    with serve(Subject(name)) as site:
        text = get(site.address)[1]
    assert "<img" not in text
    assert name in Reading(text[text.index("<body") :].partition("<script ")[0] + "</body>").words


def found(text: str):
    Path("long.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        archspec.to_graph("long.yaml")
    return caught.value.diagnostics


def test_of_a_long_file_the_lines_around_the_mistakes_are_shown():
    text = WRONG.replace("stem:", "#\n" * 500 + "stem:") + "#\n" * 500
    html = problems(found(text))
    lines = [int(number) for number in re.findall(r'data-line="(\d+)"', html)]
    assert lines == list(range(505 - AROUND, 505 + AROUND + 1))
    assert html.count('class="gap"') == 1


def test_of_a_long_line_the_part_with_the_mistake_is_shown():
    text = FINE + f"  - {{block: conv, chanels: 4, {' ' * 2000}kernal: 3}} # {'b' * 2000}\n"
    html = problems(found(text))
    shown = Reading(html)
    assert shown.marked == ["chanels", "kernal"]
    assert len(html) < 3000


def test_no_line_is_shown_after_the_last_line_end():
    lines = re.findall(r'data-line="(\d+)"', problems(found(WRONG)))
    assert lines == ["1", "2", "3", "4", "5"]


def test_a_file_that_may_not_be_read_is_followed_still():
    if os.geteuid() == 0:
        pytest.skip("root may read whatever there is")
    with watched() as page:
        Path("net.yaml").chmod(0)
        words = Reading(page.until(is_wrong)["wrong"]).words
        assert "E100 cannot read 'net.yaml': Permission denied" in words
        Path("net.yaml").chmod(0o600)
        page.until(is_fine)


def test_a_mistake_at_the_end_of_a_line_marks_one_place():
    shown = Reading(problems(found(FINE + "head: [{block: conv\n")))
    assert all(shown.marked)
    assert len(shown.marked) == 1


def test_what_has_no_place_stands_before_the_files():
    diagnostics = found(WRONG)
    html = problems([diagnostics[0], diagnostics[0]._replace(span=None, message="<all> of it")])
    assert html.index("&lt;all&gt; of it") < html.index("kernal")
    assert problems([]) == ""


# Who may ask


def test_other_names_of_this_machine_are_refused():
    with serve(Subject("net.yaml")) as site:
        port = urlsplit(site.address).port
        for host in ("127.0.0.1", f"localhost:{port}", f"127.0.0.1:{port}", "localhost:1"):
            assert get(site.address, Host=host)[0] == 200
        for host in ("", EVIL, f"{EVIL}:{port}", f"127.0.0.1.{EVIL}", "[::1]"):
            for path in ("/", "/events"):
                assert get(site.address, path, Host=host) == (403, "ask for 127.0.0.1")


def test_there_is_nothing_but_the_page_and_its_events():
    with serve(Subject("net.yaml")) as site:
        for path in ("/net.yaml", "/../net.yaml", "/?x", "/favicon.ico"):
            assert get(site.address, path)[0] == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            asked = connection(site.address)
            asked.request(method, "/")
            assert asked.getresponse().status == 501


def test_no_other_site_may_read_frame_or_feed_the_page():
    with serve(Subject("net.yaml")) as site:
        asked = connection(site.address)
        asked.request("GET", "/", headers={"Origin": f"http://{EVIL}"})
        headers = dict(asked.getresponse().getheaders())
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.skipif(sys.platform != "linux", reason="where 127.0.0.2 is this machine too")
def test_it_listens_on_one_address_only():
    with serve(Subject("net.yaml")) as site, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", urlsplit(site.address).port), SECONDS)


def test_a_browser_that_goes_away_disturbs_nobody(capfd):
    with serve(Subject("net.yaml")) as site:
        port = urlsplit(site.address).port
        for sent in (b"", b"GET / HT", b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), SECONDS) as raw:
                raw.sendall(sent)
        page = Page(site.address)
        save(OTHER)
        page.next()
    assert capfd.readouterr().err == ""


# How it begins and ends


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refusal("watch", "net.yaml", "--port", str(port)) == (
            f"E650 cannot listen on port {port}: Address already in use\n"
            "   another '--port', or none for any that is free\n"
        )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["no.yaml"], "E100 cannot read 'no.yaml': there is no such file\n"),
        (["no.onnx"], "E480 cannot read 'no.onnx': No such file or directory\n"),
        (["mobilenet_v9"], "E201 there is no spec 'mobilenet_v9' in the zoo\n   did you mean"),
        (
            ["net.yaml", "--blocks", "no.py"],
            "E120 cannot read 'no.py': No such file or directory\n",
        ),
        (["net.yaml", "--set", "classes=["], "--set classes:1:2: E102 not YAML"),
    ],
)
def test_what_no_save_of_the_file_can_mend_is_said_at_the_start(arguments, text):
    assert refusal("watch", *arguments).startswith(text)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_quietly(number, status):
    command = [sys.executable, "-m", "archspec", "watch", "net.yaml"]
    paths = {"PYTHONPATH": str(Path(archspec.__file__).parents[1])}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **paths},
    ) as process:
        line = process.stdout.readline()
        *words, address = line.split()
        assert words == ["watching", "net.yaml", "on"]
        assert re.fullmatch(r"http:..127\.0\.0\.1:\d+/", address)
        page = Page(address)
        process.send_signal(number)
        rest = process.communicate(timeout=SECONDS)
        page.connection.close()
    assert (process.returncode, *rest) == (status, "", "")


def test_a_fault_of_the_program_ends_it_and_is_not_hidden(monkeypatch):
    def fail(_reader):
        raise ZeroDivisionError

    with serve(Subject("net.yaml")) as site:
        monkeypatch.setattr(Reader, "read", fail)
        save(OTHER)
        with pytest.raises(ZeroDivisionError):
            site.wait()


def test_a_page_is_served_without_numpy_or_tensorflow():
    script = (
        "import sys\n"
        "from archspec.watch import Subject, serve\n"
        "with serve(Subject('net.yaml')):\n"
        "    print('loaded:', *{'numpy', 'tensorflow', 'keras', 'onnx', 'rich'} & {*sys.modules})\n"
    )
    paths = {"PYTHONPATH": str(Path(archspec.__file__).parents[1])}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, check=True)
    assert done.stdout.decode() == "loaded:\n"
