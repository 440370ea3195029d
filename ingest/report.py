"""What ingest tells whoever started it: progress while it runs, a table at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ingest.problems import Problem, display


@dataclass(slots=True)
class Report:
    """Collects what happened, and shows it: a bar on a terminal, a line a file elsewhere."""

    console: Console = field(default_factory=Console)
    added: int = 0
    unchanged: int = 0
    albums: int = 0
    audio_seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)
    _progress: Progress | None = None
    _started: float = field(default_factory=time.monotonic)

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[None]:
        """Shows how much of a phase is done while the block runs; `step` counts."""
        if not self.console.is_terminal:
            self.console.print(f"{name}: {total} files")
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self.console, transient=True) as self._progress:
            self._progress.add_task(name, total=total)
            yield
        self._progress = None

    def step(self) -> None:
        if self._progress:
            self._progress.advance(self._progress.task_ids[0])

    def ready(self, path: Path, seconds: float) -> None:
        """A file is measured, encoded and stored."""
        self.audio_seconds += seconds
        if not self.console.is_terminal:
            self.console.print(f"  {escape(display(path))}", soft_wrap=True)

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.console.print(f"[red]✗[/red] {escape(display(problem.path))}: {escape(problem.reason)}", soft_wrap=True)

    def summary(self) -> None:
        seconds = time.monotonic() - self._started
        table = Table(title="Ingest", show_header=False, title_justify="left")
        table.add_column(justify="right")
        table.add_column()
        table.add_row(str(self.added), f"files added, on {self.albums} albums")
        table.add_row(str(self.unchanged), "files that were in the catalogue already")
        table.add_row(str(len(self.problems)), "problems, named above" if self.problems else "problems")
        table.add_row(f"{seconds:.1f} s", f"for {self.audio_seconds / 60:.1f} minutes of audio{self._speed(seconds)}")
        self.console.print(table)

    def _speed(self, seconds: float) -> str:
        return f", {self.audio_seconds / seconds:.0f} times real time" if self.audio_seconds else ""
