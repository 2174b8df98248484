"""What a contract is made of: clauses, what was found of each, and the report of one plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cltool.errors import CallError


class NotChecked(Exception):
    """A clause that could not be looked at, with the reason; it is neither kept nor broken."""


class ContractBroken(AssertionError):
    """A plugin does not keep the contract of its kind; the message lists what was expected and what came."""


@dataclass(frozen=True)
class Clause:
    """One promise of a kind: its name, what is expected, and a test that says what came instead, or nothing."""

    name: str
    expected: str
    test: Callable[[Any], str | None]


@dataclass(frozen=True)
class Finding:
    """What was found of one clause; `kept` is None where it could not be checked, `came` says why."""

    clause: str
    expected: str
    came: str
    kept: bool | None

    def __str__(self) -> str:
        mark = {True: "✓", False: "✗", None: "–"}[self.kept]
        came = "" if self.kept else f"; came: {self.came}"
        return f"{mark} {self.clause}: {self.expected}{came}"


@dataclass(frozen=True)
class Report:
    """All findings of one plugin."""

    kind: str
    name: str
    package: str
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> list[Finding]:
        """The clauses that are not kept."""
        return [finding for finding in self.findings if finding.kept is False]

    def __str__(self) -> str:
        return "\n".join([f"{self.kind} {self.name} ({self.package})", *(f"  {f}" for f in self.findings)])


def unless(missing: Callable[[Any], str], test: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """A clause's test where it can be made; of a subject of which `missing` tells why not, it is not checked."""

    def tested(subject: Any) -> str | None:
        if reason := missing(subject):
            raise NotChecked(reason)
        return test(subject)

    return tested


def look(clauses: Iterable[Clause], subject: Any) -> list[Finding]:
    """Test every clause on a subject; an exception is what came."""
    return [_find(clause, subject) for clause in clauses]


def _find(clause: Clause, subject: Any) -> Finding:
    try:
        came = clause.test(subject)
    except NotChecked as reason:
        return Finding(clause.name, clause.expected, str(reason), None)
    except (Exception, SystemExit) as error:
        came = told(error)
    return Finding(clause.name, clause.expected, came or "", came is None)


def told(error: BaseException) -> str:
    """An exception in one line; of a CallError, whose message is meant for people, the message alone."""
    message = " ".join(str(error).split())
    return message if isinstance(error, CallError) else f"{type(error).__name__}: {message}"


def first(complaints: Sequence[str | None]) -> str | None:
    """The first complaint, and how many more there are."""
    found = [complaint for complaint in complaints if complaint]
    if not found:
        return None
    return found[0] + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
