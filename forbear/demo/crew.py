"""The processes of the demo: web, scheduler and worker, each by its own command, as an operator would run them."""

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.settings import PREFIX, Settings
from domain.errors import Unavailable
from forbear.supervise import Crew, Patience

LAST_LINES = 20
"""How many of the processes' last lines an error shows."""


@dataclass(slots=True)
class Running:
    """The processes while they run."""

    crew: Crew
    lines: list[str]
    codes: list[int] = field(default_factory=list)
    is_stopping: bool = False

    def check(self) -> None:
        """Raise Unavailable, with their last words, where one keeps dying."""
        if self.codes and self.codes[0]:
            raise Unavailable("a process of the demo keeps dying.", remedy=f"It said:\n{self.last_words()}")

    def last_words(self) -> str:
        """What they wrote last, each line behind its process's name."""
        return "\n".join(self.lines)

    def stop(self) -> None:
        """Ask all to end, and do not wait for it."""
        if not self.is_stopping:  # a second time would kill them
            self.is_stopping = True
            self.crew.stop()


@contextmanager
def processes(settings: Settings, seed: int, port: int | None) -> Iterator[Running]:
    """Scheduler and worker, and the pages where a `port` is given; at the end all are stopped and waited for."""
    words = [sys.executable, "-m", "forbear"]
    commands = {"scheduler": [*words, "scheduler"], "worker": [*words, "worker", "--single"]}
    if port is not None:
        commands["web"] = [*words, "web"]
    lines: list[str] = []

    def hear(name: str, line: str) -> None:
        lines.append(f"{name}: {line}")
        del lines[:-LAST_LINES]

    patience = Patience(stopping=settings.shutdown_seconds + 5)
    running = Running(Crew(commands, hear, patience, _environment(settings, seed, port)), lines)
    thread = threading.Thread(target=lambda: running.codes.append(running.crew.run()), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join()


def _environment(settings: Settings, seed: int, port: int | None) -> dict[str, str]:
    """What the processes are told: the demo's own settings, and nothing of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own: Mapping[str, object] = {
        "STATE_DIR": settings.state_dir,
        "CLOCK": settings.clock,
        "SCHEDULER_TICK_MS": settings.scheduler_tick_ms,
        "SANDBOX_LATENCY_MS": settings.sandbox_latency_ms,
        "SANDBOX_SEED": seed,
        "LOG_LEVEL": settings.log_level,
        "WEB_PORT": port or 0,
    }
    return kept | {f"{PREFIX}{name}": str(value) for name, value in own.items()}
