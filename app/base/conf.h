/*
 * The configuration: one struct, made with its parser, its printer and its checks from conf.def.
 *
 * Order, later wins: defaults, the file (`key = value`, # comments), the environment (HOLDFAST_KEY
 * and the aliases of conf.def), --set key=value. An unknown key in the file or in --set, or a value
 * out of bounds, is refused with file and line.
 */
#ifndef HOLDFAST_CONF_H
#define HOLDFAST_CONF_H

#include "base/base.h"

/* Of worker_budget_ms: what a call of the payment provider leaves, to write down what it said. */
#define CONF_PAYMENT_RECORD_MS 1000

struct conf {
#define CONF_INT(name, fallback, min, max, alias, help) int64_t name;
#define CONF_BOOL(name, fallback, alias, help)          bool name;
#define CONF_TEXT(name, fallback, alias, help)          const char *name;
#define CONF_WORD(name, fallback, words, alias, help)   const char *name;
#define CONF_LIST(name, fallback, check, alias, help)   const char *name;
#define CONF_SECRET(name, fallback, alias, help)        const char *name;
#include "base/conf.def"
#undef CONF_INT
#undef CONF_BOOL
#undef CONF_TEXT
#undef CONF_WORD
#undef CONF_LIST
#undef CONF_SECRET
	const char *file;    /* that was named and read; NULL: none */
	const char *program; /* "booking", "verify", …: also the name of its PostgreSQL role */
	int argc;            /* what is left of the command line: the program's own words */
	char **argv;
};

/* What a program says of itself in --help. */
struct conf_program {
	const char *name;    /* without the prefix holdfast- */
	const char *summary; /* one line */
	const char *usage;   /* "[OPTION]... --event ID" */
	const char *options; /* its own options, one line each, or NULL */
	bool does_without;   /* the usual file is passed over where it may not be read */
};

/*
 * Reads options, file and environment. --help, --version and --print-config are answered here (exit
 * 0, secrets masked); a mistake is said on stderr (exit 2). Common options are taken out of argv;
 * the rest, own options included, is left in conf->argc/argv. Strings live as long as the process.
 */
void conf_load(struct conf *conf, const struct conf_program *program, int argc, char **argv);

/*
 * Takes `--name VALUE`, `--name=VALUE` (value not NULL) or `--name` (value NULL) out of the rest.
 * False: not there. A missing value ends the program with exit 2.
 */
bool conf_option(struct conf *conf, const char *name, const char **value);

/*
 * For programs that derive ids from id_secret, once they are to do more than tell of themselves:
 * ends them (exit 2) where it is empty in production, since everybody could derive the same.
 */
void conf_need_id_secret(const struct conf *conf);

/* Ends the program (exit 2) if an option nobody took, or more than words_max words, is left. */
void conf_done(const struct conf *conf, int words_max);

#endif
