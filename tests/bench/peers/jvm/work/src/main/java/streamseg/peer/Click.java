package streamseg.peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** A click as a shop sends it; fields that the features do not use are passed over. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Click(
        @JsonProperty(value = "event_id", required = true) String eventId,
        @JsonProperty(value = "customer_id", required = true) String customerId,
        @JsonProperty(value = "occurred_at", required = true) String occurredAt,
        @JsonProperty(value = "event_name", required = true) String eventName,
        @JsonProperty("device_category") String deviceCategory,
        @JsonProperty("items") List<Item> items) {

    /** One item of a click. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Item(@JsonProperty("item_category") String category, @JsonProperty("price") Double price) {}
}
