package streamseg.peer;

import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple3;

/** Writes rows and memberships to Redis every 20 ms, and before each checkpoint. */
final class RedisSink implements Sink<Tuple3<String, byte[], byte[]>> {
    private static final long serialVersionUID = 1L;
    private static final long BETWEEN_FLUSHES_MS = 20;

    private final Arguments arguments;

    RedisSink(Arguments arguments) {
        this.arguments = arguments;
    }

    @Override
    public SinkWriter<Tuple3<String, byte[], byte[]>> createWriter(WriterInitContext context) {
        return new Writer(arguments.output(), context.getProcessingTimeService());
    }

    private static final class Writer implements SinkWriter<Tuple3<String, byte[], byte[]>> {
        private final RedisOutput output;
        private final ProcessingTimeService clock;

        Writer(RedisOutput output, ProcessingTimeService clock) {
            this.output = output;
            this.clock = clock;
            flushLater();
        }

        @Override
        public void write(Tuple3<String, byte[], byte[]> kept, Context context) {
            output.add(kept.f0, kept.f1.length == 0 ? null : kept.f1, kept.f2.length == 0 ? null : kept.f2);
        }

        @Override
        public void flush(boolean endOfInput) {
            output.flush();
        }

        @Override
        public void close() {
            output.close();
        }

        private void flushLater() {
            clock.registerTimer(clock.getCurrentProcessingTime() + BETWEEN_FLUSHES_MS, now -> {
                output.flush();
                flushLater();
            });
        }
    }
}
