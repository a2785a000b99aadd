"""What a sweep keeps when it is interrupted, killed or refused, and that nothing is lost by it."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import archspec
import pytest
from archspec.errors import SpecError
from archspec.sweep import Draw, How, open_space, read, run, sweep, task
from archspec.sweep.run import parts_of

TINY = str(Path(__file__).parents[1] / "data" / "tiny.yaml")
FEW = ("stages.s1.kernel=3,5,7", "stages.s2.expansion=1..8")
"""24 points, three pieces of eight."""
WORDS = "relu,relu6,hard_swish,swish,gelu,sigmoid,tanh,none"
MANY = (
    "stem.conv.kernel=1,3,5,7",
    f"stem.conv.activation={WORDS}",
    "stages.s1.kernel=3,5,7,9",
    f"stages.s1.activation={WORDS}",
    "stages.s2.kernel=3,5,7,9",
    "stages.s2.expansion=1..8",
    f"stages.s2.activation={WORDS}",
)
"""262,144 points, eight pieces."""
PIECES = 8
OUTPUTS = ("r.csv", "r.parquet")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(archspec.__file__).parents[1])}
PATIENCE = 60
"""Seconds that a test waits for what comes within one, if it comes."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder in which files are written; names of them are short in messages."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    """Pieces of eight points, done in this process."""
    monkeypatch.setattr(task, "SIZE", 8)


def swept(*settings, outputs=OUTPUTS, draw=None, **how):
    return sweep(open_space(TINY, settings or FEW), outputs, draw, How(**{"jobs": 1, **how}))


def refusal(*settings, **options) -> str:
    with pytest.raises(SpecError) as caught:
        swept(*settings, **options)
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "r.csv.parts").glob("*.parquet"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The files of many points, made without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    space = open_space(TINY, MANY)
    sweep(space, [str(folder / name) for name in OUTPUTS], how=How(jobs=1))
    return contents(folder)


def start(folder, *, jobs: int) -> subprocess.Popen[str]:
    """The sweep of many points in a group of processes of its own."""
    sets = [word for text in MANY for word in ("--set", text)]
    files = [word for name in OUTPUTS for word in ("-o", name)]
    command = [sys.executable, "-m", "archspec", "sweep", TINY, *sets, *files, "--jobs", str(jobs)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, start_new_session=True, **streams)


def wait_until(come, process) -> None:
    """Wait until something has come; it must before a process ends."""
    deadline = time.monotonic() + PATIENCE
    while not come():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def wait_for_the_end_of(group: int) -> None:
    """Wait until no process of a group is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(process) -> list[int]:
    """Its processes that do pieces, not the one of Python that tidies up."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    numbers = [int(number) for file in tasks for number in file.read_text().split()]
    lines = {number: Path(f"/proc/{number}/cmdline").read_bytes() for number in numbers}
    return [number for number, line in lines.items() if b"spawn_main" in line]


needs_proc = pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(),
    reason="a system that does not list the processes that one has started",
)


def finish(jobs: int = 1) -> int:
    """The same sweep again, to its end; how many points it found done."""
    return swept(*MANY, jobs=jobs).kept


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_killed_again_and_again_goes_on_where_it_ended(here, whole, jobs):
    for number in (1, 3):
        process = start(here, jobs=jobs)
        wait_until(lambda number=number: len(parts(here)) >= number, process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        # Those that worked for it end by themselves.
        wait_for_the_end_of(process.pid)
        assert left(here) == ["r.csv.parts"]
    kept = len(parts(here))
    assert 3 <= kept <= PIECES
    assert finish() == kept * task.SIZE
    assert contents(here) == whole


@pytest.mark.parametrize(
    ("number", "status", "jobs"),
    [(signal.SIGINT, 130, 1), (signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 2)],
)
def test_an_interrupt_ends_all_processes_without_a_traceback(here, whole, number, status, jobs):
    process = start(here, jobs=jobs)
    wait_until(lambda: parts(here), process)
    # A terminal sends Ctrl-C to the group; SIGTERM is sent to one process.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    output, complaints = process.communicate(timeout=PATIENCE)
    kept = "what is done is kept in 'r.csv.parts'; the same command goes on from there\n"
    assert (process.returncode, output) == (status, "")
    assert complaints == (kept if number == signal.SIGINT else "")
    wait_for_the_end_of(process.pid)
    assert left(here) == ["r.csv.parts"]
    assert finish() >= task.SIZE
    assert contents(here) == whole


@needs_proc
@pytest.mark.parametrize("delay", [0, 0.1])
def test_an_interrupt_while_processes_start_leaves_nothing_and_says_nothing(tmp_path, delay):
    process = start(tmp_path, jobs=2)
    wait_until(lambda: children(process), process)
    time.sleep(delay)
    assert parts(tmp_path) == []
    os.killpg(process.pid, signal.SIGINT)
    output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, complaints) == (130, "", "")
    wait_for_the_end_of(process.pid)
    assert left(tmp_path) == []


@needs_proc
def test_a_process_that_is_killed_is_named_and_what_is_done_kept(here, whole):
    process = start(here, jobs=2)
    wait_until(lambda: parts(here) and children(process), process)
    os.kill(children(process)[0], signal.SIGKILL)
    output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (1, "")
    assert complaints == (
        "E623 a process was ended from outside\n"
        "   memory may have been short; --jobs 1 takes the least; what is done is kept in"
        " 'r.csv.parts'; the same command goes on from there\n"
    )
    wait_for_the_end_of(process.pid)
    assert finish() >= task.SIZE
    assert contents(here) == whole


def test_two_processes_write_what_one_does(here, whole):
    assert finish(jobs=2) == 0
    assert contents(here) == whole


class Ending:
    """Lets so many steps be done and none after them, as a kill does; no tidying up either."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self, function):
        def step(*arguments, **options):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            return function(*arguments, **options)

        return step


@pytest.mark.usefixtures("small")
def test_an_end_between_any_two_steps_loses_nothing(here, monkeypatch):
    swept()
    expected = {name: (here / name).read_bytes() for name in OUTPUTS}
    for steps in range(100):
        ending = Ending(steps)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", ending(os.fsync))
            for name in ("mkdir", "replace", "unlink"):
                patched.setattr(Path, name, ending(getattr(Path, name)))
            patched.setattr(run, "shutil", SimpleNamespace(rmtree=ending(shutil.rmtree)))
            try:
                swept(outputs=[f"{steps}.csv", f"{steps}.parquet"])
                break
            except KeyboardInterrupt:
                pass
        done = len([*(here / f"{steps}.csv.parts").glob("*.parquet")])
        again = swept(outputs=[f"{steps}.csv", f"{steps}.parquet"])
        assert (again.kept, again.tally.written) == (8 * done, 24)
        assert (here / f"{steps}.csv").read_bytes() == expected["r.csv"]
        assert (here / f"{steps}.parquet").read_bytes() == expected["r.parquet"]
        assert not (here / f"{steps}.csv.parts").exists()
    # A folder, a manifest, three parts and two files; then three parts and the folder go.
    assert steps == 1 + 2 * (1 + 3 + 2) + 3 + 1


def full(monkeypatch, after: int) -> None:
    """The disk is full when so many files are written."""
    written, original = Counter(), os.fsync

    def fsync(file):
        written["files"] += 1
        if written["files"] > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(file)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("after", "where", "kept"),
    [
        (0, "r.csv.parts/manifest.json", 0),
        (1, "r.csv.parts/000000.parquet", 0),
        (3, "r.csv.parts/000002.parquet", 2),
        (4, "r.csv", 3),
        (5, "r.parquet", 3),
    ],
)
def test_a_full_disk_is_named_and_what_is_done_kept(here, monkeypatch, after, where, kept):
    with monkeypatch.context() as patched:
        full(patched, after)
        cure = "\n   what is done is kept in 'r.csv.parts'; the same command goes on from there"
        assert refusal() == (
            f"E110 cannot write '{where}': No space left on device{cure if kept else ''}"
        )
    assert len(parts(here)) == kept
    files = ["r.csv"] if where == "r.parquet" else []
    assert left(here) == files + (["r.csv.parts"] if kept else [])
    assert swept().kept == 8 * kept
    assert left(here) == ["r.csv", "r.parquet"]
    assert len([*read("r.parquet")]) == len([*read("r.csv")]) == 24


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
from archspec.cli import main
main()
"""


def test_a_file_that_the_system_does_not_let_grow_leaves_the_old_one(tmp_path, whole):
    # The parts are small enough, and the whole is not; that is refused in the midst of it.
    sets = [word for text in MANY for word in ("--set", text)]
    script = LIMITED.replace("BYTES", str(min(map(len, whole.values())) // 2))
    for name in OUTPUTS:
        (tmp_path / name).write_bytes(b"old")
        files = ["-o", name, "--jobs", "1"]
        done = subprocess.run(
            [sys.executable, "-c", script, "sweep", TINY, *sets, *files],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"E110 cannot write '{name}': File too large\n"
            f"   what is done is kept in '{name}.parts'; the same command goes on from there\n"
        )
        assert (tmp_path / name).read_bytes() == b"old"
        assert len([*(tmp_path / f"{name}.parts").iterdir()]) == PIECES + 1
    assert left(tmp_path) == ["r.csv", "r.csv.parts", "r.parquet", "r.parquet.parts"]


@pytest.mark.usefixtures("small")
def test_what_another_sweep_has_left_is_not_touched_but_by_restart(here, monkeypatch):
    with monkeypatch.context() as patched:
        full(patched, 3)
        refusal()
    kept = contents(here / "r.csv.parts")
    foreign = (
        "E624 'r.csv.parts' holds what another sweep has done\n"
        "   --restart throws it away; or write to another file"
    )
    assert refusal("stages.s1.kernel=3,5,7", "stages.s2.expansion=1..9") == foreign
    assert refusal(*FEW, "input=32") == foreign
    assert refusal(draw=Draw(9)) == foreign
    assert contents(here / "r.csv.parts") == kept
    again = swept(draw=Draw(9), restart=True)
    assert (again.kept, again.tally.written) == (0, 9)
    assert left(here) == ["r.csv", "r.parquet"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("content", ["{", "[]", "null", None])
def test_a_folder_that_no_sweep_has_made_is_left_alone(here, content, restart):
    folder = here / "r.csv.parts"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    if content:
        (folder / "manifest.json").write_text(content)
    text = (
        "E624 'r.csv.parts' is there, and no sweep has made it\n"
        "   move it away, or write to another file"
    )
    assert refusal(restart=restart) == text
    assert (folder / "mine.txt").read_text() == "mine"


@pytest.mark.usefixtures("small")
def test_a_file_in_the_place_of_the_folder_is_left_alone(here):
    (here / "r.csv.parts").write_text("mine")
    text = (
        "E624 'r.csv.parts' is there, and no sweep has made it\n"
        "   move it away, or write to another file"
    )
    assert refusal() == refusal(restart=True) == text
    assert (here / "r.csv.parts").read_text() == "mine"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no Parquet at all"])
def test_a_part_that_cannot_be_read_is_made_again(here, monkeypatch, damage):
    swept(outputs=["expected.csv"])
    with monkeypatch.context() as patched:
        full(patched, 4)
        refusal(outputs=["r.csv"])
    (here / "r.csv.parts" / "000001.parquet").write_bytes(damage)
    assert swept(outputs=["r.csv"]).kept == 16
    assert (here / "r.csv").read_bytes() == (here / "expected.csv").read_bytes()


@pytest.mark.usefixtures("small")
def test_restart_counts_nothing_that_was_done(here, monkeypatch):
    with monkeypatch.context() as patched:
        full(patched, 4)
        refusal()
    told = []
    again = swept(restart=True, progress=lambda done, total: told.append((done, total)))
    assert (again.kept, told) == (0, [(0, 24), (8, 24), (16, 24), (24, 24)])
    assert left(here) == ["r.csv", "r.parquet"]


@pytest.mark.usefixtures("small")
def test_progress_begins_where_the_run_before_ended(here, monkeypatch):
    with monkeypatch.context() as patched:
        full(patched, 2)
        refusal()
    told = []
    swept(progress=lambda done, total: told.append((done, total)))
    assert told == [(8, 24), (16, 24), (24, 24)]
    assert left(here) == ["r.csv", "r.parquet"]


@pytest.mark.usefixtures("small", "here")
def test_a_file_that_could_not_be_written_is_refused_before_the_work():
    told = []
    options = {"progress": lambda *numbers: told.append(numbers)}
    Path("r.csv").mkdir()
    assert refusal(outputs=["r.csv"], **options) == "E110 cannot write 'r.csv': Is a directory"
    assert refusal(outputs=["fine.csv", "no/r.csv"], **options) == (
        "E110 cannot write 'no/r.csv': No such file or directory\n   make the folder 'no' first"
    )
    Path("file").touch()
    assert refusal(outputs=["file/r.csv"], **options) == (
        "E110 cannot write 'file/r.csv': Not a directory"
    )
    assert told == []
    assert left(Path()) == ["file", "r.csv"]


@pytest.mark.usefixtures("small")
def test_a_link_stays_and_so_do_the_permissions_of_a_replaced_file(here):
    (here / "there").mkdir()
    target = here / "there" / "target.csv"
    target.touch(mode=0o600)
    (here / "r.csv").symlink_to(target)
    swept(outputs=["r.csv"])
    assert (here / "r.csv").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert len([*read(target)]) == 24
    assert left(here / "there") == ["target.csv"]


@pytest.mark.usefixtures("here")
def test_a_space_in_which_nothing_varies_is_refused():
    assert refusal("input=32") == (
        f"E620 nothing varies in {TINY}\n"
        "   say a path with several values: --set stages.s4.kernel=3,5,7, or a search section"
    )
    assert left(Path()) == []


WIDE = ("stages.s1.channels=1..1000", "stages.s2.channels=1..1000", "classes=1..1000")
VAST = (*WIDE, "stem.conv.channels=1..1000", "input=16..1015")


@pytest.mark.usefixtures("here")
def test_a_space_that_is_too_large_is_counted_and_not_run_through():
    assert refusal(*VAST) == (
        "E622 1,000,000,000,000,000 points are in the space; at most 100,000,000 are tried in one"
        " sweep\n   --sample N draws some of them"
    )
    assert refusal(*VAST, draw=Draw(100_000_001)) == (
        "E622 100,000,001 points are asked for; at most 100,000,000 are tried in one sweep\n"
        "   --sample N draws some of them"
    )
    heights = (f"stages.s{row}.expansion=1..10..0.009" for row in (1, 2))
    beyond = (*VAST, *heights, "scaling.width=1..10..0.009", "scaling.depth=1..10..0.009")
    beyond = (*beyond, "defaults.norm.epsilon=0.001..1..0.001")
    text = refusal(*beyond, draw=Draw(10))
    count = 1000**6 * 1001**4
    assert text == (
        f"E622 the space has {count:,} points, more than 2^63\n   give some of its paths fewer values"
    )
    assert count > 10**30
    assert left(Path()) == []


@pytest.mark.usefixtures("small", "here")
def test_points_are_drawn_from_a_vast_space_each_once_and_the_same_again():
    found = {}
    for seed, name in ((0, "a.csv"), (0, "b.csv"), (1, "c.csv")):
        done = swept(*VAST, outputs=[name], draw=Draw(20, seed))
        assert (done.space.count, done.tally.tried, done.tally.written) == (10**15, 20, 20)
        found[name] = [record["point"] for record in read(name)]
    assert found["a.csv"] == found["b.csv"]
    assert len({*found["a.csv"], *found["c.csv"]}) == 40
    assert all(0 <= point < 10**15 for points in found.values() for point in points)
    record = next(iter(read("a.csv")))
    spec = open_space(TINY, VAST).spec(record["point"])
    assert record["classes"] == spec.classes
    assert record["params"] == archspec.cost(spec).params


@pytest.mark.usefixtures("small", "here")
def test_to_draw_more_than_there_are_draws_each_once():
    done = swept(draw=Draw(1000, 3))
    assert (done.tally.tried, done.tally.written) == (24, 24)
    drawn = [record["point"] for record in read("r.csv")]
    assert sorted(drawn) == [*range(24)]
    assert drawn != [*range(24)]


@pytest.mark.usefixtures("small", "here")
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_without_points_has_its_columns(name):
    done = swept(*FEW, "budget.params=1", outputs=[name])
    assert (done.tally.tried, done.tally.beyond, done.tally.written) == (24, 24, 0)
    results = read(name)
    assert results.axes == ("stages.s1.kernel", "stages.s2.expansion")
    assert {"macs", "weights", "params"} <= {*results.numbers()}
    assert [*results] == []


SAID = (
    "scaling.width=1,0.5,1.5",
    "stages.s2.se=none,0.25,{ratio: 0.5, of: output}",
    "stages.s1.kernel=3,[3, 5]",
    "stem.conv.bias=true,auto",
    'source=a,"b, \\"c\\"","two\\nlines",NA,"",null',
)


@pytest.mark.usefixtures("here")
def test_both_kinds_of_files_give_back_the_same():
    swept(*SAID)
    rows, columns = [*read("r.csv")], [*read("r.parquet")]
    assert rows == columns
    assert rows
    space = open_space(TINY, SAID)
    for record in rows:
        width, se, kernel, bias, source = space.digits(record["point"])
        assert record["scaling.width"] == (1, 0.5, 1.5)[width]
        assert record["stages.s2.se"] == ("none", "0.25", '{"ratio": 0.5, "of": "output"}')[se]
        assert record["stages.s1.kernel"] == ("3", "[3, 5]")[kernel]
        assert record["stem.conv.bias"] == ("true", "auto")[bias]
        assert record["source"] == ("a", 'b, "c"', "two\nlines", "NA", "", "null")[source]
    assert read("r.csv").numbers() == read("r.parquet").numbers()


@pytest.mark.usefixtures("here")
def test_a_number_is_one_though_a_million_bytes_of_whole_ones_come_before():
    settings = ("scaling.width=1,1.5", *MANY[:6])
    swept(*settings, outputs=["r.csv"])
    results = read("r.csv")
    assert "scaling.width" in results.numbers()
    count = Counter(
        value for table in results.tables() for value in table["scaling.width"].to_pylist()
    )
    assert count == {1.0: 32768, 1.5: 32768}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("no.csv", None, "E100 cannot read 'no.csv': No such file or directory"),
        ("no.parquet", None, "E100 cannot read 'no.parquet': No such file or directory"),
        (
            "r.csv",
            "a,b\n1,2\n",
            "E627 'r.csv' is no result of a sweep\n   wanted: the columns point, paths, params, trainable, macs, peak_memory, weights",
        ),
        ("r.csv", "", "E627 'r.csv' is no result of a sweep: Empty CSV file"),
    ],
)
def test_what_is_no_result_is_named(name, content, text):
    if content is not None:
        Path(name).write_text(content)
    with pytest.raises(SpecError) as caught:
        read(name)
    assert str(caught.value) == text


@pytest.mark.usefixtures("here")
def test_a_parquet_file_whose_costs_are_words_is_no_result():
    import pyarrow as pa
    from pyarrow import parquet

    names = ["point", "params", "trainable", "macs", "peak_memory", "weights"]
    values = {name: ["1" if name == "macs" else 1] for name in names}
    parquet.write_table(pa.table(values), "r.parquet")
    with pytest.raises(SpecError) as caught:
        read("r.parquet")
    assert str(caught.value) == "E627 'r.parquet' is no result of a sweep: no numbers in macs"


@pytest.mark.usefixtures("small", "here")
def test_a_file_that_is_cut_off_is_named_when_it_is_read():
    swept()
    head, *lines = Path("r.csv").read_text().splitlines(keepends=True)
    # Beyond a million bytes, which are read to know the columns.
    Path("r.csv").write_text("".join([head, *lines * 2000, "23,7,8\n"]))
    with pytest.raises(SpecError) as caught:
        read("r.csv")
    assert str(caught.value) == (
        "E627 'r.csv' is no result of a sweep: CSV parse error: Expected 8 columns, got 3: 23,7,8"
    )
    data = Path("r.parquet").read_bytes()
    Path("r.parquet").write_bytes(data[:-9])
    with pytest.raises(SpecError) as caught:
        read("r.parquet")
    assert str(caught.value).startswith("E627 'r.parquet' is no result of a sweep: Parquet magic")


def test_the_folder_of_parts_is_beside_the_first_file():
    assert parts_of(["there/r.csv", "other/r.parquet"]) == Path("there/r.csv.parts")
