"""The catalogue of causes: a code, one plain sentence, who acts, and the next step.

Sentences name the thing to fix and are shown as they are. `{ledger}` is the platform's name,
`{connection}` the connection's id, `{issue}` the issue's own; the other words come with the cause.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from connectors.errors import Cause
from models.ids import short
from models.repositories import IssueDraft


class Actor(StrEnum):
    """Who must act."""

    BOOKKEEPER = "bookkeeper"
    ADMINISTRATOR = "administrator"
    US = "us"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Entry:
    """What people read about a code."""

    sentence: str
    actor: Actor
    next_step: str
    at_source: bool = False
    """Whoever wrote the document can mend it there: a source is told so."""


CATALOGUE: dict[str, Entry] = {
    # -- something of ours has no counterpart ---------------------------------------------
    "tax_rate_unmapped": Entry(
        "Tax rate {rate} % has no counterpart in {ledger}.",
        Actor.BOOKKEEPER,
        "Create the rate in {ledger} and sync, or map it to an existing one: "
        "`ledgerbridge map tax-rate --connection {connection} {ours} RATE_IN_LEDGER`.",
    ),
    "tax_rate_ambiguous": Entry(
        "Tax rate {rate} % fits several rates in {ledger}: {candidates}.",
        Actor.BOOKKEEPER,
        "Say which one is meant: "
        "`ledgerbridge map tax-rate --connection {connection} {ours} RATE_IN_LEDGER`.",
    ),
    "account_unmapped": Entry(
        "Account {account} does not exist in {ledger}.",
        Actor.BOOKKEEPER,
        "Create it in {ledger} and sync, or map it to an existing one: "
        "`ledgerbridge map account --connection {connection} {account} ACCOUNT_IN_LEDGER`.",
    ),
    "account_not_named": Entry(
        "There is no account for {purpose} in {ledger}.",
        Actor.ADMINISTRATOR,
        "Name an account on the documents, or map the word `{ours}` to one: "
        "`ledgerbridge map account --connection {connection} {ours} ACCOUNT_IN_LEDGER`.",
    ),
    "contact_unknown": Entry(
        "Contact {contact} is named by documents but was never handed in.",
        Actor.ADMINISTRATOR,
        "Import the contact; what waits for it then goes through by itself.",
    ),
    "contact_ambiguous": Entry(
        "Contact {contact} fits several contacts in {ledger}: {candidates}.",
        Actor.BOOKKEEPER,
        "Say which one is meant: "
        "`ledgerbridge map contact --connection {connection} {ours} CONTACT_IN_LEDGER`.",
    ),
    "document_unknown": Entry(
        "{document} is named by other documents but was never handed in.",
        Actor.ADMINISTRATOR,
        "Import it; what waits for it then goes through by itself.",
    ),
    "parent_skipped": Entry(
        "{document} is never sent to {ledger}, so what pays or corrects it cannot be either.",
        Actor.BOOKKEEPER,
        "If {ledger} has it, settle it: `ledgerbridge settle RECORD --platform-id ID --reason …`; "
        "if not, skip what waits for it.",
    ),
    "product_missing": Entry(
        "{ledger} has no product with {rate} % tax that is sold on account {account}.",
        Actor.BOOKKEEPER,
        "Create one in {ledger}, or name one for the rate in the connection's setting `products`; "
        "then `ledgerbridge retry --issue {issue}`.",
    ),
    "payment_method_missing": Entry(
        "{ledger} has no payment method {which}.",
        Actor.ADMINISTRATOR,
        "Create it in {ledger}, or name another one in the connection's setting `payment_method`; "
        "then `ledgerbridge retry --issue {issue}`.",
    ),
    "journal_missing": Entry(
        "{ledger} has no journal {which} that is in use.",
        Actor.ADMINISTRATOR,
        "Create it in {ledger}, or name another one in the connection's setting `journals`; then "
        "`ledgerbridge retry --issue {issue}`.",
    ),
    "contact_without_role": Entry(
        "{contact} is no {role} in {ledger}.",
        Actor.BOOKKEEPER,
        "Make it one in {ledger}, or hand the contact in with that role; then "
        "`ledgerbridge retry --issue {issue}`.",
    ),
    "account_archived": Entry(
        "Account {account} is archived in {ledger}.",
        Actor.BOOKKEEPER,
        "Take it back into use in {ledger}, or map documents to another one: "
        "`ledgerbridge map account --connection {connection} {account} ACCOUNT_IN_LEDGER`.",
    ),
    # -- the ledger refuses ---------------------------------------------------------------
    "period_closed": Entry(
        "The period {period} is closed in {ledger}.",
        Actor.BOOKKEEPER,
        "Reopen the period in {ledger} or change the date of the documents, then "
        "`ledgerbridge retry --issue {issue}`.",
    ),
    "frozen_in_ledger": Entry(
        "{ledger} does not allow changes to a {type} that is posted.",
        Actor.BOOKKEEPER,
        "Correct it with a credit note or a new document, or take the change back.",
    ),
    "over_allocated": Entry(
        "A payment would pay more than is open on {document}.",
        Actor.BOOKKEEPER,
        "Check what has been paid already, and correct the payment's allocations.",
        at_source=True,
    ),
    "ledger_question": Entry(
        "{ledger} asks a question that a person must answer: {question}",
        Actor.BOOKKEEPER,
        "Answer it in {ledger} or change the document, then `ledgerbridge retry --issue {issue}`.",
    ),
    "refused": Entry(
        "{ledger} refused: {message}",
        Actor.BOOKKEEPER,
        "Correct the document or the ledger, then `ledgerbridge retry --issue {issue}`.",
        at_source=True,
    ),
    "refused_by_integrator": Entry(
        "{document}: {message}",
        Actor.BOOKKEEPER,
        "Correct the document, or the ledger and then `ledgerbridge retry --issue {issue}`: the "
        "integrator's program gets it again.",
    ),
    "conflict": Entry(
        "{document} was changed both here and in {ledger}.",
        Actor.BOOKKEEPER,
        "Decide which version is right and make the other one equal to it.",
    ),
    "already_in_ledger": Entry(
        "{ledger} already has {document}, with other content: {difference}.",
        Actor.BOOKKEEPER,
        "If it is the same document, settle it by hand: "
        "`ledgerbridge settle RECORD --platform-id {theirs} --reason …`; else change the number.",
    ),
    "already_paired": Entry(
        "{ledger} says that {document} is the same as another document of ours.",
        Actor.BOOKKEEPER,
        "Compare the two documents; one of them is a duplicate.",
    ),
    "unsupported": Entry(
        "{ledger} cannot take this: {message}",
        Actor.BOOKKEEPER,
        "Enter it in {ledger} by hand, then settle it: "
        "`ledgerbridge settle RECORD --platform-id ID --reason …`.",
        at_source=True,
    ),
    "exercise_closed": Entry(
        "{ledger} takes nothing dated {day}: {what}.",
        Actor.BOOKKEEPER,
        "Open the fiscal year in {ledger} or change the date of the documents, then "
        "`ledgerbridge retry --issue {issue}`.",
    ),
    "field_too_long": Entry(
        "{document}: {field} has {length} characters, {ledger} takes {limit}.",
        Actor.BOOKKEEPER,
        "Shorten it and hand the document in again.",
        at_source=True,
    ),
    "entry_unbalanced": Entry(
        "{document} does not balance: debits are {debit}, credits {credit}.",
        Actor.BOOKKEEPER,
        "Correct its lines and hand it in again.",
        at_source=True,
    ),
    "entry_matched": Entry(
        "{document} is matched with other entries in {ledger}, so it cannot be taken out.",
        Actor.BOOKKEEPER,
        "Undo the matching in {ledger}, then `ledgerbridge retry --issue {issue}`; or enter one "
        "against it.",
    ),
    "not_payable": Entry(
        "{document} cannot be paid in {ledger}: it is {why}.",
        Actor.BOOKKEEPER,
        "Approve or restore it in {ledger}, then `ledgerbridge retry --issue {issue}`; or take the "
        "payment back.",
        at_source=True,
    ),
    "refused_downstream": Entry(
        "The ledger behind {ledger} refused: {message}",
        Actor.BOOKKEEPER,
        "Correct the document or the ledger, then `ledgerbridge retry --issue {issue}`.",
        at_source=True,
    ),
    "wrong_state": Entry(
        "{ledger} cannot do this in the present state of the books: {message}",
        Actor.BOOKKEEPER,
        "Look at the document in the ledger, then `ledgerbridge retry --issue {issue}`.",
    ),
    "not_on_this_ledger": Entry(
        "{ledger} cannot do this with the ledger behind it: {message}",
        Actor.BOOKKEEPER,
        "Enter it in the ledger by hand, then settle it: "
        "`ledgerbridge settle RECORD --platform-id ID --reason …`.",
    ),
    "request_invalid": Entry(
        "{ledger} finds our request wrong: {message}",
        Actor.US,
        "Report it to us with the output of `ledgerbridge record RECORD`.",
    ),
    "not_posted_yet": Entry(
        "{document} is not posted in {ledger} yet, so nothing can be settled on it.",
        Actor.BOOKKEEPER,
        "Post it in {ledger}, then `ledgerbridge retry --issue {issue}`.",
    ),
    # -- what became of it is not clear ---------------------------------------------------
    "outcome_unclear": Entry(
        "It cannot be told whether {document} arrived in {ledger}: {message}",
        Actor.BOOKKEEPER,
        "Look in {ledger}. If it is there: `ledgerbridge settle RECORD --platform-id ID "
        "--reason …`; if not: `ledgerbridge retry RECORD`.",
    ),
    "gave_up": Entry(
        "{ledger} did not take {document} in {attempts} tries: {message}",
        Actor.ADMINISTRATOR,
        "See the attempts with `ledgerbridge record RECORD`; retry once the cause is gone.",
    ),
    # -- the two sides differ -------------------------------------------------------------
    "totals_differ": Entry(
        "{document} is in {ledger} with another total: {difference}.",
        Actor.BOOKKEEPER,
        "Correct it in {ledger}.",
    ),
    "changed_in_ledger": Entry(
        "{document} was changed in {ledger}: {difference}.",
        Actor.BOOKKEEPER,
        "Change it back in {ledger}, or make the same change here.",
    ),
    "deleted_in_ledger": Entry(
        "{document} was deleted in {ledger}.",
        Actor.BOOKKEEPER,
        "If that was right, delete it here too; if not, push it again with `ledgerbridge retry "
        "RECORD --again`.",
    ),
    "unreadable_record": Entry(
        "A {type} in {ledger} cannot be read ({theirs}): {message}",
        Actor.US,
        "Correct it in {ledger} if the reason is there; otherwise report it to us.",
    ),
    # -- where documents come from --------------------------------------------------------
    "no_ledger": Entry(
        "Documents from {ledger} wait: their billing entity has no ledger.",
        Actor.ADMINISTRATOR,
        "Connect one with `ledgerbridge connections add PROVIDER --entity CODE …`; what waits "
        "then goes through by itself.",
    ),
    "ack_refused": Entry(
        "{document} is posted, but {ledger} does not let us say so: {message}",
        Actor.ADMINISTRATOR,
        "Check in {ledger} that our API client belongs to the integration of this billing entity, "
        "then `ledgerbridge retry --issue {issue}`. It is not posted a second time.",
    ),
    "paid_state_refused": Entry(
        "{document} is {state}, but {ledger} does not let us say so: {message}",
        Actor.ADMINISTRATOR,
        "Check in {ledger} what our API client may do, then `ledgerbridge retry --issue {issue}`. "
        "The books are right as they are.",
    ),
    "ack_conflict": Entry(
        "{document} is posted for billing entity {ours}, and {ledger} has it otherwise: {theirs}.",
        Actor.BOOKKEEPER,
        "Decide which books it belongs to. If to others, reverse it in ours and let theirs post "
        "it; then `ledgerbridge skip RECORD --reason …`.",
    ),
    "posted_elsewhere": Entry(
        "{document} was moved here after it had been posted for billing entity {owner}.",
        Actor.BOOKKEEPER,
        "Reverse it in the books of {owner}, then post it here: "
        "`ledgerbridge retry --issue {issue}`.",
    ),
    "credential_not_linked": Entry(
        "{ledger} does not let our API client see what waits: {message}",
        Actor.ADMINISTRATOR,
        "Create an API client on the settings page of the integration that is linked to the "
        "billing entity, and give it: "
        "`ledgerbridge connections reauthorize {connection} --credentials FILE`.",
    ),
    # -- the connection -------------------------------------------------------------------
    "authorization_lost": Entry(
        "{ledger} no longer accepts our credentials.",
        Actor.ADMINISTRATOR,
        "Let its owner authorize it again: `ledgerbridge connections reauthorize {connection}` "
        "prints the address of the page for it{or_file}.",
    ),
    "wrong_organisation": Entry(
        "The credentials now open other books ({theirs}) than those that were connected ({ours}).",
        Actor.ADMINISTRATOR,
        "Authorize it for the right books: `ledgerbridge connections reauthorize {connection}` "
        "prints the address of the page for it{or_file}.",
    ),
    "permission_denied": Entry(
        "Our user in {ledger} may not do this: {message}",
        Actor.ADMINISTRATOR,
        "Give the user the right in {ledger}, then `ledgerbridge retry --issue {issue}`.",
    ),
    "organisation_locked": Entry(
        "{ledger} does not let us into these books: {message}",
        Actor.ADMINISTRATOR,
        "Give the person who consented access in {ledger}, or let somebody else authorize it: "
        "`ledgerbridge connections reauthorize {connection}` prints the address of the page for it.",
    ),
    "subscription_key_refused": Entry(
        "{ledger} does not accept the key of our registration: {message}",
        Actor.ADMINISTRATOR,
        "An operator puts a key that is valid into LEDGERBRIDGE_OAUTH_APPS and restarts; then "
        "`ledgerbridge connections reauthorize {connection}`.",
    ),
    "unknown_legislation": Entry(
        "The books in {ledger} follow a legislation that is not known here: {legislation}.",
        Actor.US,
        "Connect books of another country, or tell us that you need this one.",
    ),
    "ledger_not_linked": Entry(
        "{ledger} cannot reach the ledger behind it: {message}",
        Actor.ADMINISTRATOR,
        "Let the ledger's owner authorize it again in {ledger}; then "
        "`ledgerbridge connections reauthorize {connection}`.",
    ),
    "ledger_sign_in_fails": Entry(
        "{ledger} cannot renew its way into the ledger behind it before {until}: {message}",
        Actor.NOBODY,
        "It is tried again by itself then. If it lasts, the ledger's owner authorizes it again in "
        "{ledger}.",
    ),
    "plan_quota_used_up": Entry(
        "The plan with {ledger} is used up: {message}",
        Actor.ADMINISTRATOR,
        "Enlarge the plan with {ledger}. It is tried again by itself after {until}.",
    ),
    "organisation_not_named": Entry(
        "The consent opens several organisations in {ledger}: {names}.",
        Actor.ADMINISTRATOR,
        "Connect again with the setting `organisation`, which names one of them.",
    ),
    "plan_lacks_feature": Entry(
        "The plan in {ledger} does not include this: {message}",
        Actor.ADMINISTRATOR,
        "Change the plan in {ledger}, then `ledgerbridge retry --issue {issue}`; or leave this "
        "type of object out.",
    ),
    "ledger_unreachable": Entry(
        "{ledger} cannot be reached: {message}",
        Actor.NOBODY,
        "Nothing is lost and nothing needs doing: it is tried again by itself. If it lasts, check "
        "the address with `ledgerbridge connections check {connection}`.",
    ),
    "connection_not_usable": Entry(
        "The connection to {ledger} cannot be used: {message}.",
        Actor.ADMINISTRATOR,
        "Put that right; what waits goes out by itself, at once after "
        "`ledgerbridge connections check {connection}`.",
    ),
    "quota_used_up": Entry(
        "{ledger} accepts no more calls until {until}.",
        Actor.NOBODY,
        "Nothing needs doing: it goes on by itself then.",
    ),
    "bug": Entry(
        "Something unforeseen happened with {ledger}: {message}",
        Actor.US,
        "Report it to us with the output of `ledgerbridge record RECORD`.",
    ),
}

OR_FILE = "; `--credentials FILE` gives new ones without a page"
"""How a connection is authorized anew beside its page, where that is not by consent."""

AUTHORIZATION_CODES = frozenset(
    {
        "authorization_lost",
        "wrong_organisation",
        "organisation_locked",
        "subscription_key_refused",
        "ledger_not_linked",
    }
)
"""Why a connection lost its authorization: over once it has been authorized again."""

ANSWERED_CODES = frozenset(
    {
        "connection_not_usable",
        "ledger_unreachable",
        "quota_used_up",
        "credential_not_linked",
        "ledger_sign_in_fails",
        "plan_quota_used_up",
    }
)
"""What was held against a provider, and is over once it answers again."""

CONNECTION_CODES = AUTHORIZATION_CODES | ANSWERED_CODES | {"unreadable_record"}
"""Issues of the connection itself: they stay open without any record waiting for them."""


def in_words(
    cause: Cause, *, ledger: str, connection: UUID, provider_message: str | None = None
) -> IssueDraft:
    """Say a cause in the words that people read; an unknown code is a refusal with its message."""
    entry = CATALOGUE.get(cause.code, CATALOGUE["refused"])
    words: defaultdict[str, str] = defaultdict(
        lambda: "?",
        {
            "message": provider_message or cause.code,
            "document": cause.subject,
            "or_file": OR_FILE,
            **cause.words,
        },
    )
    # The issue gets its id when it is stored.
    words.update(ledger=ledger, connection=short(connection), issue="{issue}")
    return IssueDraft(
        code=cause.code,
        subject=cause.subject,
        sentence=_ended(entry.sentence.format_map(words)),
        actor=entry.actor.value,
        next_step=entry.next_step.format_map(words),
        provider_message=provider_message,
    )


def _ended(sentence: str) -> str:
    """A provider's own words at the end of a sentence may lack the full stop."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
