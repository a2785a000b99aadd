"""Pieces of a sweep on a Dask cluster."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from typing import Any

from archspec.errors import error
from archspec.sweep.task import Task, run

SECONDS = 10
"""To reach the scheduler, and a worker of it; a cluster that is away so long is lost."""
PACKAGE = "archspec-compiler"


def on_cluster(
    address: str, task: Task, pieces: Sequence[int]
) -> Generator[tuple[int, bytes], None, None]:
    """Pieces as the workers of a cluster finish them; one that dies has its pieces done by others.

    Raises:
        SpecError: E628, distributed is not installed, the cluster cannot be reached or is lost, or
            a worker has not this version of archspec.
    """
    with _client(address) as client, _lost(address):
        waiting = iter(pieces)
        few = 4 * len(_workers(client, address))
        numbers = {
            client.submit(run, task, piece, pure=False): piece for piece in islice(waiting, few)
        }
        under_way: Any = distributed().as_completed(list(numbers), loop=client.loop)
        for future in under_way:
            yield numbers.pop(future), future.result()
            for piece in islice(waiting, 1):
                following = client.submit(run, task, piece, pure=False)
                numbers[following] = piece
                under_way.add(following)


def distributed() -> Any:  # noqa: ANN401  it has few types
    """The package.

    Raises:
        SpecError: E628, it is not installed.
    """
    try:
        return import_module("distributed")
    except ImportError as reason:
        hint = "pip install 'archspec-compiler[cluster]'"
        raise error("E628", "--cluster needs the package distributed", hint=hint) from reason


@contextmanager
def _client(address: str) -> Generator[Any]:
    package = distributed()
    waits = {"distributed.comm.timeouts.connect": SECONDS, "distributed.comm.retry.count": 0}
    with import_module("dask").config.set(waits):
        try:
            client = package.Client(address, timeout=SECONDS, set_as_default=False)
        except (OSError, ValueError) as reason:
            hint = "an address is such as tcp://10.0.0.1:8786"
            raise error("E628", f"no Dask scheduler answers at '{address}'", hint=hint) from reason
        try:
            yield client
        finally:
            client.close(timeout=1)


@contextmanager
def _lost(address: str) -> Generator[None]:
    """What goes wrong with a cluster while it works."""
    package = distributed()
    lost = (
        package.client.FutureCancelledError,
        package.comm.CommClosedError,
        asyncio.CancelledError,
        OSError,
    )
    try:
        yield
    except package.KilledWorker as reason:
        message = f"several workers of '{address}' died at the same work"
        raise error("E628", message, hint="their memory may have been short") from reason
    except lost as reason:
        raise error("E628", f"the cluster at '{address}' is lost") from reason
    except ImportError as reason:
        raise error("E628", f"a worker of '{address}' lacks a package: {reason}") from reason


def _workers(client: Any, address: str) -> Sequence[str]:  # noqa: ANN401  of distributed
    """The workers, all of this version."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as reason:
        raise error("E628", f"the scheduler at '{address}' has no workers") from reason
    found: dict[str, object] = client.run(version, PACKAGE, on_error="return")
    own = own_version()
    for worker, other in found.items():
        if other != own:
            has = f"archspec {other}" if isinstance(other, str) else "no archspec"
            raise error("E628", f"the worker {worker} has {has}, this is {own}")
    return list(found)


def own_version() -> str:
    """Of archspec, here."""
    return version(PACKAGE)
