package streamseg.peer;

import java.util.List;
import java.util.Map;

/** The decayed sums of a customer, in stored order, and what a click adds to them. */
final class Sums {
    static final List<String> NAMES = List.of(
            "clicks", "sessions", "views", "lists", "searches", "carts", "removals", "wishes", "checkouts",
            "lines_browsed", "price_browsed", "mobile", "desktop", "tablet", "devices", "purchases", "refunds",
            "spend", "order_log", "order_log_squared", "items", "coupons", "lines_bought", "price_bought", "discount",
            "category_other", "recent_clicks", "recent_sessions", "recent_views", "recent_carts", "recent_purchases",
            "recent_spend");
    static final int COUNT = NAMES.size();
    /** Sums from here on have the shorter half-life. */
    static final int FIRST_RECENT = NAMES.indexOf("recent_clicks");

    static final int CLICKS = NAMES.indexOf("clicks");
    static final int VIEWS = NAMES.indexOf("views");
    static final int CARTS = NAMES.indexOf("carts");
    static final int SESSIONS = NAMES.indexOf("sessions");
    static final int PURCHASES = NAMES.indexOf("purchases");
    static final int SPEND = NAMES.indexOf("spend");
    static final int ITEMS = NAMES.indexOf("items");
    static final int DEVICES = NAMES.indexOf("devices");
    static final int LINES_BROWSED = NAMES.indexOf("lines_browsed");
    static final int PRICE_BROWSED = NAMES.indexOf("price_browsed");
    static final int LINES_BOUGHT = NAMES.indexOf("lines_bought");
    static final int PRICE_BOUGHT = NAMES.indexOf("price_bought");
    static final int DISCOUNT = NAMES.indexOf("discount");
    static final int ORDER_LOG = NAMES.indexOf("order_log");
    static final int CATEGORY_OTHER = NAMES.indexOf("category_other");

    private static final Map<String, Integer> OF_CLICK = Map.of(
            "session_start", SESSIONS,
            "view_item", VIEWS,
            "view_item_list", NAMES.indexOf("lists"),
            "select_item", NAMES.indexOf("lists"),
            "search", NAMES.indexOf("searches"),
            "view_search_results", NAMES.indexOf("searches"),
            "add_to_cart", CARTS,
            "remove_from_cart", NAMES.indexOf("removals"),
            "add_to_wishlist", NAMES.indexOf("wishes"),
            "begin_checkout", NAMES.indexOf("checkouts"));
    private static final Map<String, Integer> OF_DEVICE = Map.of(
            "mobile", NAMES.indexOf("mobile"),
            "desktop", NAMES.indexOf("desktop"),
            "tablet", NAMES.indexOf("tablet"));
    /** Per sum, the same with the shorter half-life; -1 where there is none. */
    private static final int[] RECENT = NAMES.stream()
            .mapToInt(name -> NAMES.indexOf("recent_" + name))
            .toArray();

    private Sums() {}

    /** Adds a click to the sums, of which those of either half-life weigh as given. */
    static void add(double[] sums, Click click, double habit, double recent) {
        one(sums, CLICKS, habit, recent);
        if (click.deviceCategory() != null) {
            sums[DEVICES] += habit;
            Integer device = OF_DEVICE.get(click.deviceCategory());
            if (device != null) {
                sums[device] += habit;
            }
        }
        Integer count = OF_CLICK.get(click.eventName());
        if (count == null) {
            return;
        }
        one(sums, count, habit, recent);
        if ((count == VIEWS || count == CARTS) && click.items() != null) {
            for (Click.Item item : click.items()) {
                if (item.category() != null && !item.category().isEmpty()) {
                    sums[CATEGORY_OTHER] += habit;
                }
                if (item.price() != null) {
                    sums[LINES_BROWSED] += habit;
                    sums[PRICE_BROWSED] += habit * Math.log1p(item.price());
                }
            }
        }
    }

    private static void one(double[] sums, int sum, double habit, double recent) {
        sums[sum] += habit;
        if (RECENT[sum] >= 0) {
            sums[RECENT[sum]] += recent;
        }
    }
}
