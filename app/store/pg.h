/*
 * One connection to PostgreSQL. libpq is included by pg.c alone.
 *
 * Statements come from sql/queries through app/gen, which makes a typed C function of each; they
 * are prepared when the connection is made. Every wait has a deadline. A lost connection is made
 * anew at the next call, at most once in postgres_connect_ms while the server is away.
 */
#ifndef HOLDFAST_PG_H
#define HOLDFAST_PG_H

#include "base/conf.h"
#include "base/problem.h"

struct pg;

struct pg_statement {
	const char *name;
	const char *text;
	int params;
	const char *
		used_by; /* programs that prepare it: " booking verify " with a space around each */
	bool flush;      /* followed in the same round trip by a small synchronous transaction */
	bool durable;    /* has something wait for the disk, and for a synchronous replica */
};

/* All statements, ends with a row without name. Generated. */
extern const struct pg_statement pg_statements[];

/* Rows of an answer, text format; valid until the arena is reset. */
struct pg_rows {
	void *result;
	int count;
};

/*
 * Does not connect yet. conf->program chooses the statements, and the role where database_url has
 * none. Ends the program where database_url cannot be read.
 */
struct pg *pg_open(const struct conf *conf);
void pg_close(struct pg *pg);

/*
 * Runs one prepared statement. deadline_us is monotonic. Result rows are registered on the arena.
 *
 * PROBLEM_NONE; the problem of the SQLSTATE, with DETAIL (JSON object text of extensions, for class
 * HF) and the message in why; UNAVAILABLE: not sent, or refused as a whole by the server (starting
 * up, shutting down, too many connections), so that nothing can have happened; UNKNOWN_OUTCOME:
 * sent, no answer: it may have been committed. Once a durable one has run out of its time, those
 * that follow are not sent as long as a commit waits for a replica that is away. 40P01 and 40001
 * are repeated here, at most three times, with jitter. 55P03 is BUSY.
 */
enum problem pg_call(struct pg *pg, const struct pg_statement *statement, const char *const *params,
	struct arena *arena, int64_t deadline_us, struct problem_why *why, struct pg_rows *out);

/* Plain SQL without parameters (transactions of tools, LISTEN …). Same failures. */
enum problem pg_exec(struct pg *pg, const char *sql, struct arena *arena, int64_t deadline_us,
	struct problem_why *why, struct pg_rows *out);

/* A value, NULL for SQL null. */
const char *pg_text(const struct pg_rows *rows, int row, int column);
int64_t pg_int(const struct pg_rows *rows, int row, int column); /* null is 0 */
bool pg_bool(const struct pg_rows *rows, int row, int column);

/* Array literals ("{…}") of count elements, for parameters of type text[] and int[]. */
const char *pg_array_text(struct arena *arena, const char *const *items, size_t count);
const char *pg_array_int(struct arena *arena, const int64_t *items, size_t count);

/* Elements of a one-dimensional array in text format; NULL elements become NULL. Returns
 * the count. */
size_t pg_array_read(struct arena *arena, const char *literal, const char ***items);

/*
 * pg_postmaster_start_time() of the server as text; "" while there has been no connection. Connects
 * if there is none.
 */
const char *pg_started(struct pg *pg, int64_t deadline_us);

bool pg_is_up(const struct pg *pg); /* the last call reached the server */

#endif
