"""Everything that is asked of a history, and the answer in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.linearizability.checker import DEFAULT, Limits, Part, Verdict, check
from tests.linearizability.history import Operation
from tests.linearizability.orders import Finding, findings
from tests.linearizability.shrink import shrink, table


@dataclass(frozen=True, slots=True)
class Report:
    operations: int
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        verdicts = {part.verdict for part in self.parts}
        if self.findings or Verdict.NO in verdicts:
            return Verdict.NO
        return Verdict.UNDECIDED if Verdict.UNDECIDED in verdicts else Verdict.YES

    def explain(self) -> str:
        """The verdict; and where it is not yes, the smallest accounts of why."""
        lines = [
            f"{self.operations} operations over {len(self.parts)} independent groups of keys: {self.verdict.value}"
        ]
        for part in self.parts:
            if part.verdict is Verdict.UNDECIDED:
                lines.append(f"could not decide {', '.join(part.keys)} ({len(part.operations)} operations)")
            elif part.verdict is Verdict.NO:
                lines.append(f"no order explains this of {', '.join(part.keys)}:")
                lines.append(table(shrink(part.operations)))
        for finding in self.findings[:20]:
            lines.append(f"{finding.rule}:")
            lines.append(table(finding.operations))
        if len(self.findings) > 20:
            lines.append(f"and {len(self.findings) - 20} more broken promises")
        return "\n".join(lines)


def verify(operations: Sequence[Operation], limits: Limits = DEFAULT) -> Report:
    return Report(len(operations), tuple(check(operations, limits)), tuple(findings(operations)))
