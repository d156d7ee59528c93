"""What the fault suite found, run by run: the table that it ends with, and that docs/faults.md holds."""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.ground import Ground
from tests.faults.proof import Proof


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its seed, what was injected, what it showed, and how long it took in seconds."""

    name: str
    seed: int
    injected: Counter[str]
    proof: Proof
    seconds: float


@dataclass(slots=True)
class Report:
    """All runs of a session."""

    runs: list[Run] = field(default_factory=list)

    def add(self, name: str, ground: Ground, proof: Proof, seconds: float) -> None:
        """Take in a run."""
        injected = sum((one.injected for one in ground.outside), ground.injected)
        self.runs.append(Run(name, ground.provider.seed, injected, proof, seconds))

    def lines(self) -> list[str]:
        """The table as Markdown."""
        found = [
            "| run | seed | faults | asked | accepted | lost | twice | unlawful | in doubt | enrolments | s |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        total: Counter[str] = Counter()
        for run in self.runs:
            total += run.injected
            lost, twice, unlawful = counts(run.proof)
            stands = ", ".join(f"{n} {state}" for state, n in sorted(run.proof.enrolments.items()))
            found.append(
                f"| {run.name} | {run.seed} | {run.injected.total():,} | {run.proof.asked} | {run.proof.accepted} "
                f"| {lost} | {twice} | {unlawful} | {run.proof.in_doubt} | {stands} | {run.seconds:.0f} |"
            )
        found += ["", f"Faults injected: {total.total():,}.", "", "| fault | times |", "|---|---|"]
        return [*found, *(f"| {name} | {n} |" for name, n in sorted(total.items()))]


def counts(proof: Proof) -> tuple[int, int, int]:
    """How much was lost, made twice, and unlawful."""
    kinds = Counter(line.partition(":")[0] for line in proof.wrong)
    lost, twice = kinds["lost"] + kinds["unaccounted"] + kinds["made up"], kinds["twice"]
    return lost, twice, kinds.total() - lost - twice


REPORT = Report()
