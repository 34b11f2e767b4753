/*
 * Settings from the environment: HOLDFAST_<KEY>, the other names that conf.def gives a setting, and
 * the addresses of the servers in parts (DB_HOST …, REDIS_HOST …).
 */
#include <ctype.h>

#include "base/conf_table.h"
#include "base/str.h"

/* What the environment says under a name of len characters; empty counts as not said. */
static const char *
look_up(const char *name, size_t len)
{
	char text[128];
	const char *value;

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	value = getenv(text);
	return value && *value ? value : NULL;
}

/* The product's own name for a setting wins over the aliases, and of these the first. */
static const char *
find_row(const struct conf_row *row, const char **name)
{
	static char own[128];
	const char *value;
	size_t len;

	snprintf(own, sizeof(own), "HOLDFAST_%s", row->name);
	for (char *c = own; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	*name = own;
	value = look_up(own, strlen(own));
	for (const char *alias = row->alias; !value && *alias; alias += len) {
		alias += strspn(alias, " ");
		len = strcspn(alias, " ");
		*name = alias;
		value = look_up(alias, len);
	}
	return value;
}

/* key='value' as libpq reads it. */
static void
add_pair(struct str *s, const char *key, const char *variable)
{
	const char *value = look_up(variable, strlen(variable));

	if (!value)
		return;
	str_printf(s, "%s%s='", s->len ? " " : "", key);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			str_add_char(s, '\\');
		str_add_char(s, *value);
	}
	str_add_char(s, '\'');
}

static void
compose_database(struct conf *conf, struct arena *arena)
{
	struct str s;

	str_init(&s, arena);
	add_pair(&s, "host", "DB_HOST");
	add_pair(&s, "port", "DB_PORT");
	add_pair(&s, "dbname", "DB_NAME");
	add_pair(&s, "user", "DB_USER");
	add_pair(&s, "password", "DB_PASSWORD");
	if (s.len)
		conf->database_url = conf_keep(s.data, s.len);
}

static void
add_percent_encoded(struct str *s, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			str_add_char(s, *text);
		else
			str_printf(s, "%%%02X", (unsigned char)*text);
	}
}

static void
compose_redis(struct conf *conf, struct arena *arena)
{
	const char *host = look_up("REDIS_HOST", 10);
	const char *port = look_up("REDIS_PORT", 10);
	const char *user = look_up("REDIS_USER", 10);
	struct str s;
	int64_t number = 6379;

	if (!host)
		return;
	if (port && !str_to_int(port, 1, 65535, &number))
		conf_refuse(conf, "REDIS_PORT: it must be a whole number from 1 to 65535");
	str_init(&s, arena);
	str_add(&s, "redis://");
	if (user) {
		add_percent_encoded(&s, user);
		str_add_char(&s, '@');
	}
	str_printf(&s, "%s:%lld/0", host, (long long)number);
	conf->redis_url = conf_keep(s.data, s.len);
}

void
conf_environment(struct conf *conf)
{
	struct arena *arena = arena_new();

	/* The whole address, where it is given too, is set after its parts and so wins. */
	compose_database(conf, arena);
	compose_redis(conf, arena);
	arena_free(arena);
	for (const struct conf_row *row = conf_rows; row->name; row++) {
		const char *name;
		const char *value = find_row(row, &name);
		const char *why = value ? conf_set(conf, row->name, value) : NULL;

		if (why)
			conf_refuse(conf, "%.*s in the environment: %s", (int)strcspn(name, " "),
				name, why);
	}
}
