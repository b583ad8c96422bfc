"""Events go to SNS and audit rows to SQS, each in order, none left out, whatever ends in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import func, insert, select, text

from features.errors import RunStopped, SetupProblem, UserError
from serving.db.session import AuditEvent, append_audit
from serving.db.tables import publications
from serving.night import publishing
from serving.night.publishing import publish_all
from serving.settings import Settings
from tests.service import Service

REGION = "eu-west-2"


class Aws:
    """A topic with a queue that receives what is published, and a queue of the audit service."""

    def __init__(self) -> None:
        sns, self.sqs = boto3.client("sns", REGION), boto3.client("sqs", REGION)
        self.topic = sns.create_topic(Name="events")["TopicArn"]
        self.received = self.sqs.create_queue(QueueName="received")["QueueUrl"]
        self.audit = self.sqs.create_queue(QueueName="audit")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.received, AttributeNames=["QueueArn"])
        endpoint = arn["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint)

    def take(self, queue: str) -> list[dict[str, Any]]:
        """Every message of a queue, as JSON; they are gone then."""
        messages: list[dict[str, Any]] = []
        while True:
            some = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages")
            if not some:
                return messages
            for one in some:
                messages.append(json.loads(one["Body"]))
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    # The region is that of the addresses.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Aws()


@pytest.fixture
def settings(service: Service, aws: Aws) -> Settings:
    return replace(
        service.settings,
        events_topic=aws.topic,
        audit_queue=aws.audit,
        public_url="https://rosh.example",
    )


UNSENT = 200
"""How many rows are left to publish: an audit of the whole run would take minutes to send."""


@pytest.fixture(autouse=True)
def published_before(service: Service) -> None:
    """All but the newest rows were published before."""
    with service.admin.begin() as connection:
        for kind in ("events", "audit"):
            last = max(numbers(service, kind), default=0) - UNSENT
            so_far = select(func.coalesce(func.max(publications.c.last), 0)).where(
                publications.c.kind == kind
            )
            if last > connection.execute(so_far).scalar_one():
                connection.execute(insert(publications).values(kind=kind, last=last))


def unsent(service: Service, kind: str) -> list[int]:
    """The numbers of what is to be published and was not."""
    with service.admin.connect() as connection:
        newest = select(func.max(publications.c.last)).where(publications.c.kind == kind)
        last = connection.execute(newest).scalar() or 0
    return [number for number in numbers(service, kind) if number > last]


def numbers(service: Service, kind: str) -> list[int]:
    """The numbers of what is to be published in all, from the tables themselves."""
    table, number = ("events", "id") if kind == "events" else ("audit", "seq")
    without = "" if kind == "events" else " WHERE what <> 'KEPT_ROW'"
    with service.admin.connect() as connection:
        rows = connection.execute(text(f"SELECT {number} FROM triage.{table}{without} ORDER BY 1"))
        return list(rows.scalars())


def test_every_event_and_audit_row_is_sent_once_and_in_order(
    service: Service, aws: Aws, settings: Settings
) -> None:
    service.review(service.unread("N54ALD"), "ALD-SPO-1")
    events, audit = unsent(service, "events"), unsent(service, "audit")
    published = publish_all(settings, service.night)
    assert published.events == len(events) >= 1
    received = aws.take(aws.received)
    assert [one["MessageAttributes"]["eventNumber"]["Value"] for one in received] == [
        str(number) for number in events
    ]
    body = json.loads(received[-1]["Message"])
    assert body["eventType"] == "rosh-triage.review.concluded"
    assert {"version", "occurredAt", "personReference"} <= body.keys()
    assert body["detailUrl"].startswith("https://rosh.example/v1/cases/")
    messages = aws.take(aws.audit)
    correlations = [one["correlationId"].split("-") for one in messages]
    assert [int(number) for number, _ in correlations[: len(audit)]] == audit
    assert len({digest for _, digest in correlations}) == len(messages)
    assert messages[len(audit)]["what"] == "PUBLISHED_EVENTS"
    view = [one for one in messages if one["what"] == "VIEWED_FINDINGS"][-1]
    assert (view["who"], view["service"]) == ("ALD-SPO-1", "rosh-triage")
    assert json.loads(view["details"]) is not None
    with service.web.connect() as connection:
        assert connection.execute(text("SELECT triage.events_unpublished()")).scalar() == 0
    again = publish_all(settings, service.night)
    assert (again.events, again.audit) == (0, 0)


def test_what_was_not_taken_is_sent_at_the_next_start(
    service: Service, aws: Aws, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_all(settings, service.night)
    aws.take(aws.received)
    service.review(service.unread("N54ALD"), "ALD-SPO-1")
    patched = Refusing()
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_client", lambda *_, **__: patched)
        with pytest.raises(RunStopped, match=r"SNS rejected 1 messages of a batch \(Throttled\)"):
            publish_all(settings, service.night)
        assert patched.audit_rows, "the audit does not wait for events"
    assert not aws.take(aws.received)
    assert publish_all(settings, service.night).events == 1
    assert len(aws.take(aws.received)) == 1


class Refusing:
    """A client that takes no event at all, and every audit row at the second try."""

    def __init__(self) -> None:
        self.audit_rows: list[str] = []
        self._tries = 0

    def publish_batch(self, PublishBatchRequestEntries: list[dict[str, Any]], **_: Any) -> Any:
        return {"Failed": [{"Id": PublishBatchRequestEntries[0]["Id"], "Code": "Throttled"}]}

    def send_message_batch(self, Entries: list[dict[str, Any]], **_: Any) -> Any:
        self._tries += 1
        taken = Entries if self._tries % 2 == 0 else Entries[1:]
        self.audit_rows += [one["Id"] for one in taken]
        return {"Failed": [{"Id": one["Id"], "Code": "x"} for one in Entries if one not in taken]}


def test_a_queue_that_is_not_there_is_a_sentence(service: Service, settings: Settings) -> None:
    with service.night.begin() as connection:
        append_audit(connection, AuditEvent("TEST", "NOT_APPLICABLE", "-"))
    wrong = replace(settings, events_topic="", audit_queue=settings.audit_queue + "-x")
    with pytest.raises(RunStopped, match="could be sent to SQS"):
        publish_all(wrong, service.night)


def test_two_do_not_publish_at_once(service: Service, settings: Settings) -> None:
    with service.night.begin() as connection:
        publishing._lock_publishing(connection)
        with pytest.raises(UserError, match="being published already"):
            publish_all(settings, service.night)


def test_without_an_address_the_settings_are_named(service: Service) -> None:
    with pytest.raises(SetupProblem, match="ROSH_EVENTS_TOPIC"):
        publish_all(service.settings, service.night)


@pytest.mark.parametrize("function", ["audit_to_publish", "events_to_publish", "events_as_sent"])
def test_the_web_role_publishes_nothing(service: Service, function: str) -> None:
    with (
        pytest.raises(Exception, match="permission denied"),
        service.web.connect() as connection,
    ):
        connection.execute(text(f"SELECT * FROM triage.{function}(0, 1)"))
