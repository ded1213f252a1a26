package streamseg.peer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;

/** The stored form of a customer: the exact counts as text, which the benchmark checks, then numbers in binary. */
public final class CustomerBytes {
    private static final int MOST_BYTES = 1_024;
    private final ByteBuffer buffer = ByteBuffer.allocate(MOST_BYTES);

    /** Writes a customer. */
    public byte[] write(Customer customer) {
        buffer.clear();
        number(customer.events);
        number(customer.transactions);
        number(customer.spendMinor);
        buffer.putDouble(customer.firstSeen).putDouble(customer.lastSeen);
        for (double sum : customer.sums) {
            buffer.putDouble(sum);
        }
        buffer.putLong(customer.visitedDay);
        for (long days : customer.visits) {
            buffer.putLong(days);
        }
        for (long id : customer.eventIds) {
            buffer.putLong(id);
        }
        text(customer.segment);
        text(customer.candidate);
        buffer.putInt(customer.streak).putLong(customer.since).putLong(customer.sequence);
        buffer.putLong(customer.publishedAt).putDouble(customer.score);
        byte[] written = new byte[buffer.position()];
        buffer.flip().get(written);
        return written;
    }

    /** Reads what {@link #write} wrote. */
    public static Customer read(byte[] stored) {
        ByteBuffer from = ByteBuffer.wrap(stored);
        Customer customer = new Customer();
        customer.events = number(from);
        customer.transactions = number(from);
        customer.spendMinor = number(from);
        customer.firstSeen = from.getDouble();
        customer.lastSeen = from.getDouble();
        for (int i = 0; i < Sums.COUNT; i++) {
            customer.sums[i] = from.getDouble();
        }
        customer.visitedDay = from.getLong();
        for (int i = 0; i < Customer.DAY_PARTS; i++) {
            customer.visits[i] = from.getLong();
        }
        for (int i = 0; i < Customer.REMEMBERED_EVENT_IDS; i++) {
            customer.eventIds[i] = from.getLong();
        }
        customer.segment = text(from);
        customer.candidate = text(from);
        customer.streak = from.getInt();
        customer.since = from.getLong();
        customer.sequence = from.getLong();
        customer.publishedAt = from.getLong();
        customer.score = from.getDouble();
        return customer;
    }

    private void number(long value) {
        buffer.put(Long.toString(value).getBytes(ISO_8859_1)).put((byte) ' ');
    }

    private static long number(ByteBuffer from) {
        long value = 0;
        for (byte digit = from.get(); digit != ' '; digit = from.get()) {
            value = value * 10 + (digit - '0');
        }
        return value;
    }

    private void text(String value) {
        byte[] bytes = value.getBytes(ISO_8859_1);
        buffer.put((byte) bytes.length).put(bytes);
    }

    private static String text(ByteBuffer from) {
        byte[] bytes = new byte[from.get()];
        from.get(bytes);
        return bytes.length == 0 ? "" : new String(bytes, ISO_8859_1);
    }
}
