package streamseg.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.io.JsonStringEncoder;

/** All the work of one click: features, assignment, membership string, change record. Not for several threads. */
public final class Work {
    private static final double MARGIN = 0.05;
    private static final int LOOKS = 2;
    private static final long REFRESH_SECONDS = 43_200;

    private final Model model;
    private final double[] values = new double[Features.COUNT];
    private final double[] distances;
    private final StringBuilder text = new StringBuilder();
    private final JsonStringEncoder encoder = JsonStringEncoder.getInstance();

    /** What has to be written beside the row; null for what need not be. */
    public record Outcome(byte[] membership, byte[] change) {}

    private static final Outcome ROW_ONLY = new Outcome(null, null);

    public Work(Model model) {
        this.model = model;
        this.distances = new double[model.segments.length];
    }

    /** Adds a click of epoch second {@code at} to its customer and assigns it. Returns null for a duplicate. */
    public Outcome take(Customer customer, Click click, double at, double now) {
        if (!customer.add(click, at)) {
            return null;
        }
        String before = customer.segment;
        boolean moved = settle(customer, now);
        if (!moved && now - customer.publishedAt <= REFRESH_SECONDS) {
            return ROW_ONLY;
        }
        customer.sequence++;
        customer.publishedAt = (long) now;
        String membership = membership(click.customerId(), customer, now);
        byte[] change = moved ? change(membership, before, customer.segment).getBytes(UTF_8) : null;
        return new Outcome(membership.getBytes(UTF_8), change);
    }

    /** Moves the customer by margin and looks. Returns whether it moved. */
    private boolean settle(Customer customer, double now) {
        Features.fill(values, customer, now);
        model.measure(values, distances);
        int nearest = 0;
        double second = Double.POSITIVE_INFINITY;
        double own = Double.POSITIVE_INFINITY;
        for (int k = 0; k < distances.length; k++) {
            if (model.segments[k].equals(customer.segment)) {
                own = distances[k];
            }
            if (k > 0 && distances[k] < distances[nearest]) {
                second = distances[nearest];
                nearest = k;
            } else if (k > 0) {
                second = Math.min(second, distances[k]);
            }
        }
        customer.score = Math.round(Math.max(0.0, 1.0 - distances[nearest] / second) * 100) / 100.0;
        String found = model.segments[nearest];
        if (found.equals(customer.segment) || distances[nearest] > own * (1 - MARGIN)) {
            customer.candidate = "";
            customer.streak = 0;
            return false;
        }
        customer.streak = customer.candidate.equals(found) ? customer.streak + 1 : 1;
        customer.candidate = found;
        if (!customer.segment.isEmpty() && customer.streak < LOOKS) {
            return false;
        }
        customer.segment = found;
        customer.candidate = "";
        customer.streak = 0;
        customer.since = (long) now;
        return true;
    }

    private String membership(String customerId, Customer customer, double now) {
        text.setLength(0);
        text.append("{\"v\":1,\"customer_id\":\"");
        encoder.quoteAsString(customerId, text);
        text.append("\",\"epoch\":1,\"seq\":").append(customer.sequence);
        text.append(",\"as_of\":").append((long) now);
        text.append(",\"model\":{\"behaviour\":").append(model.version);
        text.append("},\"segments\":{\"behaviour\":{\"id\":\"").append(customer.segment);
        text.append("\",\"since\":").append(customer.since).append(",\"score\":").append(customer.score);
        return text.append("}},\"consent\":{\"ads\":false,\"personalisation\":true}}").toString();
    }

    private String change(String membership, String before, String after) {
        text.setLength(0);
        text.append("{\"membership\":\"");
        encoder.quoteAsString(membership, text);
        text.append("\",\"changes\":[");
        if (!before.isEmpty()) {
            one(before, "exited");
            text.append(',');
        }
        one(after, "entered");
        return text.append("]}").toString();
    }

    private void one(String segment, String change) {
        text.append("{\"segmentation\":\"behaviour\",\"segment\":\"").append(segment);
        text.append("\",\"change\":\"").append(change).append("\"}");
    }
}
