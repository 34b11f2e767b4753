/*
 * Canonical text of a JSON value: two texts that say the same give the same fingerprint.
 */
#include "base/json.h"

struct names {
	const char **list;
	size_t count;
	const char *const *skip;
};

static void add_value(struct str *s, const struct json *value, const char *const *skip);

static void
count_name(void *ctx, const char *name, const struct json *value)
{
	struct names *names = ctx;

	(void)name;
	(void)value;
	names->count++;
}

static void
take_name(void *ctx, const char *name, const struct json *value)
{
	struct names *names = ctx;

	(void)value;
	for (const char *const *skip = names->skip; skip && *skip; skip++) {
		if (str_equal(*skip, name))
			return;
	}
	names->list[names->count++] = name;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_object(struct str *s, const struct json *value, const char *const *skip)
{
	struct names names = { .skip = skip };

	json_each(value, count_name, &names);
	names.list = ARENA_ARRAY(s->arena, const char *, names.count);
	names.count = 0;
	json_each(value, take_name, &names);
	qsort(names.list, names.count, sizeof(*names.list), compare_names);
	str_add_char(s, '{');
	for (size_t i = 0; i < names.count; i++) {
		if (i)
			str_add_char(s, ',');
		str_add_json(s, names.list[i]);
		str_add_char(s, ':');
		add_value(s, json_get(value, names.list[i]), NULL);
	}
	str_add_char(s, '}');
}

static void
add_value(struct str *s, const struct json *value, const char *const *skip)
{
	switch (json_kind(value)) {
	case JSON_NULL:
		str_add(s, "null");
		break;
	case JSON_BOOL:
		str_add(s, json_bool(value) ? "true" : "false");
		break;
	case JSON_INT:
		str_add_int(s, json_int(value));
		break;
	case JSON_REAL:
		str_add(s, json_real_text(value));
		break;
	case JSON_STRING:
		str_add_json(s, json_string(value));
		break;
	case JSON_ARRAY:
		str_add_char(s, '[');
		for (size_t i = 0; i < json_length(value); i++) {
			if (i)
				str_add_char(s, ',');
			add_value(s, json_at(value, i), NULL);
		}
		str_add_char(s, ']');
		break;
	case JSON_OBJECT:
		add_object(s, value, skip);
		break;
	}
}

const char *
json_canonical(struct arena *arena, const struct json *value, const char *const *skip)
{
	struct str s;

	str_init(&s, arena);
	add_value(&s, value, skip);
	return s.data;
}
