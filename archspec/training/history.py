"""What is known of each epoch: a table, and events for TensorBoard."""

import csv
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from archspec.files import write_whole
from archspec.training import Record
from archspec.training.engine import tf

TABLE = "history.csv"
EVENTS = "log"


def write_table(folder: Path, history: list[Record]) -> None:
    """Write all epochs so far as a table, a line each."""
    text = StringIO()
    table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    table.writeheader()
    table.writerows({name: f"{value:.7g}" for name, value in one.items()} for one in history)
    write_whole(folder / TABLE, text.getvalue().encode())


class Events:
    """Writes what TensorBoard shows; nothing where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def _writer(self) -> Any:  # noqa: ANN401
        """The file, which is there from the first epoch on."""
        return tf.summary.create_file_writer(str(self._folder))

    def add(self, record: Record) -> None:
        """Write what is known of an epoch."""
        if self._folder is None:
            return
        with self._writer.as_default():
            for name, value in record.items():
                if name != "epoch":
                    tf.summary.scalar(name, value, step=int(record["epoch"]))
        self._writer.flush()
