/*
 * Strict JSON. A small scanner of our own goes over the text first and lets through what RFC 8259
 * describes and nothing else; only then json-c builds the tree. json-c is included here alone.
 */
#define json_bool json_c_bool /* json-c calls a type so that is here a function */
#include <json-c/json.h>
#undef json_bool

#include "base/json.h"

#include <ctype.h>

/* json-c has no object for null, but a null member is not an absent one. */
struct json {
	char unused;
};

static const struct json json_null;

struct scan {
	const char *at;
	const char *end;
	const char *why; /* set once, at the first mistake */
	size_t names;    /* members of all objects */
};

static bool scan_value(struct scan *s, int depth);

static bool
scan_fail(struct scan *s, const char *why)
{
	if (!s->why)
		s->why = why;
	return false;
}

static void
scan_space(struct scan *s)
{
	while (s->at < s->end &&
		(*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool
scan_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool
scan_hex4(struct scan *s, unsigned *out)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		int c = s->at < s->end ? tolower((unsigned char)*s->at) : 0;

		if (!isxdigit(c))
			return scan_fail(s, "a \\u escape needs four hexadecimal digits");
		n = n << 4 | (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	*out = n;
	return true;
}

/* Behind the backslash. */
static bool
scan_escape(struct scan *s)
{
	unsigned code, low;

	if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
		return scan_fail(s, "a string holds an unknown escape");
	if (*s->at++ != 'u')
		return true;
	if (!scan_hex4(s, &code))
		return false;
	if (code == 0)
		return scan_fail(s, "a string holds U+0000");
	if (code < 0xd800 || code > 0xdfff)
		return true;
	if (code > 0xdbff || !scan_char(s, '\\') || !scan_char(s, 'u') || !scan_hex4(s, &low) ||
		low < 0xdc00 || low > 0xdfff)
		return scan_fail(s, "a string holds half of a surrogate pair");
	return true;
}

static bool
scan_string(struct scan *s)
{
	if (!scan_char(s, '"'))
		return scan_fail(s, "a string in double quotes is expected");
	while (s->at < s->end) {
		unsigned char c = (unsigned char)*s->at++;

		if (c == '"')
			return true;
		if (c < 0x20)
			return scan_fail(s, "a string holds a control character");
		if (c == '\\' && !scan_escape(s))
			return false;
	}
	return scan_fail(s, "a string does not end");
}

static bool
scan_digits(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && isdigit((unsigned char)*s->at))
		s->at++;
	return s->at > from || scan_fail(s, "a number is not well-formed");
}

static bool
scan_number(struct scan *s)
{
	scan_char(s, '-');
	if (scan_char(s, '0')) {
		if (s->at < s->end && isdigit((unsigned char)*s->at))
			return scan_fail(s, "a number begins with 0");
	} else if (!scan_digits(s)) {
		return false;
	}
	if (scan_char(s, '.') && !scan_digits(s))
		return false;
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (!scan_char(s, '+'))
			scan_char(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return scan_fail(s, "a value is expected");
	s->at += len;
	return true;
}

static bool
scan_member(struct scan *s, int depth)
{
	scan_space(s);
	if (!scan_string(s))
		return false;
	s->names++;
	scan_space(s);
	if (!scan_char(s, ':'))
		return scan_fail(s, "a colon is expected");
	return scan_value(s, depth);
}

/* An array or an object, from its opening bracket on. */
static bool
scan_nest(struct scan *s, int depth, char close)
{
	if (depth >= JSON_DEPTH_MAX)
		return scan_fail(s, "the values are nested too deeply");
	s->at++;
	scan_space(s);
	if (scan_char(s, close))
		return true;
	do {
		if (close == '}' ? !scan_member(s, depth + 1) : !scan_value(s, depth + 1))
			return false;
		scan_space(s);
	} while (scan_char(s, ','));
	return scan_char(s, close) || scan_fail(s, "a comma or a closing bracket is expected");
}

static bool
scan_value(struct scan *s, int depth)
{
	scan_space(s);
	if (s->at == s->end)
		return scan_fail(s, "the text ends too early");
	switch (*s->at) {
	case '{':
		return scan_nest(s, depth, '}');
	case '[':
		return scan_nest(s, depth, ']');
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

static bool
scan_text(struct scan *s, const char *text, size_t len)
{
	s->at = text;
	s->end = text + len;
	/* NUL bytes are refused as control characters, or as no value. */
	if (!str_is_utf8(text, len) && !memchr(text, '\0', len))
		return scan_fail(s, "the text is not UTF-8");
	if (!scan_value(s, 0))
		return false;
	scan_space(s);
	return s->at == s->end || scan_fail(s, "something follows the value");
}

static const struct json *
from_c(struct json_object *object)
{
	return object ? (const struct json *)object : &json_null;
}

static struct json_object *
to_c(const struct json *value)
{
	return value == &json_null ? NULL : (struct json_object *)(uintptr_t)value;
}

static size_t
count_names(struct json_object *object)
{
	size_t names = 0;

	if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++)
			names += count_names(json_object_array_get_idx(object, i));
	} else if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, name, member)
		{
			(void)name;
			names += 1 + count_names(member);
		}
	}
	return names;
}

static void
release_object(void *object)
{
	json_object_put(object);
}

const struct json *
json_parse(struct arena *arena, const char *text, size_t len, const char **detail)
{
	struct scan scan = { 0 };
	struct json_tokener *tokener;
	struct json_object *object;
	bool whole;

	if (len > INT32_MAX || !scan_text(&scan, text, len)) {
		*detail = arena_printf(arena, "The text is not JSON: %s (byte %td).",
			scan.why ? scan.why : "it is too long", scan.at - text);
		return NULL;
	}
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	/* A bare number could go on, as far as the tokener knows. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		object = json_tokener_parse_ex(tokener, "", 1);
	whole = json_tokener_get_error(tokener) == json_tokener_success;
	json_tokener_free(tokener);
	if (object)
		arena_on_reset(arena, release_object, object);
	if (!whole) {
		*detail = "The text is not JSON.";
		return NULL;
	}
	if (count_names(object) != scan.names) {
		*detail = "An object has two members of the same name.";
		return NULL;
	}
	return from_c(object);
}

enum json_kind
json_kind(const struct json *value)
{
	struct json_object *object = to_c(value);

	switch (json_object_get_type(object)) {
	case json_type_null:
		return JSON_NULL;
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
		return JSON_REAL;
	case json_type_int:
		/* json-c saturates: the ends of its ranges may stand for anything beyond. */
		if (json_object_get_uint64(object) > INT64_MAX ||
			json_object_get_int64(object) == INT64_MIN)
			return JSON_REAL;
		return JSON_INT;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	}
	abort();
}

bool
json_bool(const struct json *value)
{
	assert(json_kind(value) == JSON_BOOL);
	return json_object_get_boolean(to_c(value));
}

int64_t
json_int(const struct json *value)
{
	assert(json_kind(value) == JSON_INT);
	return json_object_get_int64(to_c(value));
}

const char *
json_real_text(const struct json *value)
{
	assert(json_kind(value) == JSON_REAL);
	return json_object_to_json_string(to_c(value));
}

const char *
json_string(const struct json *value)
{
	assert(json_kind(value) == JSON_STRING);
	return json_object_get_string(to_c(value));
}

size_t
json_length(const struct json *array)
{
	assert(json_kind(array) == JSON_ARRAY);
	return json_object_array_length(to_c(array));
}

const struct json *
json_at(const struct json *array, size_t index)
{
	assert(index < json_length(array));
	return from_c(json_object_array_get_idx(to_c(array), index));
}

const struct json *
json_get(const struct json *object, const char *name)
{
	struct json_object *member;

	assert(json_kind(object) == JSON_OBJECT);
	return json_object_object_get_ex(to_c(object), name, &member) ? from_c(member) : NULL;
}

void
json_each(const struct json *object,
	void (*visit)(void *ctx, const char *name, const struct json *value), void *ctx)
{
	assert(json_kind(object) == JSON_OBJECT);
	json_object_object_foreach(to_c(object), name, member)
	{
		visit(ctx, name, from_c(member));
	}
}
