import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Registers an item, places an order for it and waits for the outcome: kafka-clients, Avro and docs/CLIENTS.md.
 *
 * <p>Argument: the request id. Environment: BOOTSTRAP, SCHEMAS (the folder schemas/released), REGISTRY (where the flow runs
 * with one: its ids count then), REQUESTER (who asks; also the consumer group).
 */
public final class Client {
  private static final String BOOTSTRAP = setting("BOOTSTRAP", "127.0.0.1:9092");
  private static final Path RELEASED = Path.of(setting("SCHEMAS", "schemas/released"));
  private static final String REGISTRY = System.getenv("REGISTRY");
  private static final String REQUESTER = setting("REQUESTER", "shop");
  /** The version that this client writes of each record. A newer release does not change what it sends. */
  private static final String VERSION = "1.0.0";
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final UUID TICKETS = UUID.fromString("6f726465-7266-4c6f-b701-7469636b6574");
  private static final UUID NIL = new UUID(0, 0);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static String setting(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  // UUIDv5 by hand: UUID.nameUUIDFromBytes is version 3.
  static UUID ticketOf(String requester, String requestId) throws Exception {
    MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
    sha1.update(bytes(TICKETS));
    sha1.update((requester + "\0" + requestId).getBytes(StandardCharsets.UTF_8));
    ByteBuffer hash = ByteBuffer.wrap(sha1.digest());
    long high = hash.getLong() & ~0xf000L | 0x5000L;
    long low = hash.getLong() & 0x3fff_ffff_ffff_ffffL | 0x8000_0000_0000_0000L;
    return new UUID(high, low);
  }

  private static byte[] bytes(UUID id) {
    return ByteBuffer.allocate(16)
        .putLong(id.getMostSignificantBits())
        .putLong(id.getLeastSignificantBits())
        .array();
  }

  // Schemas. Each released file is complete in itself, so each has a parser of its own: one parser for all would refuse
  // the second Meta as a redefinition.

  private static Schema parse(String text) {
    return new Schema.Parser().parse(text);
  }

  private static String file(String record, String version) throws IOException {
    return Files.readString(RELEASED.resolve(record).resolve(version + ".avsc"));
  }

  private static JsonNode locked() throws IOException {
    return JSON.readTree(RELEASED.resolve("local.lock.json").toFile());
  }

  private static JsonNode askRegistry(String path, String body) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(REGISTRY + path))
            .timeout(Duration.ofSeconds(30))
            .header("Content-Type", "application/json");
    if (body != null) {
      request.POST(HttpRequest.BodyPublishers.ofString(body));
    }
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException(path + ": " + answer.statusCode() + " " + answer.body());
    }
    return JSON.readTree(answer.body());
  }

  /** The id that stands for our version of a record. */
  private static int idToWrite(String topic, String record) throws IOException, InterruptedException {
    String text = file(record, VERSION);
    if (REGISTRY != null) {
      // Asks which id exactly this schema has; it registers nothing.
      String subject = topic + "-" + parse(text).getFullName();
      String body = JSON.writeValueAsString(Map.of("schema", text));
      return askRegistry("/subjects/" + subject, body).get("id").asInt();
    }
    for (JsonNode entry : locked()) {
      if (entry.get("record").asText().equals(record) && entry.get("version").asText().equals(VERSION)) {
        return entry.get("id").asInt();
      }
    }
    throw new IOException(record + " " + VERSION + " was not released");
  }

  /** The schema that a record was written with, whatever its version. */
  private static Schema schemaToRead(int id) throws IOException, InterruptedException {
    if (REGISTRY != null) {
      return parse(askRegistry("/schemas/ids/" + id, null).get("schema").asText());
    }
    for (JsonNode entry : locked()) {
      if (entry.get("id").asInt() == id) {
        return parse(file(entry.get("record").asText(), entry.get("version").asText()));
      }
    }
    throw new IOException("no schema has the id " + id);
  }

  // Framing: a zero byte, the schema id as four bytes, big endian, and one Avro datum.

  private static byte[] encode(int id, GenericRecord record) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    DataOutputStream frame = new DataOutputStream(out);
    frame.writeByte(0);
    frame.writeInt(id);
    var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
    return out.toByteArray();
  }

  private static GenericRecord decode(Map<Integer, Schema> schemas, byte[] value) throws Exception {
    ByteBuffer frame = ByteBuffer.wrap(value);
    if (value.length < 5 || frame.get() != 0) {
      throw new IOException("not framed");
    }
    int id = frame.getInt();
    if (!schemas.containsKey(id)) {
      schemas.put(id, schemaToRead(id));
    }
    var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    return new GenericDatumReader<GenericRecord>(schemas.get(id)).read(null, decoder);
  }

  private static GenericRecordBuilder command(String record, UUID ticket) throws IOException {
    Schema schema = parse(file(record, VERSION));
    Schema meta = schema.getField("meta").schema();
    Schema uuid = meta.getField("event_id").schema();
    GenericRecord filled =
        new GenericRecordBuilder(meta)
            .set("event_id", new GenericData.Fixed(uuid, bytes(UUID.randomUUID())))
            .set("ticket_id", new GenericData.Fixed(uuid, bytes(ticket)))
            .set("cause", new GenericData.Fixed(uuid, bytes(NIL)))
            .set("occurred_at", System.currentTimeMillis())
            .set("schema_version", VERSION)
            .build();
    return new GenericRecordBuilder(schema).set("meta", filled).set("requester", REQUESTER);
  }

  /** Returns once the broker has it. The same bytes may be sent again as often as needed; they take effect once. */
  private static void send(KafkaProducer<String, byte[]> producer, String topic, String key, GenericRecord record)
      throws Exception {
    byte[] value = encode(idToWrite(topic, record.getSchema().getName()), record);
    for (int attempt = 0; attempt < 5; attempt++) {
      // Without an offset it is not known whether the record is there.
      if (producer.send(new ProducerRecord<>(topic, key, value)).get().hasOffset()) {
        return;
      }
    }
    throw new IOException(topic + ": the broker did not confirm key " + key);
  }

  /** Prints each answer to this request once and returns the name of the last. */
  private static String answers(KafkaConsumer<String, byte[]> consumer, UUID ticket) throws Exception {
    Map<Integer, Schema> schemas = new HashMap<>();
    Set<Object> seen = new HashSet<>();
    long deadline = System.nanoTime() + WAIT.toNanos();
    while (System.nanoTime() < deadline) {
      for (ConsumerRecord<String, byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
        if (!ticket.toString().equals(message.key())) {
          continue;
        }
        GenericRecord value = decode(schemas, message.value());
        GenericRecord meta = (GenericRecord) value.get("meta");
        if (!seen.add(meta.get("event_id"))) {
          continue;
        }
        String record = value.getSchema().getName();
        StringBuilder line = new StringBuilder(record);
        for (Schema.Field field : value.getSchema().getFields()) {
          if (!field.name().equals("meta")) {
            line.append(' ').append(field.name()).append('=').append(value.get(field.name()));
          }
        }
        System.out.println(line);
        if (Set.of("Completed", "Failed", "Rejected").contains(record)) {
          return record;
        }
      }
    }
    throw new IOException("no outcome within " + WAIT);
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 1) {
      System.err.println("usage: Client REQUEST_ID");
      System.exit(2);
    }
    // The partitioner is Kafka's own murmur2 by default; name no other.
    Map<String, Object> sending =
        Map.of(
            "bootstrap.servers", BOOTSTRAP,
            "acks", "all",
            "enable.idempotence", true,
            "max.in.flight.requests.per.connection", 1);
    Map<String, Object> reading =
        Map.of(
            "bootstrap.servers", BOOTSTRAP,
            "group.id", REQUESTER,
            "isolation.level", "read_committed",
            // An answer may come before the group is ready.
            "auto.offset.reset", "earliest");
    String last;
    try (var producer = new KafkaProducer<>(sending, new StringSerializer(), new ByteArraySerializer());
        var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of("order-replies.v1"));
      last = order(producer, consumer, arguments[0]);
    }
    System.exit(last.equals("Completed") ? 0 : 1);
  }

  private static String order(
      KafkaProducer<String, byte[]> producer, KafkaConsumer<String, byte[]> consumer, String requestId)
      throws Exception {
    // Stock first: when the item is registered, orders that wait for it find it in stock.
    String itemId = REQUESTER + "-lamp";
    GenericRecord stock =
        command("ReceiveStock", NIL)
            .set("item_id", itemId)
            .set("request_id", "ReceiveStock-1")
            .set("quantity", 100L)
            .build();
    send(producer, "item-commands.v1", itemId, stock);
    GenericRecord item =
        command("RegisterItem", NIL)
            .set("item_id", itemId)
            .set("request_id", "RegisterItem-1")
            .set("name", "Lamp")
            .set("unit_price_minor", 1999L)
            .set("currency", "EUR")
            .build();
    send(producer, "item-commands.v1", itemId, item);

    UUID ticket = ticketOf(REQUESTER, requestId);
    GenericRecordBuilder order = command("PlaceOrder", ticket);
    Schema lines = parse(file("PlaceOrder", VERSION)).getField("lines").schema();
    GenericRecord line =
        new GenericRecordBuilder(lines.getElementType())
            .set("line_no", 1)
            .set("item_id", itemId)
            .set("quantity", 3L)
            .build();
    order.set("order_id", ticket.toString());
    order.set("request_id", requestId);
    order.set("reply_to", "order-replies.v1");
    order.set("customer_id", "customer-1");
    order.set("lines", List.of(line));
    System.out.println("ticket " + ticket);
    send(producer, "order-commands.v1", ticket.toString(), order.build());
    return answers(consumer, ticket);
  }
}
