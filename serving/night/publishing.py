"""Publishes events by SNS and audit rows by SQS, in the order in which they were committed.

What is to be sent stands in the database with what it is about (an outbox), so nothing is sent of
what was rolled back, and nothing committed is forgotten. How far it was sent is written after each
batch: where the service ends in between, a batch is sent twice, never left out. Whoever receives it
sees the same number again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, text

from features.errors import RunStopped, SetupProblem, UserError
from serving.db import audit_chain
from serving.db.session import AuditEvent, append_audit
from serving.db.tables import publications
from serving.settings import Settings

BATCH_SIZE = 10
"""The most messages that SNS and SQS take in one request."""
TRIES = 3
"""The most attempts to send a message that is rejected, before it is left to the next start."""
Send = Callable[[Sequence[Row[Any]]], None]


@dataclass(frozen=True)
class Published:
    """How many messages were sent of each kind; None where it is sent nowhere."""

    events: int | None
    audit: int | None


def publish_all(settings: Settings, engine: Engine) -> Published:
    """Send whatever was not sent yet.

    Raises SetupProblem where no address is set, and RunStopped where a message was not taken: then
    everything before it was sent, and the next start goes on from there.
    """
    if settings.events_topic and not settings.public_url:
        raise SetupProblem(
            "ROSH_EVENTS_TOPIC needs ROSH_PUBLIC_URL too: each event has the address of its detail."
        )
    if not settings.events_topic and not settings.audit_queue:
        raise SetupProblem(
            "Nothing is published: set ROSH_EVENTS_TOPIC (the ARN of a topic of SNS) or "
            "ROSH_AUDIT_QUEUE (the address of a queue of SQS)."
        )
    events = audit = None
    failure: RunStopped | None = None
    if settings.events_topic:
        try:
            sender = _event_sender(settings.events_topic, settings.public_url)
            events = _publish(engine, "events", sender)
        except RunStopped as error:
            # The audit goes another way, and must not wait for events.
            failure = error
    if settings.audit_queue:
        audit = _publish(engine, "audit", _audit_sender(settings.audit_queue))
    if failure is not None:
        raise failure
    return Published(events, audit)


def _publish(engine: Engine, kind: str, send: Send) -> int:
    """Send one kind batch by batch, a transaction each; how many were sent."""
    rows_to_send = text(
        f"SELECT * FROM triage.{kind}_to_publish(:known, :most)"  # noqa: S608 - our own names
    )
    sent = 0
    while True:
        with engine.begin() as connection:
            _lock_publishing(connection)
            values = {"known": _last_published(connection, kind), "most": BATCH_SIZE}
            rows = connection.execute(rows_to_send, values).all()
            if not rows:
                return sent
            send(rows)
            mark = {"kind": kind, "last": rows[-1].id, "at": func.triage.now()}
            connection.execute(insert(publications).values(**mark))
            if kind == "events":
                row = AuditEvent("PUBLISHED_EVENTS", "NOT_APPLICABLE", "-", {"sent": len(rows)})
                append_audit(connection, row)
        sent += len(rows)


def _last_published(connection: Connection, kind: str) -> int:
    newest = select(func.max(publications.c.last)).where(publications.c.kind == kind)
    return int(connection.execute(newest).scalar() or 0)


def _lock_publishing(connection: Connection) -> None:
    lock = text("SELECT pg_try_advisory_xact_lock(hashtext('triage.publishing'))")
    if not connection.execute(lock).scalar():
        raise UserError("Events are being published already. Start this when that has ended.")


def _event_sender(topic: str, public_url: str) -> Send:
    # arn:aws:sns:eu-west-2:123456789012:name
    client = _client("sns", topic.split(":")[3] if topic.count(":") == 5 else "")

    def send(rows: Sequence[Row[Any]]) -> None:
        entries = [
            {
                "Id": str(row.id),
                "Message": json.dumps(_with_detail_url(row.body, public_url)),
                "MessageAttributes": {
                    "eventType": {"DataType": "String", "StringValue": row.body["eventType"]},
                    "eventNumber": {"DataType": "Number", "StringValue": str(row.id)},
                },
            }
            for row in rows
        ]
        _send_entries(
            "SNS",
            entries,
            lambda some: client.publish_batch(TopicArn=topic, PublishBatchRequestEntries=some),
        )

    return send


def _audit_sender(queue: str) -> Send:
    # https://sqs.eu-west-2.amazonaws.com/123456789012/name
    host = queue.split("/")[2].split(".") if queue.count("/") > 2 else []
    client = _client("sqs", host[1] if host[:1] == ["sqs"] and len(host) > 2 else "")

    def send(rows: Sequence[Row[Any]]) -> None:
        entries = [
            {
                "Id": str(row.id),
                "MessageBody": json.dumps(audit_chain.as_hmpps_event(row._asdict())),
            }
            for row in rows
        ]
        _send_entries(
            "SQS", entries, lambda some: client.send_message_batch(QueueUrl=queue, Entries=some)
        )

    return send


def _with_detail_url(body: dict[str, Any], public_url: str) -> dict[str, Any]:
    """An event with an absolute detail URL."""
    return {**body, "detailUrl": f"{public_url}{body['detailUrl']}"}


def _send_entries(
    name: str,
    entries: list[dict[str, Any]],
    send: Callable[[list[dict[str, Any]]], dict[str, Any]],
) -> None:
    """Send a batch, and again those of it that were not taken; RunStopped where some never are."""
    from botocore.exceptions import BotoCoreError, ClientError

    failed: list[dict[str, Any]] = []
    for _ in range(TRIES):
        try:
            failed = send(entries).get("Failed", [])
        except (BotoCoreError, ClientError) as error:
            raise RunStopped(
                f"Nothing could be sent to {name} ({type(error).__name__}). What was sent before "
                "stands. Check the address, the connection and permissions, then start this again."
            ) from error
        if not failed:
            return
        numbers = {one.get("Id") for one in failed}
        entries = [one for one in entries if one["Id"] in numbers]
    codes = ", ".join(sorted({str(one.get("Code")) for one in failed}))
    raise RunStopped(
        f"{name} rejected {len(failed)} messages of a batch ({codes}), {TRIES} times. The next "
        "start sends the whole batch again: receivers may see repeats."
    )


def _client(name: str, region: str) -> Any:
    """A client of AWS, by the environment's own credentials and address (AWS_ENDPOINT_URL).

    The region is that of the address; where it names none, AWS_DEFAULT_REGION.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.client(name, region_name=region or None)
    except BotoCoreError as error:
        raise SetupProblem(
            f"There can be no client of {name.upper()} ({type(error).__name__}). Set "
            "AWS_DEFAULT_REGION and credentials, as for every client of AWS."
        ) from error
