/*
 * Checks a JSON object against a table of fields and fills a struct from it.
 */
#include "base/json.h"

#include <inttypes.h>

#define NAME_SHOWN_MAX 64 /* bytes of a stranger's field name that an answer repeats */

struct reading {
	const struct json_field *fields;
	char *out;
	struct problem_why *why;
	struct arena *arena;
	const char *base_pointer;
	enum problem problem;
};

/* RFC 6901: base/name with ~ and / escaped, never cut within a character. */
static const char *
member_pointer(const struct reading *r, const char *name)
{
	struct str s;
	size_t shown = 0;

	str_init(&s, r->arena);
	str_add(&s, r->base_pointer);
	str_add_char(&s, '/');
	for (; *name; name++) {
		if (shown >= NAME_SHOWN_MAX && ((unsigned char)*name & 0xc0) != 0x80)
			break;
		shown++;
		if (*name == '~')
			str_add(&s, "~0");
		else if (*name == '/')
			str_add(&s, "~1");
		else
			str_add_char(&s, *name);
	}
	return s.data;
}

static void
refuse(struct reading *r, const char *name, const char *detail)
{
	r->problem = problem_at(r->why, r->arena, member_pointer(r, name), "%s", detail);
}

static size_t
count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

/* Judges a size or a value by the bounds of its field; a field without bounds has none. */
static bool
within(struct reading *r, const struct json_field *field, int64_t n, const char *what)
{
	if ((field->min == 0 && field->max == 0) || (n >= field->min && n <= field->max))
		return true;
	if (field->max == INT64_MAX)
		refuse(r, field->name,
			arena_printf(
				r->arena, "%s must be at least %" PRId64 ".", what, field->min));
	else
		refuse(r, field->name,
			arena_printf(r->arena, "%s must be within %" PRId64 " and %" PRId64 ".",
				what, field->min, field->max));
	return false;
}

static bool
store(struct reading *r, const struct json_field *field, const struct json *value)
{
	char *member = r->out + field->offset;
	const char *text;

	switch (field->kind) {
	case JSON_INT:
		if (!within(r, field, json_int(value), "The value"))
			return false;
		*(int64_t *)(void *)member = json_int(value);
		return true;
	case JSON_BOOL:
		*(bool *)member = json_bool(value);
		return true;
	case JSON_STRING:
		text = json_string(value);
		if (!within(r, field, (int64_t)count_characters(text), "The number of characters"))
			return false;
		*(const char **)(void *)member = text;
		return true;
	case JSON_ARRAY:
		if (!within(r, field, (int64_t)json_length(value), "The number of elements"))
			return false;
		*(const struct json **)(void *)member = value;
		return true;
	case JSON_OBJECT:
		*(const struct json **)(void *)member = value;
		return true;
	case JSON_NULL:
	case JSON_REAL:
		break;
	}
	assert(!"a field of a body is an int, a bool, a string, an array or an object");
	return false;
}

static void
read_field(struct reading *r, const struct json_field *field, const struct json *value)
{
	static const char *const kinds[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "true or false",
		[JSON_INT] = "a whole number",
		[JSON_REAL] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	if (!value || json_kind(value) == JSON_NULL) {
		if (field->required)
			refuse(r, field->name, "The field is required.");
		return;
	}
	if (json_kind(value) != field->kind) {
		refuse(r, field->name,
			arena_printf(r->arena, "The value must be %s.", kinds[field->kind]));
		return;
	}
	if (store(r, field, value) && field->present_offset)
		*(bool *)(r->out + field->present_offset) = true;
}

static void
refuse_unknown(void *ctx, const char *name, const struct json *value)
{
	struct reading *r = ctx;

	(void)value;
	for (const struct json_field *field = r->fields; field->name; field++) {
		if (str_equal(field->name, name))
			return;
	}
	refuse(r, name, "There is no such field.");
}

enum problem
json_read(const struct json *object, const struct json_field *fields, void *out,
	struct problem_why *why, struct arena *arena, const char *base_pointer)
{
	struct reading r = { fields, out, why, arena, base_pointer, PROBLEM_NONE };

	if (json_kind(object) != JSON_OBJECT)
		return problem_at(why, arena, base_pointer, "The value must be an object.");
	for (const struct json_field *field = fields; field->name; field++)
		read_field(&r, field, json_get(object, field->name));
	json_each(object, refuse_unknown, &r);
	return r.problem;
}
