package streamseg.peer;

import com.ethlo.time.ITU;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.module.blackbird.BlackbirdModule;
import java.io.IOException;
import java.time.OffsetDateTime;
import java.util.Set;

/** Reads and validates clicks: Jackson's data binding with Blackbird, times by ITU, both as their guides advise. */
public final class ClickReader {
    private static final Set<String> DEVICES = Set.of("mobile", "desktop", "tablet", "other");
    private static final int LONGEST_ID = 256;
    private static final double NANOS = 1e9;
    private final ObjectReader reader = JsonMapper.builder()
            .addModule(new BlackbirdModule())
            .build()
            .readerFor(Click.class);

    /** Reads one click. Throws an IOException that names the fault of an invalid one. */
    public Click read(byte[] json) throws IOException {
        Click click = reader.readValue(json);
        length("event_id", click.eventId());
        length("customer_id", click.customerId());
        length("event_name", click.eventName());
        if (click.deviceCategory() != null && !DEVICES.contains(click.deviceCategory())) {
            throw new IOException("device_category is not known");
        }
        return click;
    }

    /** Returns the time of a click in epoch seconds. Throws a DateTimeException when it is no RFC 3339 time. */
    public static double secondsOf(Click click) {
        OffsetDateTime at = ITU.parseDateTime(click.occurredAt());
        return at.toEpochSecond() + at.getNano() / NANOS;
    }

    private static void length(String field, String value) throws IOException {
        if (value == null || value.isEmpty() || value.length() > LONGEST_ID) {
            throw new IOException(field + " must have 1 to " + LONGEST_ID + " characters");
        }
    }
}
