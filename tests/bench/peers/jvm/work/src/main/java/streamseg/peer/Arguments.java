package streamseg.peer;

import java.io.IOException;
import java.io.Serializable;

/** What the benchmark tells a peer on its command line. */
public record Arguments(
        String bootstrap,
        String redisUrl,
        String group,
        String topic,
        String folder,
        String store,
        String memberships,
        String modelKey,
        RedisOutput.Names names)
        implements Serializable {

    public static Arguments of(String[] given) {
        return new Arguments(
                given[0], given[1], given[2], given[3], given[4], given[5], given[6], given[7],
                new RedisOutput.Names(given[8], given[9], given[10]));
    }

    /** Reads the model that the benchmark published. */
    public Model model() throws IOException {
        return new Model(RedisOutput.read(redisUrl, modelKey, "snapshot"));
    }

    public RedisOutput output() {
        return new RedisOutput(redisUrl, names);
    }
}
