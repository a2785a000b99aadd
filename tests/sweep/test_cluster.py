"""A sweep on a Dask cluster: real processes on loopback, of which one is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from archspec.errors import SpecError
from archspec.sweep import Draw, How, open_space, sweep
from archspec.sweep.cluster import SECONDS
from archspec.sweep.task import SIZE

pytest.importorskip("distributed")

SPACE = [
    "scaling.width=0.35,0.5,0.75,1.0",
    *(f"stages.s{row}.kernel=3,5,7" for row in range(2, 8)),
    *(f"stages.s{row}.expansion=2,3,4,6" for row in range(2, 8)),
]
PIECES = 10
DRAW = Draw(PIECES * SIZE - 7, 1)
START = "from distributed.cli.dask_{0} import main; main()"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def process(kind, *options):
    command = [sys.executable, "-c", START.format(kind), *map(str, options), "--no-dashboard"]
    env = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"}
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=env)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def until_it_listens(port):
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the scheduler does not start")


@contextmanager
def cluster(workers):
    """The address of a scheduler, its process, and those of its workers."""
    with ExitStack() as stack:
        port = free_port()
        options = ("--host", "127.0.0.1", "--port", port)
        scheduler = stack.enter_context(process("scheduler", *options))
        until_it_listens(port)
        address = f"tcp://127.0.0.1:{port}"
        wait = ("--nworkers", 1, "--nthreads", 1, "--no-nanny", "--host", "127.0.0.1")
        started = [stack.enter_context(process("worker", address, *wait)) for _ in range(workers)]
        yield address, scheduler, started


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "r.parquet"
    sweep(open_space("mobilenet_v2", SPACE), [str(path)], DRAW, How(jobs=1))
    return path.read_bytes()


def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(tmp_path, local):
    output = tmp_path / "r.parquet"
    with cluster(2) as (address, _, workers):
        seen = []

        def kill(done, _total):
            seen.append(done)
            if len(seen) == 3:
                workers[0].send_signal(signal.SIGKILL)

        how = How(cluster=address, progress=kill)
        swept = sweep(open_space("mobilenet_v2", SPACE), [str(output)], DRAW, how)
        assert workers[0].wait(10) == -signal.SIGKILL
        assert workers[1].poll() is None
    assert swept.tally.tried == DRAW.count
    assert seen[0] == 0
    assert seen[-1] == DRAW.count
    assert len(seen) == PIECES + 1
    assert output.read_bytes() == local
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_a_cluster_that_is_lost_leaves_what_is_done(tmp_path, local):
    output = tmp_path / "r.parquet"
    space = open_space("mobilenet_v2", SPACE)
    with cluster(1) as (address, scheduler, _):

        def kill(done, _total):
            if done:
                scheduler.send_signal(signal.SIGKILL)

        began = time.monotonic()
        with pytest.raises(SpecError) as caught:
            sweep(space, [str(output)], DRAW, How(cluster=address, progress=kill))
        assert time.monotonic() - began < 6 * SECONDS
    kept = Path(f"{output}.parts")
    (found,) = caught.value.diagnostics
    assert found.code == "E628"
    assert found.message == f"the cluster at '{address}' is lost"
    assert found.hint == f"what is done is kept in '{kept}'; the same command goes on from there"
    assert not output.exists()
    done = len(list(kept.glob("*.parquet")))
    assert 0 < done < PIECES
    swept = sweep(space, [str(output)], DRAW, How(jobs=1))
    assert swept.kept >= done * SIZE - 7
    assert output.read_bytes() == local


def test_nobody_answers(tmp_path):
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(SpecError) as caught:
        sweep(
            open_space("mobilenet_v2", SPACE), [str(tmp_path / "r.csv")], DRAW, How(cluster=address)
        )
    assert str(caught.value) == (
        f"E628 no Dask scheduler answers at '{address}'\n   an address is such as tcp://10.0.0.1:8786"
    )


def test_a_scheduler_without_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("archspec.sweep.cluster.SECONDS", 1)
    with cluster(0) as (address, *_), pytest.raises(SpecError) as caught:
        sweep(
            open_space("mobilenet_v2", SPACE), [str(tmp_path / "r.csv")], DRAW, How(cluster=address)
        )
    assert str(caught.value) == f"E628 the scheduler at '{address}' has no workers"


def test_a_worker_of_another_version(tmp_path, monkeypatch):
    monkeypatch.setattr("archspec.sweep.cluster.own_version", lambda: "0.0.1")
    with cluster(1) as (address, *_), pytest.raises(SpecError) as caught:
        sweep(
            open_space("mobilenet_v2", SPACE), [str(tmp_path / "r.csv")], DRAW, How(cluster=address)
        )
    (found,) = caught.value.diagnostics
    assert found.code == "E628"
    assert found.message.endswith(", this is 0.0.1")


def test_the_package_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SpecError) as caught:
        sweep(open_space("mobilenet_v2", SPACE), [str(tmp_path / "r.csv")], DRAW, How(cluster="x"))
    assert str(caught.value) == (
        "E628 --cluster needs the package distributed\n   pip install 'archspec-compiler[cluster]'"
    )
