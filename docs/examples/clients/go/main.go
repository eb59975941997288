// Registers an item, places an order for it and waits for the outcome: franz-go, hamba/avro and docs/CLIENTS.md.
//
//	client REQUEST_ID
//
// Environment: BOOTSTRAP, SCHEMAS (the folder schemas/released), REGISTRY (where the flow runs with one: its ids count
// then), REQUESTER (who asks; also the consumer group).
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The version that this client writes of each record. A newer release does not change what it sends.
const version = "1.0.0"
const wait = 60 * time.Second

var (
	released  = setting("SCHEMAS", "schemas/released")
	registry  = os.Getenv("REGISTRY")
	requester = setting("REQUESTER", "shop")
	tickets   = uuid.MustParse("6f726465-7266-4c6f-b701-7469636b6574")
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func ticketOf(requester, requestID string) uuid.UUID {
	return uuid.NewSHA1(tickets, []byte(requester+"\x00"+requestID))
}

type meta struct {
	EventID       [16]byte  `avro:"event_id"`
	TicketID      [16]byte  `avro:"ticket_id"`
	Cause         [16]byte  `avro:"cause"`
	OccurredAt    time.Time `avro:"occurred_at"`
	SchemaVersion string    `avro:"schema_version"`
}

type receiveStock struct {
	Meta      meta   `avro:"meta"`
	ItemID    string `avro:"item_id"`
	RequestID string `avro:"request_id"`
	Requester string `avro:"requester"`
	Quantity  int64  `avro:"quantity"`
}

type registerItem struct {
	Meta           meta   `avro:"meta"`
	ItemID         string `avro:"item_id"`
	RequestID      string `avro:"request_id"`
	Requester      string `avro:"requester"`
	Name           string `avro:"name"`
	UnitPriceMinor int64  `avro:"unit_price_minor"`
	Currency       string `avro:"currency"`
}

type line struct {
	LineNo   int    `avro:"line_no"`
	ItemID   string `avro:"item_id"`
	Quantity int64  `avro:"quantity"`
}

type placeOrder struct {
	Meta       meta       `avro:"meta"`
	OrderID    string     `avro:"order_id"`
	RequestID  string     `avro:"request_id"`
	Requester  string     `avro:"requester"`
	ReplyTo    string     `avro:"reply_to"`
	CustomerID string     `avro:"customer_id"`
	Lines      []line     `avro:"lines"`
	WaitUntil  *time.Time `avro:"wait_until"`
}

func newMeta(ticket uuid.UUID) meta {
	return meta{EventID: uuid.New(), TicketID: ticket, OccurredAt: time.Now(), SchemaVersion: version}
}

// Schemas. Each released file is complete in itself, so each is parsed with names of its own.

func parse(text []byte) (*avro.RecordSchema, error) {
	schema, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, err
	}
	record, ok := schema.(*avro.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("%s is no record", schema.Type())
	}
	return record, nil
}

func askRegistry(path string, body, answer any) error {
	method, data := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		data, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, registry+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, said)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

type release struct {
	ID      uint32
	Record  string
	Version string
}

func locked() ([]release, error) {
	text, err := os.ReadFile(filepath.Join(released, "local.lock.json"))
	if err != nil {
		return nil, err
	}
	var all []release
	return all, json.Unmarshal(text, &all)
}

func file(record, version string) ([]byte, error) {
	return os.ReadFile(filepath.Join(released, record, version+".avsc"))
}

// toWrite returns the id that stands for our version of a record, and the schema.
func toWrite(topic, record string) (uint32, *avro.RecordSchema, error) {
	text, err := file(record, version)
	if err != nil {
		return 0, nil, err
	}
	schema, err := parse(text)
	if err != nil {
		return 0, nil, err
	}
	if registry != "" {
		// Asks which id exactly this schema has; it registers nothing.
		var found struct{ ID uint32 }
		subject := topic + "-" + schema.FullName()
		err := askRegistry("/subjects/"+subject, map[string]string{"schema": string(text)}, &found)
		return found.ID, schema, err
	}
	all, err := locked()
	if err != nil {
		return 0, nil, err
	}
	for _, entry := range all {
		if entry.Record == record && entry.Version == version {
			return entry.ID, schema, nil
		}
	}
	return 0, nil, fmt.Errorf("%s %s was not released", record, version)
}

// toRead returns the schema that a record was written with, whatever its version.
func toRead(id uint32) (*avro.RecordSchema, error) {
	if registry != "" {
		var found struct{ Schema string }
		if err := askRegistry(fmt.Sprintf("/schemas/ids/%d", id), nil, &found); err != nil {
			return nil, err
		}
		return parse([]byte(found.Schema))
	}
	all, err := locked()
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		if entry.ID == id {
			text, err := file(entry.Record, entry.Version)
			if err != nil {
				return nil, err
			}
			return parse(text)
		}
	}
	return nil, fmt.Errorf("no schema has the id %d", id)
}

// Framing: a zero byte, the schema id as four bytes, big endian, and one Avro datum.

func encode(topic, record string, value any) ([]byte, error) {
	id, schema, err := toWrite(topic, record)
	if err != nil {
		return nil, err
	}
	datum, err := avro.Marshal(schema, value)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), datum...), nil
}

func decode(schemas map[uint32]*avro.RecordSchema, value []byte) (string, map[string]any, error) {
	if len(value) < 5 || value[0] != 0 {
		return "", nil, errors.New("not framed")
	}
	id := binary.BigEndian.Uint32(value[1:5])
	if schemas[id] == nil {
		schema, err := toRead(id)
		if err != nil {
			return "", nil, err
		}
		schemas[id] = schema
	}
	fields := map[string]any{}
	err := avro.Unmarshal(schemas[id], value[5:], &fields)
	return schemas[id].Name(), fields, err
}

// send returns once the broker has it. One record at a time: the next batch leaves when this one is confirmed. The same
// bytes may be sent again as often as needed; they take effect once.
func send(ctx context.Context, client *kgo.Client, topic, key, record string, fields any) error {
	value, err := encode(topic, record, fields)
	if err != nil {
		return err
	}
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(key), Value: value}).FirstErr()
}

// answers prints each answer to this request once and returns the name of the last.
func answers(ctx context.Context, client *kgo.Client, ticket string) (string, error) {
	schemas, seen := map[uint32]*avro.RecordSchema{}, map[any]bool{}
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return "", err
		}
		for _, message := range fetches.Records() {
			if string(message.Key) != ticket {
				continue
			}
			record, fields, err := decode(schemas, message.Value)
			if err != nil {
				return "", err
			}
			eventID := fields["meta"].(map[string]any)["event_id"]
			if seen[eventID] {
				continue
			}
			seen[eventID] = true
			delete(fields, "meta")
			text, _ := json.Marshal(fields)
			fmt.Println(record, string(text))
			if record == "Completed" || record == "Failed" || record == "Rejected" {
				return record, client.CommitUncommittedOffsets(ctx)
			}
		}
	}
}

func run(requestID string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("BOOTSTRAP", "127.0.0.1:9092"), ",")...),
		// Keys fall into partitions by Kafka's own murmur2; this is also franz-go's default.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ConsumerGroup(requester),
		kgo.ConsumeTopics("order-replies.v1"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// An answer may come before the group is ready.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return "", err
	}
	defer client.Close()

	// Stock first: when the item is registered, orders that wait for it find it in stock.
	itemID := requester + "-lamp"
	stock := receiveStock{newMeta(uuid.Nil), itemID, "ReceiveStock-1", requester, 100}
	if err := send(ctx, client, "item-commands.v1", itemID, "ReceiveStock", stock); err != nil {
		return "", err
	}
	item := registerItem{newMeta(uuid.Nil), itemID, "RegisterItem-1", requester, "Lamp", 1999, "EUR"}
	if err := send(ctx, client, "item-commands.v1", itemID, "RegisterItem", item); err != nil {
		return "", err
	}

	ticket := ticketOf(requester, requestID)
	order := placeOrder{
		Meta:       newMeta(ticket),
		OrderID:    ticket.String(),
		RequestID:  requestID,
		Requester:  requester,
		ReplyTo:    "order-replies.v1",
		CustomerID: "customer-1",
		Lines:      []line{{1, itemID, 3}},
	}
	fmt.Println("ticket", ticket)
	if err := send(ctx, client, "order-commands.v1", ticket.String(), "PlaceOrder", order); err != nil {
		return "", err
	}
	return answers(ctx, client, ticket.String())
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client REQUEST_ID")
		os.Exit(2)
	}
	record, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if record != "Completed" {
		os.Exit(1)
	}
}
