/*
 * Checks the body of a call that makes or changes an event, and writes it out for the database.
 */
#include "domain/event_input.h"

#include "base/clock.h"
#include "domain/price.h"
#include "store/stripe.h"

#define TITLE_MAX       200
#define DESCRIPTION_MAX 10000
#define TIMEZONE_MAX    64
#define VENUE_ID_MAX    20
#define POLICY_MAX      20

struct fields {
	const char *title, *description, *venue_id, *layout, *event_date, *timezone, *sales_start,
		*sales_end, *currency, *status, *payment, *queue;
	const struct json *refund_policy, *pricing, *waiting_room, *sections;
	int64_t hold_seconds, max_seats_per_booking, max_seats_per_user, version;
	bool has_hold_seconds, has_max_seats_per_booking, has_max_seats_per_user, has_version;
};

/* One call of event_input_read(). */
struct reading {
	struct fields in;
	const struct json *body;
	enum layout_use use;
	struct str out;
	struct problem_why *why;
	struct arena *arena;
	enum problem problem;
};

bool
event_time_is_usable(const char *text)
{
	return clock_is_date(text) || clock_is_rfc3339(text);
}

bool
event_venue_read(const char *text, int64_t *out)
{
	return *text >= '1' && *text <= '9' && str_to_int(text, 1, INT32_MAX, out);
}

enum problem
event_refused(enum problem err, struct problem_why *why, struct arena *arena)
{
	const struct json *said, *pointer, *detail;
	const char *ignored;

	if (err != PROBLEM_INVALID || why->errors || !why->extensions)
		return err;
	said = json_parse(arena, why->extensions, strlen(why->extensions), &ignored);
	if (!said || json_kind(said) != JSON_OBJECT)
		return err;
	pointer = json_get(said, "pointer");
	detail = json_get(said, "detail");
	if (!pointer || json_kind(pointer) != JSON_STRING || !detail ||
		json_kind(detail) != JSON_STRING)
		return err;
	why->extensions = NULL;
	why->detail = NULL;
	return problem_at(why, arena, json_string(pointer), "%s", json_string(detail));
}

static void
refuse(struct reading *r, const char *pointer, const char *detail)
{
	r->problem = problem_at(r->why, r->arena, pointer, "%s", detail);
}

/* Begins a member of the object being written. */
static void
add_name(struct reading *r, const char *name)
{
	if (r->out.len > 1)
		str_add_char(&r->out, ',');
	str_add_json(&r->out, name);
	str_add_char(&r->out, ':');
}

static void
add_text(struct reading *r, const char *name, const char *value)
{
	if (!value)
		return;
	add_name(r, name);
	str_add_json(&r->out, value);
}

/* A number; of an event that is there, null takes it back to its default. */
static void
add_int(struct reading *r, const char *name, bool given, int64_t value)
{
	const struct json *member = json_get(r->body, name);
	bool taken_back = r->use == LAYOUT_CHANGES && member && json_kind(member) == JSON_NULL;

	if (!given && !taken_back)
		return;
	add_name(r, name);
	if (given)
		str_add_int(&r->out, value);
	else
		str_add(&r->out, "null");
}

static void
add_time(struct reading *r, const char *name, const char *value)
{
	if (value && !event_time_is_usable(value))
		refuse(r, arena_printf(r->arena, "/%s", name),
			"The time must be as in RFC 3339, or a date.");
	add_text(r, name, value);
}

static void
add_line(struct reading *r, const char *name, const char *value)
{
	if (value && !layout_is_line(value))
		refuse(r, arena_printf(r->arena, "/%s", name),
			"The text must not have control characters.");
	add_text(r, name, value);
}

/* One of a few words. */
static void
add_word(struct reading *r, const char *name, const char *value, const char *const *words)
{
	while (value && *words && strcmp(*words, value) != 0)
		words++;
	if (!*words)
		refuse(r, arena_printf(r->arena, "/%s", name), "There is no such choice.");
	add_text(r, name, value);
}

/* Nobody can pay for an event whose provider is not that of this installation. */
static void
add_payment(struct reading *r, const char *provider, const char *currency)
{
	static const char *const payments[] = { "none", "stripe", NULL };

	add_word(r, "payment", r->in.payment, payments);
	if (str_equal(r->in.payment, "stripe") && !str_equal(provider, "stripe"))
		refuse(r, "/payment", "This is not available in this installation.");
	else if (str_equal(r->in.payment, "stripe") && currency && stripe_counts_whole(currency))
		refuse(r, "/payment", "The payment provider cannot take this currency exactly.");
}

static void
add_venue(struct reading *r)
{
	const struct json *member = json_get(r->body, "venue_id");
	int64_t venue_id = 0;

	if (r->in.venue_id && !event_venue_read(r->in.venue_id, &venue_id)) {
		if (!r->problem)
			r->problem = PROBLEM_NOT_FOUND;
		return;
	}
	if (r->in.venue_id || (member && json_kind(member) == JSON_NULL))
		add_int(r, "venue_id", r->in.venue_id != NULL, venue_id);
	if (r->in.layout && !r->in.venue_id)
		refuse(r, "/layout", "A layout is one of a venue: venue_id is missing.");
	add_text(r, "layout", r->in.layout);
}

static void
add_currency(struct reading *r, const char *fallback)
{
	const char *code = r->in.currency;

	if (code && (strlen(code) != 3 || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
		refuse(r, "/currency", "A currency is three capital letters (ISO 4217).");
	add_text(r, "currency", code || r->use == LAYOUT_CHANGES ? code : fallback);
}

struct rule {
	const char *until;
	int64_t percent, fee;
};

static void
add_rule(struct reading *r, const struct json *json, const char *pointer)
{
	static const struct json_field fields[] = {
		{ .name = "until",
			.kind = JSON_STRING,
			.required = true,
			.offset = offsetof(struct rule, until) },
		{ .name = "percent",
			.kind = JSON_INT,
			.required = true,
			.min = 0,
			.max = 100,
			.offset = offsetof(struct rule, percent) },
		{ .name = "fee",
			.kind = JSON_INT,
			.min = 0,
			.max = LAYOUT_PRICE_MAX,
			.offset = offsetof(struct rule, fee) },
		{ .name = NULL },
	};
	struct rule rule = { .until = NULL };

	if (json_read(json, fields, &rule, r->why, r->arena, pointer)) {
		r->problem = PROBLEM_INVALID;
		return;
	}
	if (!event_time_is_usable(rule.until))
		refuse(r, arena_printf(r->arena, "%s/until", pointer),
			"The time must be as in RFC 3339, or a date.");
	str_add(&r->out, "{\"until\":");
	str_add_json(&r->out, rule.until);
	str_printf(&r->out, ",\"percent\":%lld,\"fee\":%lld}", (long long)rule.percent,
		(long long)rule.fee);
}

static void
add_policy(struct reading *r)
{
	const struct json *policy = r->in.refund_policy;

	if (!policy)
		return;
	add_name(r, "refund_policy");
	str_add_char(&r->out, '[');
	for (size_t i = 0; i < json_length(policy) && i < POLICY_MAX; i++) {
		if (i > 0)
			str_add_char(&r->out, ',');
		add_rule(r, json_at(policy, i), arena_printf(r->arena, "/refund_policy/%zu", i));
	}
	str_add_char(&r->out, ']');
	if (json_length(policy) > POLICY_MAX)
		refuse(r, "/refund_policy", "There can be at most 20 rules.");
}

struct pricing {
	bool enabled;
	int64_t floor_percent, ceiling_percent, step_percent, round_to;
	bool has_floor_percent, has_ceiling_percent, has_step_percent, has_round_to;
};

static void
add_share(struct str *out, const char *name, bool given, int64_t value)
{
	if (given)
		str_printf(out, ",\"%s\":%lld", name, (long long)value);
}

/* Whether prices move by themselves, and what of their rule is not as configured. The base price is
 * always within the bounds, so that a ceiling is never below a floor. */
static void
add_pricing(struct reading *r)
{
#define NUMBER(field, least, most)                                                                 \
	{                                                                                          \
		.name = #field, .kind = JSON_INT, .min = (least), .max = (most),                   \
		.offset = offsetof(struct pricing, field),                                         \
		.present_offset = offsetof(struct pricing, has_##field)                            \
	}
	static const struct json_field fields[] = {
		{ .name = "enabled",
			.kind = JSON_BOOL,
			.required = true,
			.offset = offsetof(struct pricing, enabled) },
		NUMBER(floor_percent, PRICE_FLOOR_MIN, PRICE_FLOOR_MAX),
		NUMBER(ceiling_percent, PRICE_CEILING_MIN, PRICE_CEILING_MAX),
		NUMBER(step_percent, 1, PRICE_STEP_MAX),
		NUMBER(round_to, 1, PRICE_ROUND_MAX),
		{ .name = NULL },
	};
#undef NUMBER
	const struct json *member = json_get(r->body, "pricing");
	struct pricing p = { .enabled = false };

	if (!r->in.pricing) {
		if (r->use == LAYOUT_CHANGES && member && json_kind(member) == JSON_NULL) {
			add_name(r, "pricing");
			str_add(&r->out, "null");
		}
		return;
	}
	if (json_read(r->in.pricing, fields, &p, r->why, r->arena, "/pricing")) {
		r->problem = PROBLEM_INVALID;
		return;
	}
	add_name(r, "pricing");
	str_printf(&r->out, "{\"enabled\":%s", p.enabled ? "true" : "false");
	add_share(&r->out, "floor_percent", p.has_floor_percent, p.floor_percent);
	add_share(&r->out, "ceiling_percent", p.has_ceiling_percent, p.ceiling_percent);
	add_share(&r->out, "step_percent", p.has_step_percent, p.step_percent);
	add_share(&r->out, "round_to", p.has_round_to, p.round_to);
	str_add_char(&r->out, '}');
}

struct room {
	const char *opens_at;
	int64_t admit_per_minute, inside_max, stale_after_seconds, grace_seconds, pass_seconds;
	bool has_admit_per_minute, has_inside_max, has_stale_after_seconds, has_grace_seconds,
		has_pass_seconds;
};

/* When the waiting room opens and whom it lets in: what is not as configured. */
static void
add_room(struct reading *r)
{
#define NUMBER(field, least, most)                                                                 \
	{                                                                                          \
		.name = #field, .kind = JSON_INT, .min = (least), .max = (most),                   \
		.offset = offsetof(struct room, field),                                            \
		.present_offset = offsetof(struct room, has_##field)                               \
	}
	static const struct json_field fields[] = {
		{ .name = "opens_at",
			.kind = JSON_STRING,
			.max = CLOCK_RFC3339,
			.offset = offsetof(struct room, opens_at) },
		NUMBER(admit_per_minute, 1, 1000000),
		NUMBER(inside_max, 1, 1000000),
		NUMBER(stale_after_seconds, 5, 3600),
		NUMBER(grace_seconds, 0, 86400),
		NUMBER(pass_seconds, 10, 86400),
		{ .name = NULL },
	};
#undef NUMBER
	const struct json *member = json_get(r->body, "waiting_room");
	struct room room = { .opens_at = NULL };

	if (!r->in.waiting_room) {
		if (r->use == LAYOUT_CHANGES && member && json_kind(member) == JSON_NULL) {
			add_name(r, "waiting_room");
			str_add(&r->out, "null");
		}
		return;
	}
	if (json_read(r->in.waiting_room, fields, &room, r->why, r->arena, "/waiting_room")) {
		r->problem = PROBLEM_INVALID;
		return;
	}
	if (room.opens_at && !event_time_is_usable(room.opens_at))
		refuse(r, "/waiting_room/opens_at", "The time must be as in RFC 3339, or a date.");
	add_name(r, "waiting_room");
	str_add(&r->out, "{\"opens_at\":");
	str_add_json(&r->out, room.opens_at);
	add_share(&r->out, "admit_per_minute", room.has_admit_per_minute, room.admit_per_minute);
	add_share(&r->out, "inside_max", room.has_inside_max, room.inside_max);
	add_share(&r->out, "stale_after_seconds", room.has_stale_after_seconds,
		room.stale_after_seconds);
	add_share(&r->out, "grace_seconds", room.has_grace_seconds, room.grace_seconds);
	add_share(&r->out, "pass_seconds", room.has_pass_seconds, room.pass_seconds);
	str_add_char(&r->out, '}');
}

static void
add_sections(struct reading *r)
{
	int64_t seats = 0;

	if (r->in.sections && r->in.layout)
		refuse(r, "/layout", "An event has sections or a layout, not both.");
	if (!r->in.sections) {
		if (r->use == LAYOUT_NEW && !r->in.layout)
			refuse(r, "/sections", "The field is required.");
		return;
	}
	add_name(r, "sections");
	if (layout_write(&r->out, r->in.sections, r->use, "/sections", r->why, &seats))
		r->problem = PROBLEM_INVALID;
}

/* Every field with its bounds; the last one is of one use alone. */
static enum problem
read_fields(struct reading *r)
{
	bool is_new = r->use == LAYOUT_NEW;
#define TEXT(field, least, most)                                                                   \
	{                                                                                          \
		.name = #field, .kind = JSON_STRING, .min = (least), .max = (most),                \
		.offset = offsetof(struct fields, field)                                           \
	}
#define NUMBER(field, most)                                                                        \
	{                                                                                          \
		.name = #field, .kind = JSON_INT, .min = 1, .max = (most),                         \
		.offset = offsetof(struct fields, field),                                          \
		.present_offset = offsetof(struct fields, has_##field)                             \
	}
#define LIST(field)                                                                                \
	{                                                                                          \
		.name = #field, .kind = JSON_ARRAY, .offset = offsetof(struct fields, field)       \
	}
	struct json_field fields[] = {
		TEXT(title, 1, TITLE_MAX),
		TEXT(event_date, 0, CLOCK_RFC3339),
		TEXT(description, 0, DESCRIPTION_MAX),
		TEXT(venue_id, 1, VENUE_ID_MAX),
		TEXT(timezone, 1, TIMEZONE_MAX),
		TEXT(sales_start, 0, CLOCK_RFC3339),
		TEXT(sales_end, 0, CLOCK_RFC3339),
		TEXT(currency, 0, TITLE_MAX),
		TEXT(status, 0, TITLE_MAX),
		TEXT(payment, 0, TITLE_MAX),
		TEXT(queue, 0, TITLE_MAX),
		LIST(refund_policy),
		{ .name = "pricing",
			.kind = JSON_OBJECT,
			.offset = offsetof(struct fields, pricing) },
		{ .name = "waiting_room",
			.kind = JSON_OBJECT,
			.offset = offsetof(struct fields, waiting_room) },
		LIST(sections),
		NUMBER(hold_seconds, 86400),
		NUMBER(max_seats_per_booking, 500),
		NUMBER(max_seats_per_user, 100000),
		TEXT(layout, 1, TITLE_MAX),
		{ .name = NULL },
	};
#undef TEXT
#undef NUMBER
#undef LIST

	if (is_new) {
		fields[0].required = fields[1].required = true;
	} else {
		fields[ARRAY_LENGTH(fields) - 2] = (struct json_field){ .name = "version",
			.kind = JSON_INT,
			.min = 1,
			.max = INT32_MAX,
			.offset = offsetof(struct fields, version),
			.present_offset = offsetof(struct fields, has_version) };
	}
	return json_read(r->body, fields, &r->in, r->why, r->arena, "");
}

enum problem
event_input_read(struct arena *arena, const struct json *body, enum layout_use use,
	const char *currency, const char *provider, struct problem_why *why,
	struct event_input *out)
{
	static const char *const statuses[] = { "draft", "on_sale", "closed", "cancelled", NULL };
	static const char *const queues[] = { "off", "on", NULL };
	struct reading r = { .body = body, .use = use, .why = why, .arena = arena };
	enum problem err;

	str_init(&r.out, arena);
	err = read_fields(&r);
	if (err)
		return err;
	str_add_char(&r.out, '{');
	add_line(&r, "title", r.in.title);
	add_text(&r, "description", r.in.description);
	add_venue(&r);
	add_line(&r, "timezone", r.in.timezone);
	add_time(&r, "event_date", r.in.event_date);
	add_time(&r, "sales_start", r.in.sales_start);
	add_time(&r, "sales_end", r.in.sales_end);
	add_currency(&r, currency);
	add_int(&r, "hold_seconds", r.in.has_hold_seconds, r.in.hold_seconds);
	add_int(&r, "max_seats_per_booking", r.in.has_max_seats_per_booking,
		r.in.max_seats_per_booking);
	add_int(&r, "max_seats_per_user", r.in.has_max_seats_per_user, r.in.max_seats_per_user);
	add_word(&r, "status", r.in.status, statuses);
	add_payment(
		&r, provider, r.in.currency || use == LAYOUT_CHANGES ? r.in.currency : currency);
	add_word(&r, "queue", r.in.queue, queues);
	add_policy(&r);
	add_pricing(&r);
	add_room(&r);
	add_sections(&r);
	str_add_char(&r.out, '}');
	if (r.problem)
		return r.problem;
	*out = (struct event_input){
		.json = r.out.data, .has_version = r.in.has_version, .version = r.in.version
	};
	return PROBLEM_NONE;
}
