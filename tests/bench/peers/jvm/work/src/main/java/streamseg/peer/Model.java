package streamseg.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;

/** The snapshot that the benchmark published: scale, centres and segment ids. */
public final class Model {
    final long version;
    final String[] segments;
    private final double[][] centres;
    private final boolean[] skewed;
    private final double[] mean;
    private final double[] deviation;
    private final double bound;

    /** Reads a snapshot. Throws an IOException when it is no JSON. */
    public Model(byte[] snapshot) throws IOException {
        JsonNode read = new JsonMapper().readTree(snapshot);
        version = read.get("version").longValue();
        segments = new String[read.get("segments").size()];
        centres = new double[segments.length][];
        for (int i = 0; i < segments.length; i++) {
            segments[i] = read.get("segments").get(i).textValue();
            centres[i] = numbers(read.get("centres").get(i));
        }
        skewed = new boolean[Features.COUNT];
        for (int i = 0; i < Features.COUNT; i++) {
            skewed[i] = read.get("skewed").get(i).booleanValue();
        }
        JsonNode scale = read.get("scale");
        mean = numbers(scale.get("mean"));
        deviation = numbers(scale.get("variance"));
        for (int i = 0; i < deviation.length; i++) {
            deviation[i] = Math.sqrt(deviation[i]);
        }
        bound = scale.hasNonNull("bound") ? scale.get("bound").doubleValue() : Double.POSITIVE_INFINITY;
    }

    /** Scales features in place and writes the distance to every centre into {@code distances}. */
    void measure(double[] values, double[] distances) {
        for (int i = 0; i < values.length; i++) {
            double logged = skewed[i] ? Math.log1p(Math.max(values[i], 0.0)) : values[i];
            double scaled = deviation[i] == 0 ? 0.0 : (logged - mean[i]) / deviation[i];
            values[i] = Math.max(-bound, Math.min(bound, scaled));
        }
        for (int k = 0; k < centres.length; k++) {
            double squared = 0.0;
            for (int i = 0; i < values.length; i++) {
                double apart = values[i] - centres[k][i];
                squared += apart * apart;
            }
            distances[k] = Math.sqrt(squared);
        }
    }

    private static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).doubleValue();
        }
        return values;
    }
}
