/*
 * Values of PostgreSQL as text: numbers, truths, and array literals ("{1,2}", "{\"a b\",NULL}"),
 * written and read.
 */
#include "store/pg.h"

#include "base/str.h"

const char *
pg_array_text(struct arena *arena, const char *const *items, size_t count)
{
	struct str s;

	str_init(&s, arena);
	str_add_char(&s, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			str_add_char(&s, ',');
		if (items[i] == NULL) {
			str_add(&s, "NULL");
			continue;
		}
		str_add_char(&s, '"');
		for (const char *p = items[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				str_add_char(&s, '\\');
			str_add_char(&s, *p);
		}
		str_add_char(&s, '"');
	}
	str_add_char(&s, '}');
	return s.data;
}

const char *
pg_array_int(struct arena *arena, const int64_t *items, size_t count)
{
	struct str s;

	str_init(&s, arena);
	str_add_char(&s, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			str_add_char(&s, ',');
		str_add_int(&s, items[i]);
	}
	str_add_char(&s, '}');
	return s.data;
}

/* One element from *at on, up to its comma or closing brace, which *at then shows. */
static const char *
element_read(struct arena *arena, const char **at)
{
	const char *p = *at;
	bool quoted = *p == '"';
	struct str s;

	str_init(&s, arena);
	if (quoted)
		p++;
	while (*p != '\0' && (quoted ? *p != '"' : *p != ',' && *p != '}')) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		str_add_char(&s, *p++);
	}
	if (quoted && *p == '"')
		p++;
	*at = p;
	return !quoted && strcmp(s.data, "NULL") == 0 ? NULL : s.data;
}

size_t
pg_array_read(struct arena *arena, const char *literal, const char ***items)
{
	size_t room = 1, count = 0;
	const char **list;
	const char *p = literal;

	assert(literal != NULL && *literal == '{');
	for (; *p != '\0'; p++)
		room += *p == ',';
	list = ARENA_ARRAY(arena, const char *, room);
	p = literal + 1;
	if (*p != '}' && *p != '\0')
		list[count++] = element_read(arena, &p);
	/* There is no room for what has no comma in front. */
	while (*p == ',') {
		p++;
		list[count++] = element_read(arena, &p);
	}
	*items = list;
	return count;
}

int64_t
pg_int(const struct pg_rows *rows, int row, int column)
{
	const char *text = pg_text(rows, row, column);

	return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool
pg_bool(const struct pg_rows *rows, int row, int column)
{
	const char *text = pg_text(rows, row, column);

	return text != NULL && *text == 't';
}
