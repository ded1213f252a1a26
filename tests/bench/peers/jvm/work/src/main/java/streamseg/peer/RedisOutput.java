package streamseg.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;

/** Writes rows and memberships to Redis in one pipeline per flush, the latest of each customer only. */
public final class RedisOutput implements AutoCloseable {
    private static final long MEMBERSHIP_SECONDS = 30 * 86_400L;
    private static final int MOST_ROWS = 4_000;

    private final Jedis jedis;
    private final Names names;
    private final Map<String, byte[]> rows = new HashMap<>();
    private final Map<String, byte[]> memberships = new HashMap<>();
    private long done;

    /** Names of keys; `done` counts the events whose effect is in Redis. */
    public record Names(String row, String membership, String done) implements java.io.Serializable {}

    public RedisOutput(String url, Names names) {
        this.jedis = new Jedis(URI.create(url));
        this.names = names;
    }

    /** Keeps what one event wrote until the next flush; {@code row} and {@code membership} are null for nothing new. */
    public void add(String customer, byte[] row, byte[] membership) {
        done++;
        if (row != null) {
            rows.put(customer, row);
        }
        if (membership != null) {
            memberships.put(customer, membership);
        }
        if (rows.size() >= MOST_ROWS) {
            flush();
        }
    }

    /** Writes what was kept, and waits until Redis has it. */
    public void flush() {
        if (done == 0) {
            return;
        }
        Pipeline pipeline = jedis.pipelined();
        rows.forEach((customer, row) -> pipeline.set((names.row() + customer).getBytes(UTF_8), row));
        memberships.forEach((customer, membership) ->
                pipeline.setex((names.membership() + customer).getBytes(UTF_8), MEMBERSHIP_SECONDS, membership));
        pipeline.incrBy(names.done(), done);
        pipeline.syncAndReturnAll().forEach(answer -> {
            if (answer instanceof RuntimeException refused) {
                throw refused;
            }
        });
        rows.clear();
        memberships.clear();
        done = 0;
    }

    /** Reads a field of a hash. */
    public static byte[] read(String url, String key, String field) {
        try (Jedis jedis = new Jedis(URI.create(url))) {
            return jedis.hget(key.getBytes(UTF_8), field.getBytes(UTF_8));
        }
    }

    @Override
    public void close() {
        jedis.close();
    }
}
