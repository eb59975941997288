"""Registers an item, places an order for it and waits for the outcome: confluent-kafka, fastavro and docs/CLIENTS.md.

    client.py REQUEST_ID

Environment: BOOTSTRAP, SCHEMAS (the folder schemas/released), REGISTRY (where the flow runs with one: its ids count then),
REQUESTER (who asks; also the consumer group), WAIT_S (how long for the outcome).
"""

import io
import json
import os
import struct
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from fastavro import parse_schema, schemaless_reader, schemaless_writer

BOOTSTRAP = os.environ.get("BOOTSTRAP", "127.0.0.1:9092")
RELEASED = Path(os.environ.get("SCHEMAS", "schemas/released"))
REGISTRY = os.environ.get("REGISTRY")
REQUESTER = os.environ.get("REQUESTER", "shop")
# The versions that this client writes. A newer release does not change what it sends.
WRITES = {"ReceiveStock": "1.0.0", "RegisterItem": "1.0.0", "PlaceOrder": "1.0.0"}
WAIT_S = int(os.environ.get("WAIT_S", "60"))

TICKETS = uuid.UUID("6f726465-7266-4c6f-b701-7469636b6574")
NIL = uuid.UUID(int=0)


def ticket_of(requester, request_id):
    return uuid.uuid5(TICKETS, requester + "\0" + request_id)


# Schemas. Each released file is complete in itself, so each is parsed alone: in one set of names the second Meta would be
# refused as a redefinition.


def ask_registry(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(REGISTRY + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Schemas:
    def __init__(self):
        lock = json.loads((RELEASED / "local.lock.json").read_text())
        self.local = {(entry["record"], entry["version"]): entry["id"] for entry in lock}
        self.files = {} if REGISTRY else {number: name for name, number in self.local.items()}
        self.parsed = {}

    def text(self, record, version):
        return (RELEASED / record / f"{version}.avsc").read_text(encoding="utf-8")

    def to_write(self, topic, record):
        """The id that stands for our version of a record, and the schema."""
        version = WRITES[record]
        schema = parse_schema(json.loads(self.text(record, version)))
        if not REGISTRY:
            return self.local[record, version], schema
        # Asks which id exactly this schema has; it registers nothing.
        subject = f"{topic}-{schema['name']}"
        found = ask_registry(f"/subjects/{subject}", {"schema": self.text(record, version)})
        return found["id"], schema

    def to_read(self, number):
        """The schema that a record was written with, whatever its version."""
        if number not in self.parsed:
            if REGISTRY:
                text = ask_registry(f"/schemas/ids/{number}")["schema"]
            else:
                text = self.text(*self.files[number])
            self.parsed[number] = parse_schema(json.loads(text))
        return self.parsed[number]


# Framing: a zero byte, the schema id as four bytes, big endian, and one Avro datum.


def encode(schemas, topic, record, value):
    number, schema = schemas.to_write(topic, record)
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, number))
    schemaless_writer(out, schema, value)
    return out.getvalue()


def decode(schemas, value):
    magic, number = struct.unpack(">bI", value[:5])
    if magic != 0:
        raise ValueError(f"not framed: {value[:5].hex()}")
    schema = schemas.to_read(number)
    record = schema["name"].rsplit(".", 1)[-1]
    return record, schemaless_reader(io.BytesIO(value[5:]), schema, None)


def meta(record, ticket=NIL):
    return {
        "event_id": uuid.uuid4().bytes,
        "ticket_id": ticket.bytes,
        "cause": NIL.bytes,
        "occurred_at": int(time.time() * 1000),
        "schema_version": WRITES[record],
    }


# Sending.


def producer():
    return Producer(
        {
            "bootstrap.servers": BOOTSTRAP,
            # Kafka's own; librdkafka's default is CRC32, and a record in a foreign partition is a dead letter.
            "partitioner": "murmur2_random",
            "acks": "all",
            "enable.idempotence": True,
            "max.in.flight.requests.per.connection": 1,
        }
    )


def send(sender, topic, key, value):
    """Returns once the broker has it. The same bytes may be sent again as often as needed: they take effect once."""
    for _ in range(5):
        reports = []
        sender.produce(topic, key=key, value=value, on_delivery=lambda error, message: reports.append((error, message)))
        sender.flush(WAIT_S)
        if not reports:
            raise TimeoutError(f"{topic}: no report for {WAIT_S} s")
        error, message = reports[0]
        if error is not None and not error.retriable():
            raise KafkaException(error)
        # Without an offset it is not known whether the record is there.
        if error is None and message.offset() is not None and message.offset() >= 0:
            return
    raise TimeoutError(f"{topic}: the broker did not confirm key {key}")


# Reading.


def answers(schemas, consumer, ticket):
    """Answers to this request, each once, until the last one."""
    seen = set()
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        if message.key() != str(ticket).encode():
            continue
        record, value = decode(schemas, message.value())
        event_id = value["meta"]["event_id"]
        if event_id in seen:
            continue
        seen.add(event_id)
        yield record, value
        if record in ("Completed", "Failed", "Rejected"):
            return
    raise TimeoutError(f"no outcome within {WAIT_S} s")


def main(request_id):
    schemas, sender = Schemas(), producer()
    consumer = Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": REQUESTER,
            "isolation.level": "read_committed",
            # An answer may come before the group is ready.
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["order-replies.v1"])

    # Stock first: when the item is registered, orders that wait for it find it in stock.
    item_id = f"{REQUESTER}-lamp"
    for record, fields in [
        ("ReceiveStock", {"quantity": 100}),
        ("RegisterItem", {"name": "Lamp", "unit_price_minor": 1999, "currency": "EUR"}),
    ]:
        command = {"meta": meta(record), "item_id": item_id, "request_id": f"{record}-1", "requester": REQUESTER}
        value = encode(schemas, "item-commands.v1", record, command | fields)
        send(sender, "item-commands.v1", item_id, value)

    ticket = ticket_of(REQUESTER, request_id)
    order = {
        "meta": meta("PlaceOrder", ticket),
        "order_id": str(ticket),
        "request_id": request_id,
        "requester": REQUESTER,
        "reply_to": "order-replies.v1",
        "customer_id": "customer-1",
        "lines": [{"line_no": 1, "item_id": item_id, "quantity": 3}],
        "wait_until": None,
    }
    value = encode(schemas, "order-commands.v1", "PlaceOrder", order)
    print(f"ticket {ticket}", flush=True)
    send(sender, "order-commands.v1", str(ticket), value)

    record = None
    try:
        for record, value in answers(schemas, consumer, ticket):
            fields = {name: field for name, field in value.items() if name != "meta"}
            print(record, json.dumps(fields), flush=True)
    finally:
        consumer.close()
    return 0 if record == "Completed" else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: client.py REQUEST_ID")
    sys.exit(main(sys.argv[1]))
