package streamseg.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Takes clicks from standard input, one a line, and prints each customer as JSON: a test compares it with Python. */
public final class Replay {
    private record State(String customer, long events, double[] sums, double[] features, String membership) {}

    private Replay() {}

    /** Arguments: file of the snapshot, present time in epoch seconds. */
    public static void main(String[] given) throws IOException {
        Work work = new Work(new Model(Files.readAllBytes(Path.of(given[0]))));
        double now = Double.parseDouble(given[1]);
        ClickReader reader = new ClickReader();
        CustomerBytes bytes = new CustomerBytes();
        Map<String, byte[]> customers = new LinkedHashMap<>();
        Map<String, byte[]> memberships = new LinkedHashMap<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Click click = reader.read(line.getBytes(UTF_8));
            byte[] stored = customers.get(click.customerId());
            Customer customer = stored == null ? new Customer() : CustomerBytes.read(stored);
            Work.Outcome outcome = work.take(customer, click, ClickReader.secondsOf(click), now);
            if (outcome == null) {
                continue;
            }
            customers.put(click.customerId(), bytes.write(customer));
            if (outcome.membership() != null) {
                memberships.put(click.customerId(), outcome.membership());
            }
        }
        ObjectWriter writer = new JsonMapper().writerFor(State.class);
        for (Map.Entry<String, byte[]> one : customers.entrySet()) {
            Customer customer = CustomerBytes.read(one.getValue());
            double[] features = new double[Features.COUNT];
            Features.fill(features, customer, now);
            String membership = new String(memberships.get(one.getKey()), UTF_8);
            System.out.println(writer.writeValueAsString(
                    new State(one.getKey(), customer.events, customer.sums, features, membership)));
        }
    }
}
