/*
 * A booking out of a row of PostgreSQL, and as JSON.
 */
#include "domain/booking.h"

#include <inttypes.h>

#include "domain/filter_parts.h"
#include "queries.h"

/*
 * "2026-11-21 19:00:00.12+00" of PostgreSQL, whose connections are in UTC, as RFC 3339 with
 * milliseconds; NULL stays NULL.
 */
static const char *
time_text(struct arena *arena, const char *text)
{
	char fraction[] = "000";

	if (!text || strlen(text) < 19)
		return NULL;
	for (size_t i = 0; text[19] == '.' && i < 3 && text[20 + i] >= '0' && text[20 + i] <= '9';
		i++)
		fraction[i] = text[20 + i];
	return arena_printf(arena, "%.10sT%.8s.%sZ", text, text + 11, fraction);
}

/* The same as milliseconds since 1970; 0 for NULL. */
static int64_t
time_ms(struct arena *arena, const char *text)
{
	const char *rfc3339 = time_text(arena, text);
	struct tm tm = { 0 };
	char *rest = rfc3339 ? strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	return rest ? (int64_t)timegm(&tm) * 1000 + strtol(rest + 1, NULL, 10) : 0;
}

void
booking_read(struct arena *arena, const struct pg_rows *rows, int row, struct booking *out)
{
	const char **seat, **section, **price, **ga, **quantity, **ga_price;
	size_t seats = 0, sections = 0;

	if (pg_text(rows, row, BOOKING_GET_SEAT_IDS)) {
		seats = pg_array_read(arena, pg_text(rows, row, BOOKING_GET_SEAT_IDS), &seat);
		pg_array_read(arena, pg_text(rows, row, BOOKING_GET_SEAT_SECTION_IDS), &section);
		pg_array_read(arena, pg_text(rows, row, BOOKING_GET_SEAT_PRICES), &price);
	}
	if (pg_text(rows, row, BOOKING_GET_SECTION_IDS)) {
		sections = pg_array_read(arena, pg_text(rows, row, BOOKING_GET_SECTION_IDS), &ga);
		pg_array_read(arena, pg_text(rows, row, BOOKING_GET_QUANTITIES), &quantity);
		pg_array_read(arena, pg_text(rows, row, BOOKING_GET_SECTION_PRICES), &ga_price);
	}
	*out = (struct booking){
		.booking_id = pg_text(rows, row, BOOKING_GET_BOOKING_ID),
		.event_id = pg_text(rows, row, BOOKING_GET_EVENT_ID),
		.status = pg_text(rows, row, BOOKING_GET_STATUS),
		.items = ARENA_ARRAY(arena, struct booking_item, seats + sections + 1),
		.items_count = seats + sections,
		.total = pg_int(rows, row, BOOKING_GET_TOTAL),
		.currency = pg_text(rows, row, BOOKING_GET_CURRENCY),
		.expires_at = time_text(arena, pg_text(rows, row, BOOKING_GET_EXPIRES_AT)),
		.created_at = time_text(arena, pg_text(rows, row, BOOKING_GET_CREATED_AT)),
		.confirmed_at = time_text(arena, pg_text(rows, row, BOOKING_GET_CONFIRMED_AT)),
		.cancelled_at = time_text(arena, pg_text(rows, row, BOOKING_GET_CANCELLED_AT)),
		.payment = pg_text(rows, row, BOOKING_GET_PAYMENT),
		.version = pg_int(rows, row, BOOKING_GET_VERSION),
		.expires_ms = time_ms(arena, pg_text(rows, row, BOOKING_GET_EXPIRES_AT)),
	};
	for (size_t i = 0; i < seats; i++)
		out->items[i] = (struct booking_item){ section[i], seat[i], 1,
			strtoll(price[i], NULL, 10) };
	for (size_t i = 0; i < sections; i++)
		out->items[seats + i] = (struct booking_item){ ga[i], NULL,
			strtoll(quantity[i], NULL, 10), strtoll(ga_price[i], NULL, 10) };
}

struct filter_entry
booking_entry(struct arena *arena, const struct pg_rows *rows, int row, int32_t event_id,
	const char *user_id)
{
	const char *status = pg_text(rows, row, BOOKING_GET_STATUS);

	return (struct filter_entry){
		.event_id = event_id,
		.booking_id = pg_text(rows, row, BOOKING_GET_BOOKING_ID),
		.user_id = user_id,
		.state = str_equal(status, "HOLD")       ? 'h'
			 : str_equal(status, "RESERVED") ? 'r'
							 : 'b',
		.deadline_ms = str_equal(status, "CONFIRMED")
				       ? -1
				       : time_ms(arena, pg_text(rows, row, BOOKING_GET_EXPIRES_AT)),
		.positions = filter_positions(arena, pg_text(rows, row, BOOKING_GET_POSITIONS)),
		.sections = filter_sections(arena, pg_text(rows, row, BOOKING_GET_SECTION_IDS),
			pg_text(rows, row, BOOKING_GET_QUANTITIES)),
	};
}

static void
write_item(struct str *out, const struct booking_item *item)
{
	str_add(out, "{\"section_id\":");
	str_add_json(out, item->section_id);
	str_add(out, ",\"seat_id\":");
	str_add_json(out, item->seat_id);
	str_printf(out,
		",\"quantity\":%" PRId64 ",\"unit_price\":%" PRId64 ",\"amount\":%" PRId64 "}",
		item->quantity, item->unit_price, item->quantity * item->unit_price);
}

static void
write_text(struct str *out, const char *name, const char *value)
{
	str_add(out, name);
	str_add_json(out, value);
}

void
booking_write_members(struct str *out, const struct booking *booking)
{
	write_text(out, "\"booking_id\":", booking->booking_id);
	write_text(out, ",\"event_id\":", booking->event_id);
	write_text(out, ",\"status\":", booking->status);
	str_add(out, ",\"items\":[");
	for (size_t i = 0; i < booking->items_count; i++) {
		if (i > 0)
			str_add_char(out, ',');
		write_item(out, &booking->items[i]);
	}
	str_printf(out, "],\"total\":%" PRId64, booking->total);
	write_text(out, ",\"currency\":", booking->currency);
	write_text(out, ",\"expires_at\":", booking->expires_at);
	write_text(out, ",\"created_at\":", booking->created_at);
	write_text(out, ",\"confirmed_at\":", booking->confirmed_at);
	write_text(out, ",\"cancelled_at\":", booking->cancelled_at);
	str_add(out, ",\"payment\":");
	str_add(out, booking->payment ? booking->payment : "null");
	str_printf(out, ",\"version\":%" PRId64, booking->version);
	if (booking->extensions_left)
		str_printf(out, ",\"extensions_left\":%s", booking->extensions_left);
}

void
booking_write(struct str *out, const struct booking *booking)
{
	str_add_char(out, '{');
	booking_write_members(out, booking);
	str_add_char(out, '}');
}
