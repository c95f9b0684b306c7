"""What is really in the ledgers, against what the product handed in; then our own tables.

The ledgers are asked first and past our connectors: each document once, with the amount of its
last version, void where it is to be. Only then our tables must tell the same story.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from chaos import papers
from chaos.plan import Paper
from chaos.run import Place, Run
from models.canonical import ObjectType

MOST_SAID = 15


@dataclass
class Verdict:
    """What is wrong; all empty is what everybody wants."""

    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """There, but with another amount, or in another state."""
    stuck: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    """What our own tables do not tell, or tell wrongly."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Records that wait for a person with a reason, by reason."""

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong, one sentence each."""
        return [
            f"{word}: {one}"
            for word in ("twice", "lost", "wrong", "stuck", "untold")
            for one in getattr(self, word)
        ]


def judge(run: Run) -> Verdict:
    """Judge all ledgers, and our tables."""
    verdict = Verdict()
    for name, place in run.places.items():
        ours = _ours(run, place)
        _judge_books(run, name, place, ours, verdict)
        _judge_log(name, place, ours, verdict)
        _judge_attempts(run, name, place, verdict)
    verdict.untold += [f"a bug of the run: {one}" for one in run.refusals[:MOST_SAID]]
    for name in run.places:
        verdict.untold += [
            f"a bug of the simulator of {name}: {one.strip().splitlines()[-1]}"
            for one in run.books.ask("crashes", name)[:3]
        ]
    return verdict


Record = dict[str, Any]


_FIELDS = (
    *("id", "mark", "status", "code", "reason", "blocked_by", "actor", "issue"),
    *("next_step", "open", "leased", "parent"),
)


def _ours(run: Run, place: Place) -> dict[str, Record]:
    """Our records by the product's name for the document."""
    with run.stack.database() as connection:
        found = connection.execute(
            """
            SELECT d.external_id, r.id, r.marker, r.status, r.reason_code, r.reason, r.blocked_by,
                   i.actor, i.code, i.next_step, i.closed_at IS NULL AND i.id IS NOT NULL,
                   r.lease_until IS NOT NULL, p.status
              FROM synced_records r
              JOIN documents d ON d.id = r.object_id
              LEFT JOIN issues i ON i.id = r.issue_id
              LEFT JOIN synced_records p ON p.id = r.blocked_by
             WHERE r.connection_id = %s AND r.own
            """,
            (place.connection_id,),
        ).fetchall()
    return {row[0]: dict(zip(_FIELDS, row[1:], strict=True)) for row in found}


def _judge_books(
    run: Run, name: str, place: Place, ours: dict[str, Record], verdict: Verdict
) -> None:
    marks = {record["mark"]: known for known, record in ours.items()}
    there: defaultdict[str, list[Record]] = defaultdict(list)
    for row in run.books.ask("rows", name):
        known = row["name"] or marks.get(row["mark"])
        if known is None or known not in place.papers:
            verdict.wrong.append(f"{name} has {row['kind']} {row['mark']}, which nobody handed in")
        else:
            there[known].append(row)
    for paper in place.papers.values():
        record = ours.get(paper.name)
        _judge_paper(place, paper, there[paper.name], record, verdict)


def _judge_paper(
    place: Place,
    paper: Paper,
    rows: list[Record],
    record: Record | None,
    verdict: Verdict,
) -> None:
    label = f"{paper.ledger} {paper.kind.words} {paper.name}"
    status = record["status"] if record else "unknown here"
    said = ", ".join(f"{row['state']} {row['amount'] or ''}".strip() for row in rows)
    if len(rows) > 1:
        verdict.twice.append(f"{label} is there {len(rows)} times ({said}); it is {status} here")
        return
    if paper.untaxable:
        if rows:
            verdict.wrong.append(f"{label} is there ({said}), although it must wait")
        return
    if paper.last.void:
        # One that was void before it was sent is never sent.
        if rows and rows[0]["state"] != "void":
            verdict.wrong.append(f"{label} is {said}, not void; it is {status} here")
        return
    if not rows:
        verdict.lost.append(f"{label} is not there; it is {status} here")
        return
    amount = None
    if paper.kind is not ObjectType.CONTACT:
        amount = f"{papers.gross(paper, paper.last, place.house):.2f}"
    if rows[0]["state"] != "open" or rows[0]["amount"] != amount:
        verdict.wrong.append(f"{label} is {said}, not open {amount}; it is {status} here")


def _judge_log(name: str, place: Place, ours: dict[str, Record], verdict: Verdict) -> None:
    for paper in place.papers.values():
        label = f"{name} {paper.kind.words} {paper.name}"
        record = ours.get(paper.name)
        if record is None:
            verdict.stuck.append(f"{label} has no record")
            continue
        status, said = record["status"], f"{record['status']} ({record['code']})"
        if status in {"pending", "sending", "retry_wait", "uncertain"} or record["leased"]:
            verdict.stuck.append(f"{label} is still {said}")
        elif status == "skipped" and not (paper.last.void and record["reason"]):
            verdict.untold.append(f"{label} is {said}, for no reason that the product gave")
        elif status in {"rejected", "blocked", "held"}:
            owned = record["actor"] and record["next_step"] and record["open"]
            waits = record["blocked_by"] and record["parent"] not in {"done", "done_manually"}
            if not record["reason"] or not (owned or waits):
                verdict.untold.append(f"{label} is {said} without a reason, or without an owner")
            verdict.waiting[record["code"] or status] += 1
            if not paper.untaxable:
                verdict.stuck.append(f"{label} is {said}: {record['reason']}")


def _judge_attempts(run: Run, name: str, place: Place, verdict: Verdict) -> None:
    """Every write that the ledger saw has an attempt, and every attempt has an outcome."""
    with run.stack.database() as connection:
        found = connection.execute(
            """
            SELECT a.idempotency_key, a.operation, a.outcome, d.external_id
              FROM attempts a
              JOIN synced_records r ON r.id = a.record_id
              JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = %s
            """,
            (place.connection_id,),
        ).fetchall()
    known = {row[0] for row in found}
    strangers = [key for key in run.books.ask("keys", name) if key not in known]
    if strangers:
        verdict.untold.append(f"{name} saw {len(strangers)} keys of writes that no attempt has")
    verdict.untold += [
        f"{name} {row[3]}: an attempt to {row[1]} has no outcome" for row in found if not row[2]
    ]
    accepted: Counter[str] = Counter()
    for _, _, outcome, document in found:
        if outcome in {"accepted", "found"}:
            accepted[document] += 1
    with run.stack.database() as connection:
        done = connection.execute(
            "SELECT d.external_id, r.reason_code FROM synced_records r "
            "JOIN documents d ON d.id = r.object_id "
            "WHERE r.connection_id = %s AND r.own AND r.status = 'done'",
            (place.connection_id,),
        ).fetchall()
    verdict.untold += [
        f"{name} {document} is done, but no attempt says that the ledger took it"
        for document, code in done
        if not accepted[document] and code != "matched"
    ]
