/*
 * Texts with places to fill in, read and filled in by one pass.
 */
#include "domain/template.h"

#define NAME_BYTES_MAX 64
#define DEPTH_MAX      8

/* The names that are seen at one place: those of an element before those around it. */
struct scope {
	const struct json *facts;
	const struct scope *outer;
	int depth;
};

struct filling {
	struct arena *arena;
	struct str *out;
	const char *mistake; /* NULL: none */
	bool html;
};

struct tag {
	char kind; /* one of # ^ / or, of a value, 0 */
	const char *name;
	const char *end; /* what comes after it */
};

static const struct json *
find(const struct scope *scope, const char *name)
{
	const struct json *value = NULL;

	for (; scope && !value; scope = scope->outer)
		value = json_get(scope->facts, name);
	return value;
}

static bool
has_value(const struct json *value)
{
	switch (json_kind(value)) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return json_bool(value);
	case JSON_INT:
		return json_int(value) != 0;
	case JSON_STRING:
		return *json_string(value) != '\0';
	case JSON_ARRAY:
		return json_length(value) > 0;
	case JSON_REAL:
	case JSON_OBJECT:
		break;
	}
	return true;
}

static void
add_char(struct filling *filling, char c)
{
	static const char special[] = "&<>\"'";
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	const char *at = c ? strchr(special, c) : NULL;

	if ((unsigned char)c < ' ' || c == 0x7f)
		str_add_char(filling->out, ' ');
	else if (filling->html && at)
		str_add(filling->out, entities[at - special]);
	else
		str_add_char(filling->out, c);
}

static void
add_value(struct filling *filling, const struct json *value, const char *name)
{
	switch (json_kind(value)) {
	case JSON_NULL:
		break;
	case JSON_INT:
		str_add_int(filling->out, json_int(value));
		break;
	case JSON_STRING:
		for (const char *at = json_string(value); *at; at++)
			add_char(filling, *at);
		break;
	case JSON_BOOL:
	case JSON_REAL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		filling->mistake = arena_printf(
			filling->arena, "{{%s}} is no text: it can only begin a section", name);
	}
}

/* at: behind the braces. False with a mistake. */
static bool
read_tag(struct filling *filling, const char *at, struct tag *tag)
{
	const char *end = strstr(at, "}}");
	size_t len;

	tag->kind = '\0';
	if (*at == '#' || *at == '^' || *at == '/')
		tag->kind = *at++;
	at += strspn(at, " ");
	len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
	if (!end || len == 0 || len > NAME_BYTES_MAX || at + len + strspn(at + len, " ") != end) {
		filling->mistake = arena_printf(
			filling->arena, "this is no tag: {{%.20s", at - (tag->kind != '\0'));
		return false;
	}
	tag->name = arena_copy(filling->arena, at, len);
	tag->end = end + 2;
	return true;
}

/* Whether a tag that begins at `from` has its line for itself; *end: where the next line begins. */
static bool
stands_alone(const char *text, const char *from, const char **end)
{
	const char *rest = *end + strspn(*end, " \t\r");

	while (from > text && (from[-1] == ' ' || from[-1] == '\t'))
		from--;
	if ((from > text && from[-1] != '\n') || (*rest && *rest != '\n'))
		return false;
	*end = *rest ? rest + 1 : rest;
	return true;
}

static const char *fill(struct filling *filling, const char *text, const char *at,
	const struct scope *scope, const char *section);

/* Passes over what is not to be seen: everything is read, nothing is written. */
static const char *
pass_over(struct filling *filling, const char *text, const char *at, const struct scope *scope,
	const char *section)
{
	struct filling quiet = *filling;
	struct str unseen;

	str_init(&unseen, filling->arena);
	quiet.out = &unseen;
	at = fill(&quiet, text, at, scope, section);
	filling->mistake = quiet.mistake;
	return at;
}

/* at: behind the opening tag. Returns what comes behind the closing one. */
static const char *
fill_section(struct filling *filling, const char *text, const char *at, const struct scope *scope,
	const struct tag *tag)
{
	const struct json *value = find(scope, tag->name);
	bool shown;
	const char *end = NULL;

	if (!value || scope->depth == DEPTH_MAX) {
		filling->mistake = arena_printf(filling->arena,
			value ? "{{#%s}} lies too deep" : "there is nothing called %s", tag->name);
		return NULL;
	}
	shown = has_value(value) == (tag->kind == '#');
	if (shown && tag->kind == '#' && json_kind(value) == JSON_ARRAY) {
		for (size_t i = 0; i < json_length(value) && !filling->mistake; i++) {
			struct scope inner = { json_at(value, i), scope, scope->depth + 1 };

			end = fill(filling, text, at, &inner, tag->name);
		}
		return end;
	}
	if (shown) {
		struct scope inner = { scope->facts, scope->outer, scope->depth + 1 };

		return fill(filling, text, at, &inner, tag->name);
	}
	/* The names of a list's elements are not known where it has none. */
	if (json_kind(value) == JSON_ARRAY) {
		const char *closing = arena_printf(filling->arena, "{{/%s}}", tag->name);

		end = strstr(at, closing);
		if (!end) {
			filling->mistake =
				arena_printf(filling->arena, "{{#%s}} has no end", tag->name);
			return NULL;
		}
		at = end;
		end += strlen(closing);
		stands_alone(text, at, &end);
		return end;
	}
	return pass_over(filling, text, at, scope, tag->name);
}

/* From `at` to the end of the section (NULL: of the text); NULL after a mistake. */
static const char *
fill(struct filling *filling, const char *text, const char *at, const struct scope *scope,
	const char *section)
{
	for (;;) {
		const char *open = strstr(at, "{{"), *end;
		struct tag tag;
		const struct json *value;

		if (!open) {
			if (section)
				filling->mistake =
					arena_printf(filling->arena, "{{#%s}} has no end", section);
			else
				str_add(filling->out, at);
			return section ? NULL : at + strlen(at);
		}
		if (!read_tag(filling, open + 2, &tag))
			return NULL;
		end = open;
		if (tag.kind && stands_alone(text, open, &tag.end)) {
			while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
				end--;
		}
		str_add_bytes(filling->out, at, (size_t)(end - at));
		at = tag.end;
		if (tag.kind == '/' && section && strcmp(section, tag.name) == 0)
			return at;
		if (tag.kind == '/') {
			filling->mistake =
				arena_printf(filling->arena, "{{/%s}} ends nothing here", tag.name);
		} else if (tag.kind) {
			at = fill_section(filling, text, at, scope, &tag);
		} else {
			value = find(scope, tag.name);
			if (value)
				add_value(filling, value, tag.name);
			else
				filling->mistake = arena_printf(
					filling->arena, "there is nothing called %s", tag.name);
		}
		if (filling->mistake)
			return NULL;
	}
}

const char *
template_render(
	struct arena *arena, const char *text, const struct json *facts, bool html, struct str *out)
{
	struct filling filling = { .arena = arena, .out = out, .html = html };
	struct scope scope = { .facts = facts };

	fill(&filling, text, text, &scope, NULL);
	return filling.mistake;
}
