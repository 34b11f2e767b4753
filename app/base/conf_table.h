/*
 * The rows of conf.def as a table: shared by the parts of base/conf alone.
 */
#ifndef HOLDFAST_CONF_TABLE_H
#define HOLDFAST_CONF_TABLE_H

#include "base/conf.h"

enum conf_kind { CONF_KIND_INT, CONF_KIND_BOOL, CONF_KIND_TEXT, CONF_KIND_SECRET };

struct conf_row {
	const char *name;
	enum conf_kind kind;
	size_t offset; /* of the member of struct conf */
	const char *text_default;
	int64_t int_default; /* of an int or a bool */
	int64_t min, max;
	/* of a text: all that it may be, as patterns separated by spaces, or NULL */
	const char *words;
	/* of a text: NULL where it may be that, else what is wrong, as the end of a sentence */
	const char *(*check)(const char *value);
	const char *alias; /* names in the environment, separated by spaces */
	const char *help;
};

/* Ends with a row without a name. */
extern const struct conf_row conf_rows[];

/* NULL: set. Else what is wrong with name or value, as the end of a sentence. */
const char *conf_set(struct conf *conf, const char *name, const char *value);

/* Every setting as `key = value` on stdout; secrets and passwords within addresses masked. */
void conf_print(const struct conf *conf);

/* What --help says, on stdout. */
void conf_help(const struct conf_program *program);

/* Applies the environment; ends the program (exit 2) on a mistake. */
void conf_environment(struct conf *conf);

/* Says the mistake on stderr and ends the program with exit 2. */
_Noreturn void
conf_refuse(const struct conf *conf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A copy that lives as long as the process. */
char *conf_keep(const char *text, size_t len);

#endif
