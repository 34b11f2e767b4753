/*
 * The configuration: the table made of conf.def, the command line and the file.
 */
#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/conf_list.h"
#include "base/conf_table.h"
#include "base/fault.h"
#include "base/secret.h"
#include "base/str.h"

#ifndef HOLDFAST_VERSION
#define HOLDFAST_VERSION "0.1.0"
#endif

#define DEFAULT_FILE     "/etc/holdfast/holdfast.conf"
#define SECRET_BYTES_MAX 4096

const struct conf_row conf_rows[] = {
#define CONF_INT(name, fallback, min, max, alias, help)                                            \
	{ #name, CONF_KIND_INT, offsetof(struct conf, name), NULL, fallback, min, max, NULL, NULL, \
		alias, help },
#define CONF_BOOL(name, fallback, alias, help)                                                     \
	{ #name, CONF_KIND_BOOL, offsetof(struct conf, name), NULL, fallback, 0, 1, NULL, NULL,    \
		alias, help },
#define CONF_TEXT(name, fallback, alias, help)                                                     \
	{ #name, CONF_KIND_TEXT, offsetof(struct conf, name), fallback, 0, 0, 0, NULL, NULL,       \
		alias, help },
#define CONF_WORD(name, fallback, words, alias, help)                                              \
	{ #name, CONF_KIND_TEXT, offsetof(struct conf, name), fallback, 0, 0, 0, words, NULL,      \
		alias, help },
#define CONF_LIST(name, fallback, check, alias, help)                                              \
	{ #name, CONF_KIND_TEXT, offsetof(struct conf, name), fallback, 0, 0, 0, NULL, check,      \
		alias, help },
#define CONF_SECRET(name, fallback, alias, help)                                                   \
	{ #name, CONF_KIND_SECRET, offsetof(struct conf, name), fallback, 0, 0, 0, NULL, NULL,     \
		alias, help },
#include "base/conf.def"
#undef CONF_INT
#undef CONF_BOOL
#undef CONF_TEXT
#undef CONF_WORD
#undef CONF_LIST
#undef CONF_SECRET
	{ 0 },
};

void
conf_refuse(const struct conf *conf, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "holdfast-%s: ", conf->program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

char *
conf_keep(const char *text, size_t len)
{
	/* Those replaced by a later setting stay in reach, too: nothing is lost or looks so. */
	struct kept {
		struct kept *next;
		char text[];
	};
	static struct kept *kept;
	struct kept *keep = calloc(1, sizeof(*keep) + len + 1);

	if (!keep)
		abort();
	memcpy(keep->text, text, len);
	keep->next = kept;
	kept = keep;
	return keep->text;
}

/* The content of a file that holds a secret, without the line's end; NULL: not readable, empty, or
 * longer than any secret. */
static const char *
read_secret(const char *path)
{
	char text[SECRET_BYTES_MAX + 1];
	FILE *file = fopen(path, "re");
	const char *out = NULL;
	size_t len;

	if (!file)
		return NULL;
	len = fread(text, 1, sizeof(text), file);
	if (!ferror(file) && len < sizeof(text) && !memchr(text, '\0', len)) {
		while (len && isspace((unsigned char)text[len - 1]))
			len--;
		if (len)
			out = conf_keep(text, len);
	}
	fclose(file);
	explicit_bzero(text, sizeof(text));
	return out;
}

static bool
read_bool(const char *value, bool *out)
{
	static const char *const words[][2] = {
		{ "off", "on" },
		{ "false", "true" },
		{ "no", "yes" },
		{ "0", "1" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		for (int on = 0; on < 2; on++) {
			if (strcasecmp(value, words[i][on]) == 0) {
				*out = on;
				return true;
			}
		}
	}
	return false;
}

/* Whether value is one of these words. */
static bool
is_word(const char *words, const char *value)
{
	char *copy = strdup(words);
	char *rest = NULL;
	bool found = false;

	if (!copy)
		abort();
	for (char *word = strtok_r(copy, " ", &rest); word && !found;
		word = strtok_r(NULL, " ", &rest))
		found = fnmatch(word, value, 0) == 0;
	free(copy);
	return found;
}

const char *
conf_set(struct conf *conf, const char *name, const char *value)
{
	static char why[128];
	const struct conf_row *row = conf_rows;
	char *member;
	const char *text;

	while (row->name && strcmp(row->name, name) != 0)
		row++;
	if (!row->name)
		return "there is no such setting";
	member = (char *)conf + row->offset;
	switch (row->kind) {
	case CONF_KIND_INT:
		if (str_to_int(value, row->min, row->max, (int64_t *)(void *)member))
			return NULL;
		snprintf(why, sizeof(why), "it must be a whole number from %lld to %lld",
			(long long)row->min, (long long)row->max);
		return why;
	case CONF_KIND_BOOL:
		return read_bool(value, (bool *)member) ? NULL : "it must be on or off";
	case CONF_KIND_SECRET:
		text = value[0] == '@' && value[1] == '/' ? read_secret(value + 1)
							  : conf_keep(value, strlen(value));
		if (!text)
			return "the file with the secret cannot be used";
		*(const char **)(void *)member = text;
		return NULL;
	case CONF_KIND_TEXT:
		if (row->words && !is_word(row->words, value)) {
			snprintf(why, sizeof(why), "it must be %s: %s",
				strchr(row->words, '[') ? "like" : "one of", row->words);
			return why;
		}
		text = row->check ? row->check(value) : NULL;
		if (text)
			return text;
		*(const char **)(void *)member = conf_keep(value, strlen(value));
		return NULL;
	}
	abort();
}

static void
set_defaults(struct conf *conf)
{
	for (const struct conf_row *row = conf_rows; row->name; row++) {
		char *member = (char *)conf + row->offset;

		if (row->kind == CONF_KIND_INT)
			*(int64_t *)(void *)member = row->int_default;
		else if (row->kind == CONF_KIND_BOOL)
			*(bool *)member = row->int_default;
		else
			*(const char **)(void *)member = row->text_default;
	}
}

/* text without the space around it; cuts it off in place. */
static char *
trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static void
read_file(struct conf *conf, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		conf_refuse(conf, "%s: %s", path, strerror(errno));
	for (int number = 1; getline(&line, &room, file) >= 0; number++) {
		char *text = trim(line);
		char *equals = strchr(text, '=');
		const char *why;

		if (!*text || *text == '#')
			continue;
		if (!equals)
			conf_refuse(conf, "%s:%d: `key = value` is expected", path, number);
		*equals = '\0';
		text = trim(text);
		why = conf_set(conf, text, trim(equals + 1));
		if (why)
			conf_refuse(conf, "%s:%d: %s: %s", path, number, text, why);
	}
	if (ferror(file))
		conf_refuse(conf, "%s: %s", path, strerror(errno));
	free(line);
	fclose(file);
}

static void
set_from_option(struct conf *conf, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char *name;
	const char *why;

	if (!equals)
		conf_refuse(conf, "--set %s: key=value is expected", pair);
	name = conf_keep(pair, (size_t)(equals - pair));
	why = conf_set(conf, trim(name), equals + 1);
	if (why)
		conf_refuse(conf, "--set %s: %s", name, why);
}

/* What hangs on more than one setting. */
static void
check(const struct conf *conf)
{
	if (str_equal(conf->environment, "production") && *conf->id_secret &&
		secret_is_weak(conf->id_secret))
		conf_refuse(conf,
			"id_secret: it is a default, or too short: it must have at least %d random "
			"bytes",
			SECRET_BYTES_MIN);
	if (!str_equal(conf->payment_provider, "none") &&
		conf->payment_timeout_ms + CONF_PAYMENT_RECORD_MS > conf->worker_budget_ms)
		conf_refuse(conf,
			"payment_timeout_ms: it must be %d less than worker_budget_ms, or still "
			"less",
			CONF_PAYMENT_RECORD_MS);
}

void
conf_need_id_secret(const struct conf *conf)
{
	if (str_equal(conf->environment, "production") && *conf->id_secret == '\0')
		conf_refuse(conf, "no id_secret: it must be set");
}

bool
conf_option(struct conf *conf, const char *name, const char **value)
{
	size_t len = strlen(name);

	assert(*name != '-');
	for (int i = 0; i < conf->argc && !str_equal(conf->argv[i], "--"); i++) {
		const char *word = conf->argv[i];
		int used = 1;

		assert(word);
		if (!str_starts(word, "--") || strncmp(word + 2, name, len) != 0)
			continue;
		word += 2 + len;
		if (*word == '=' && value) {
			*value = word + 1;
		} else if (*word) {
			continue;
		} else if (value) {
			if (i + 1 == conf->argc)
				conf_refuse(conf, "--%s needs a value", name);
			*value = conf->argv[i + 1];
			used = 2;
		}
		conf->argc -= used;
		memmove(&conf->argv[i], &conf->argv[i + used],
			sizeof(*conf->argv) * (size_t)(conf->argc - i));
		return true;
	}
	return false;
}

void
conf_done(const struct conf *conf, int words_max)
{
	int words = 0;
	bool only_words = false;

	for (int i = 0; i < conf->argc; i++) {
		const char *word = conf->argv[i];

		if (only_words) {
			words++;
		} else if (str_equal(word, "--")) {
			only_words = true;
		} else if (word[0] == '-' && word[1]) {
			conf_refuse(conf, "unknown option %s (see --help)", word);
		} else {
			words++;
		}
	}
	if (words > words_max)
		conf_refuse(conf, "too many words on the command line (see --help)");
}

/* docs/benchmark.md has what more and fewer do; beyond that the sessions of PostgreSQL count. */
static int64_t
workers_for_processors(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 2 ? 4 : processors > 16 ? 32 : 2 * processors;
}

/* Takes the words of the command line that every program has, and reads the settings. */
static void
load(struct conf *conf, bool does_without)
{
	const char **pairs = calloc((size_t)conf->argc + 1, sizeof(*pairs));
	const char *file = NULL;
	size_t count = 0;

	if (!pairs)
		abort();
	while (conf_option(conf, "config", &file))
		;
	while (conf_option(conf, "set", &pairs[count]))
		count++;
	if (!file)
		file = getenv("HOLDFAST_CONF");
	FAULT_INIT(file, conf->program);
	if (file && *file) {
		conf->file = conf_keep(file, strlen(file));
		read_file(conf, file);
	} else {
		/* One that is there and cannot be read is not to be taken for none. */
		if (access(DEFAULT_FILE, R_OK) == 0 || (errno != ENOENT && !does_without))
			read_file(conf, DEFAULT_FILE);
	}
	conf_environment(conf);
	for (size_t i = 0; i < count; i++)
		set_from_option(conf, pairs[i]);
	free(pairs);
	check(conf);
	if (conf->workers_booking == 0)
		conf->workers_booking = workers_for_processors();
}

void
conf_load(struct conf *conf, const struct conf_program *program, int argc, char **argv)
{
	memset(conf, 0, sizeof(*conf));
	conf->program = program->name;
	conf->argv = calloc((size_t)argc + 1, sizeof(*conf->argv));
	if (!conf->argv)
		abort();
	for (int i = 1; i < argc; i++)
		conf->argv[conf->argc++] = argv[i];
	if (conf_option(conf, "help", NULL)) {
		conf_help(program);
		exit(0);
	}
	if (conf_option(conf, "version", NULL)) {
		printf("holdfast-%s %s\n", program->name, HOLDFAST_VERSION);
		exit(0);
	}
	set_defaults(conf);
	load(conf, program->does_without);
	if (conf_option(conf, "print-config", NULL)) {
		conf_print(conf);
		exit(0);
	}
}
