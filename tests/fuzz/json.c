/*
 * Strict JSON: what is accepted is written in one way only, and reads again as the same; and bodies
 * are judged by a table of fields.
 */
#include "fuzz.h"

struct fields {
	int64_t number, low;
	bool yes, present;
	const char *text;
	const struct json *list, *object;
};

/* Every kind of field, with and without bounds. */
static void
read_fields(const struct json *value)
{
	static const struct json_field table[] = {
		{ .name = "number",
			.kind = JSON_INT,
			.min = -5,
			.max = 1000,
			.offset = offsetof(struct fields, number) },
		{ .name = "low",
			.kind = JSON_INT,
			.min = 1,
			.max = INT64_MAX,
			.offset = offsetof(struct fields, low),
			.present_offset = offsetof(struct fields, present) },
		{ .name = "yes", .kind = JSON_BOOL, .offset = offsetof(struct fields, yes) },
		{ .name = "text",
			.kind = JSON_STRING,
			.required = true,
			.min = 1,
			.max = 8,
			.offset = offsetof(struct fields, text) },
		{ .name = "list",
			.kind = JSON_ARRAY,
			.max = 4,
			.offset = offsetof(struct fields, list) },
		{ .name = "object",
			.kind = JSON_OBJECT,
			.offset = offsetof(struct fields, object) },
		{ .name = NULL },
	};
	struct fields in = { 0 };
	struct problem_why why = { 0 };
	enum problem err = json_read(value, table, &in, &why, arena, "/base");

	fuzz_check_errors(&why);
	assert((err == PROBLEM_NONE) == !why.errors);
	if (err)
		return;
	assert(in.number >= -5 && in.number <= 1000);
	assert(in.present == (in.low != 0) && in.low >= 0);
	assert(in.text && strlen(in.text) >= 1 && strlen(in.text) <= 8 * 4);
	assert(!in.list || json_length(in.list) <= 4);
	assert(!in.object || json_kind(in.object) == JSON_OBJECT);
}

/* Every value can be asked for by its kind. */
static void
walk(void *ctx, const char *name, const struct json *value)
{
	assert(!name || str_is_utf8(name, strlen(name)));
	switch (json_kind(value)) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		json_bool(value);
		break;
	case JSON_INT:
		json_int(value);
		break;
	case JSON_REAL:
		assert(*json_real_text(value));
		break;
	case JSON_STRING:
		assert(str_is_utf8(json_string(value), strlen(json_string(value))));
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_length(value); i++)
			walk(ctx, NULL, json_at(value, i));
		break;
	case JSON_OBJECT:
		json_each(value, walk, ctx);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json *value, *again;
	const char *text;

	fuzz_begin();
	value = fuzz_json(data, size);
	if (!value)
		return 0;
	assert(str_is_utf8((const char *)data, size));
	walk(NULL, NULL, value);
	text = json_canonical(arena, value, NULL);
	again = fuzz_json(text, strlen(text));
	assert(again && json_kind(again) == json_kind(value));
	assert(str_equal(json_canonical(arena, again, NULL), text));
	/* A value in brackets is whole with the last of them alone. */
	if (json_kind(value) == JSON_OBJECT || json_kind(value) == JSON_ARRAY) {
		assert(!fuzz_json(text, strlen(text) - 1));
		assert(!fuzz_json(arena_printf(arena, "%s,", text), strlen(text) + 1));
	}
	read_fields(value);
	return 0;
}
