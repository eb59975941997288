import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.Incompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityResult;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;

/**
 * What Apache's Avro says of each pair: JSON lines {"name", "reader", "writer"} in, one answer line each out:
 * {"name", "compatible", "errors"}, or {"name", "error"} where Avro throws.
 */
public final class Compat {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (!line.isBlank()) {
        out.print(JSON.writeValueAsString(answer(JSON.readTree(line))) + "\n");
      }
      if (!in.ready()) {
        out.flush();
      }
    }
    out.flush();
  }

  private static ObjectNode answer(JsonNode pair) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("name", pair.get("name"));
    try {
      Schema reader = schema(pair.get("reader"));
      Schema writer = schema(pair.get("writer"));
      SchemaCompatibilityResult result =
          SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult();
      answer.put("compatible", result.getCompatibility() == SchemaCompatibilityType.COMPATIBLE);
      ArrayNode errors = answer.putArray("errors");
      for (Incompatibility found : result.getIncompatibilities()) {
        ObjectNode error = errors.addObject();
        error.put("type", found.getType().name());
        error.put("path", found.getLocation());
        error.put("message", found.getMessage());
      }
    } catch (RuntimeException | StackOverflowError e) {
      answer.put("error", e.getClass().getSimpleName() + ": " + e.getMessage());
    }
    return answer;
  }

  /** A JSON value that is a schema, or a text that holds one; a text that is no JSON is a type's name. */
  private static Schema schema(JsonNode given) {
    if (given == null) {
      throw new IllegalArgumentException("no schema");
    }
    String text = given.isTextual() ? given.textValue().trim() : "";
    boolean holds = !text.isEmpty() && "{[\"/".indexOf(text.charAt(0)) >= 0;
    return new Schema.Parser().parse(holds ? given.textValue() : given.toString());
  }
}
