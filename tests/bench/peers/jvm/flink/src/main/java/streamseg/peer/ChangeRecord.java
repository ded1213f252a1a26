package streamseg.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Makes a record of the memberships topic from a customer id and its change. */
final class ChangeRecord implements KafkaRecordSerializationSchema<Tuple2<String, byte[]>> {
    private static final long serialVersionUID = 1L;

    private final String topic;

    ChangeRecord(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Tuple2<String, byte[]> change, KafkaSinkContext context, Long at) {
        return new ProducerRecord<>(topic, change.f0.getBytes(UTF_8), change.f1);
    }
}
