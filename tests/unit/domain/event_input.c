/*
 * Bodies that make and change events: what is written for the database, and what is pointed at.
 */
#include <criterion/criterion.h>

#include "domain/event_input.h"

static struct arena *arena;
static struct problem_why why;
static const char *provider = "none";

static void
begin(void)
{
	arena = arena_new();
	why = (struct problem_why){ 0 };
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(event_input, .init = begin, .fini = end);

static enum problem
read_text(const char *text, enum layout_use use, struct event_input *out)
{
	const char *detail;
	const struct json *body = json_parse(arena, text, strlen(text), &detail);

	cr_assert_not_null(body, "%s", text);
	why = (struct problem_why){ 0 };
	return event_input_read(arena, body, use, "EUR", provider, &why, out);
}

#define FLOOR "\"sections\":[{\"name\":\"F\",\"capacity\":1}]"
#define WHEN  "\"event_date\":\"2027-01-01\""

Test(event_input, writes_what_is_given)
{
	struct event_input in;

	cr_assert_eq(
		read_text("{\"title\":\"T\"," WHEN "," FLOOR "}", LAYOUT_NEW, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json,
		"{\"title\":\"T\",\"event_date\":\"2027-01-01\",\"currency\":\"EUR\",\"sections\":"
		"[{\"section_id\":\"F\",\"name\":\"F\",\"kind\":\"ga\",\"base_price\":0,"
		"\"capacity\":1}]}");
	cr_assert_eq(read_text("{\"title\":\"T\"," WHEN
			       ",\"venue_id\":\"7\",\"layout\":\"big\",\"hold_seconds\":null}",
			     LAYOUT_NEW, &in),
		PROBLEM_NONE);
	cr_assert_str_eq(in.json,
		"{\"title\":\"T\",\"venue_id\":7,\"layout\":\"big\",\"event_date\":\"2027-01-01\","
		"\"currency\":\"EUR\"}");
}

Test(event_input, of_a_change_null_is_the_default)
{
	struct event_input in;

	cr_assert_eq(read_text("{}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{}");
	cr_assert_not(in.has_version);
	cr_assert_eq(read_text("{\"venue_id\":null,\"hold_seconds\":null,\"title\":null,"
			       "\"max_seats_per_user\":3,\"version\":4}",
			     LAYOUT_CHANGES, &in),
		PROBLEM_NONE);
	cr_assert_str_eq(
		in.json, "{\"venue_id\":null,\"hold_seconds\":null,\"max_seats_per_user\":3}");
	cr_assert(in.has_version);
	cr_assert_eq(in.version, 4);
}

Test(event_input, points_at_mistakes)
{
	static const struct {
		const char *body, *pointer;
	} cases[] = {
		{ "\"title\":\"a\\u0001\"", "/title" },
		{ "\"event_date\":\"2027-02-29\"", "/event_date" },
		{ "\"event_date\":\"2027-02-28T25:00:00Z\"", "/event_date" },
		{ "\"sales_start\":\"now\"", "/sales_start" },
		{ "\"sales_end\":\"\"", "/sales_end" },
		{ "\"currency\":\"EURO\"", "/currency" },
		{ "\"currency\":\"Eur\"", "/currency" },
		{ "\"hold_seconds\":86401", "/hold_seconds" },
		{ "\"status\":\"\"", "/status" },
		{ "\"payment\":\"stripe\"", "/payment" },
		{ "\"payment\":\"cash\"", "/payment" },
		{ "\"queue\":\"maybe\"", "/queue" },
		{ "\"refund_policy\":[{\"percent\":5}]", "/refund_policy/0/until" },
		{ "\"refund_policy\":[{\"until\":\"x\",\"percent\":5}]", "/refund_policy/0/until" },
		{ "\"refund_policy\":[7]", "/refund_policy/0" },
		{ "\"pricing\":true", "/pricing" },
		{ "\"pricing\":{}", "/pricing/enabled" },
		{ "\"pricing\":{\"enabled\":\"on\"}", "/pricing/enabled" },
		{ "\"pricing\":{\"enabled\":true,\"rest\":1}", "/pricing/rest" },
		{ "\"pricing\":{\"enabled\":true,\"floor_percent\":0}", "/pricing/floor_percent" },
		{ "\"pricing\":{\"enabled\":true,\"floor_percent\":101}",
			"/pricing/floor_percent" },
		{ "\"pricing\":{\"enabled\":true,\"ceiling_percent\":99}",
			"/pricing/ceiling_percent" },
		{ "\"pricing\":{\"enabled\":true,\"step_percent\":2.5}", "/pricing/step_percent" },
		{ "\"pricing\":{\"enabled\":true,\"round_to\":0}", "/pricing/round_to" },
		{ "\"layout\":\"x\"", "/layout" },
		{ "\"version\":1", "/version" },
	};
	struct event_input in;

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *text = arena_printf(arena, "{%s%s%s," FLOOR "}", cases[i].body,
			strncmp(cases[i].body, "\"title\"", 7) == 0 ? "" : ",\"title\":\"T\"",
			strncmp(cases[i].body, "\"event_date\"", 12) == 0 ? "" : "," WHEN);

		cr_assert_eq(read_text(text, LAYOUT_NEW, &in), PROBLEM_INVALID, "%s", text);
		cr_assert_not_null(why.errors, "%s", text);
		cr_assert_str_eq(why.errors->pointer, cases[i].pointer, "%s", text);
	}
	cr_assert_eq(read_text("{\"layout\":\"x\"}", LAYOUT_CHANGES, &in), PROBLEM_INVALID);
}

Test(event_input, takes_money_where_somebody_does)
{
	struct event_input in;

	provider = "stripe";
	cr_assert_eq(read_text("{\"payment\":\"stripe\"}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{\"payment\":\"stripe\"}");
	cr_assert_eq(read_text("{\"payment\":\"none\"}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_eq(
		read_text("{\"payment\":\"stripe\",\"currency\":\"KWD\"}", LAYOUT_CHANGES, &in),
		PROBLEM_NONE);
	cr_assert_eq(
		read_text("{\"payment\":\"stripe\",\"currency\":\"MGA\"}", LAYOUT_CHANGES, &in),
		PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/payment");
	cr_assert_eq(read_text("{\"payment\":\"cash\"}", LAYOUT_CHANGES, &in), PROBLEM_INVALID);
}

Test(event_input, writes_the_rule_of_prices)
{
	struct event_input in;

	cr_assert_eq(read_text("{\"pricing\":{\"round_to\":50,\"enabled\":true,"
			       "\"floor_percent\":null,\"ceiling_percent\":200}}",
			     LAYOUT_CHANGES, &in),
		PROBLEM_NONE);
	cr_assert_str_eq(in.json,
		"{\"pricing\":{\"enabled\":true,\"ceiling_percent\":200,\"round_to\":50}}");
	cr_assert_eq(read_text("{\"pricing\":null}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{\"pricing\":null}");
	cr_assert_eq(
		read_text("{\"title\":\"T\"," WHEN "," FLOOR ",\"pricing\":null}", LAYOUT_NEW, &in),
		PROBLEM_NONE);
	cr_assert_null(strstr(in.json, "pricing"));
}

Test(event_input, writes_waiting_rooms)
{
	struct event_input in;

	cr_assert_eq(read_text("{\"waiting_room\":{\"opens_at\":\"2027-01-01T10:00:00Z\","
			       "\"admit_per_minute\":60,\"grace_seconds\":0}}",
			     LAYOUT_CHANGES, &in),
		PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{\"waiting_room\":{\"opens_at\":\"2027-01-01T10:00:00Z\","
				  "\"admit_per_minute\":60,\"grace_seconds\":0}}");
	cr_assert_eq(read_text("{\"waiting_room\":{}}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{\"waiting_room\":{\"opens_at\":null}}");
	/* Of a change null is the default; what is new has it anyway. */
	cr_assert_eq(read_text("{\"waiting_room\":null}", LAYOUT_CHANGES, &in), PROBLEM_NONE);
	cr_assert_str_eq(in.json, "{\"waiting_room\":null}");
	cr_assert_eq(read_text("{\"title\":\"T\"," WHEN "," FLOOR ",\"waiting_room\":null}",
			     LAYOUT_NEW, &in),
		PROBLEM_NONE);
	cr_assert_null(strstr(in.json, "waiting_room"));
	cr_assert_eq(read_text("{\"waiting_room\":{\"opens_at\":\"soon\"}}", LAYOUT_CHANGES, &in),
		PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/waiting_room/opens_at");
	cr_assert_eq(read_text("{\"waiting_room\":{\"pass_seconds\":9}}", LAYOUT_CHANGES, &in),
		PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/waiting_room/pass_seconds");
}

Test(event_input, has_sections_or_a_layout)
{
	struct event_input in;

	cr_assert_eq(read_text("{\"title\":\"T\"," WHEN "}", LAYOUT_NEW, &in), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/sections");
	cr_assert_eq(read_text("{\"title\":\"T\"," WHEN "," FLOOR
			       ",\"venue_id\":\"7\",\"layout\":\"big\"}",
			     LAYOUT_NEW, &in),
		PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/layout");
}

Test(event_input, bounds_the_rules_of_refunds)
{
	struct event_input in;
	struct str text;

	str_init(&text, arena);
	str_add(&text, "{\"refund_policy\":[");
	for (int i = 0; i < 21; i++)
		str_printf(&text,
			"%s{\"until\":\"2027-01-%02dT00:00:00Z\",\"percent\":50,\"fee\":0}",
			i ? "," : "", i + 1);
	str_add(&text, "]}");
	cr_assert_eq(read_text(text.data, LAYOUT_CHANGES, &in), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/refund_policy");
}

Test(event_input, knows_venues_that_cannot_be)
{
	static const char *const bad[] = { "0", "x", "01", "-1", "+1", "1x", "2147483648" };
	struct event_input in;
	int64_t venue_id;

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		const char *text = arena_printf(arena, "{\"venue_id\":\"%s\"}", bad[i]);

		cr_assert_not(event_venue_read(bad[i], &venue_id), "%s", bad[i]);
		cr_assert_eq(read_text(text, LAYOUT_CHANGES, &in), PROBLEM_NOT_FOUND, "%s", text);
	}
	cr_assert(event_venue_read("2147483647", &venue_id));
}

Test(event_input, takes_the_database_at_its_word)
{
	why.extensions = "{\"pointer\":\"/timezone\",\"detail\":\"100% unknown.\"}";
	cr_assert_eq(event_refused(PROBLEM_INVALID, &why, arena), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/timezone");
	cr_assert_str_eq(why.errors->detail, "100% unknown.");
	cr_assert_null(why.extensions);

	why = (struct problem_why){ .extensions = "{\"taken\":3}" };
	cr_assert_eq(event_refused(PROBLEM_CAPACITY_IN_USE, &why, arena), PROBLEM_CAPACITY_IN_USE);
	cr_assert_str_eq(why.extensions, "{\"taken\":3}");
	cr_assert_null(why.errors);
}
