/*
 * The connection to PostgreSQL, over libpq's asynchronous calls: no wait here is without a bound.
 *
 * Statements run in libpq's pipeline mode, one unit of work (up to a Sync) a transaction; what an
 * answer, or the lack of one, means is judged in pg_judge.c.
 *
 * The name of the database's host is looked up by libpq with the system's resolver, which has
 * limits of its own: sockets and numeric addresses have none to wait for.
 */
#include "store/pg.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/pg_address.h"
#include "store/pg_judge.h"
#include "store/wait.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

#define REPEATS_MAX 3      /* of a statement that met a deadlock or a serialisation failure */
#define STARTED_US  100000 /* a restart may be seen so late by what is only a hint */
#define UNITS_MAX   2      /* a statement, and the flush that may follow */
#define FLUSH_NAME  "flush"
#define FLUSH_TEXT  "select pg_logical_emit_message(true, 'holdfast', '')"
#define SERVER_TEXT                                                                                \
	"select pg_postmaster_start_time(), "                                                      \
	"(extract(epoch from clock_timestamp()) * 1e6)::bigint, pg_is_in_recovery()"
#define SESSION_OPTIONS "-c datestyle=ISO -c timezone=UTC -c intervalstyle=iso_8601"

struct pg {
	const char *conninfo;
	const char *used_by; /* " program ", to be found in a statement's used_by */
	const char *user;    /* NULL where the connection string names one */
	const char *options;
	const char *application;
	struct pg_host *hosts;
	size_t hosts_count;
	size_t host;         /* where the last connection was */
	int64_t connect_us;  /* time for one attempt, and the pause after a failed one */
	int64_t asked_us;    /* when pg_started() last looked at the connection */
	int64_t retry_at_us; /* no attempt before this monotonic time */
	PGconn *conn;        /* NULL: none */
	bool away;           /* its loss has been logged */
	struct arena *arena; /* strings that live as long as this */
	char started[64];
};

/* What the server said to one unit of work. */
struct answer {
	PGresult *rows;  /* of the last success */
	PGresult *error; /* the first error */
	bool complete;   /* the unit came to its end: the server waits for the next */
};

/* ---- waiting --------------------------------------------------------------------------------- */

/* Sends all that libpq has in its buffer, reading meanwhile so that neither side blocks. */
static bool
output_flush(PGconn *conn, int64_t deadline_us)
{
	short got;

	for (;;) {
		int left = PQflush(conn);

		if (left <= 0)
			return left == 0;
		got = wait_for(PQsocket(conn), POLLIN | POLLOUT, deadline_us);
		if (got == 0)
			return false;
		if ((got & POLLIN) && !PQconsumeInput(conn))
			return false;
	}
}

/* Waits until PQgetResult() will not block. */
static bool
input_wait(PGconn *conn, int64_t deadline_us)
{
	while (PQisBusy(conn)) {
		if (!wait_for(PQsocket(conn), POLLIN, deadline_us))
			return false;
		if (!PQconsumeInput(conn))
			return !PQisBusy(conn);
	}
	return true;
}

static void
answer_add(struct answer *answer, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool success = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
		       status == PGRES_EMPTY_QUERY;

	if (success) {
		PQclear(answer->rows);
		answer->rows = result;
	} else if (answer->error == NULL) {
		answer->error = result;
	} else {
		PQclear(result);
	}
}

/*
 * Reads the answers to so many units of a pipeline, or, outside of pipelines, to one simple query.
 * False: the connection was lost or the time is over; what came before is in answers.
 */
static bool
answers_read(PGconn *conn, int64_t deadline_us, struct answer *answers, int units)
{
	bool pipeline = PQpipelineStatus(conn) != PQ_PIPELINE_OFF;
	int nothing = 0;

	for (int unit = 0; unit < units;) {
		PGresult *result;

		if (!input_wait(conn, deadline_us))
			return false;
		result = PQgetResult(conn);
		if (result == NULL) {
			/* One after each statement of a pipeline; never two on end. */
			if (PQstatus(conn) == CONNECTION_BAD || (pipeline && ++nothing > 1))
				return false;
			if (!pipeline)
				answers[unit++].complete = true;
			continue;
		}
		nothing = 0;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			answers[unit++].complete = true;
		} else {
			answer_add(&answers[unit], result);
		}
	}
	return true;
}

static void
answers_clear(struct answer *answers, int units)
{
	for (int i = 0; i < units; i++) {
		PQclear(answers[i].rows);
		PQclear(answers[i].error);
	}
}

/* ---- the connection -------------------------------------------------------------------------- */

static void
notice_ignore(void *ctx, const PGresult *notice)
{
	(void)ctx;
	(void)notice;
}

/* Ends a connection that is of no use; its loss is logged once until there is a new one. */
static void
connection_drop(struct pg *pg, const char *reason)
{
	if (reason == NULL || *reason == '\0')
		reason = PQerrorMessage(pg->conn);
	if (!pg->away)
		log_line(LOG_WARN, "postgres=away reason=%s",
			pg_reason(*reason != '\0' ? reason : "no answer in time"));
	pg->away = true;
	FAULT_SOCKET(FAULT_POSTGRES, -1);
	PQfinish(pg->conn);
	pg->conn = NULL;
}

/* libpq takes no notice of a parameter without a value. */
static bool
connection_start(struct pg *pg, const struct pg_host *host, int64_t deadline_us)
{
	const char *keys[] = { "dbname", "application_name", "client_encoding", "options", "user",
		"host", "hostaddr", "port", NULL };
	const char *values[] = { pg->conninfo, pg->application, "UTF8", pg->options, pg->user,
		host->host, host->address, host->port, NULL };
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	pg->conn = PQconnectStartParams(keys, values, 1);
	if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD)
		return false;
	PQsetNoticeReceiver(pg->conn, notice_ignore, NULL);
	while (state != PGRES_POLLING_OK) {
		bool reading = state == PGRES_POLLING_READING;

		if (!wait_for(PQsocket(pg->conn), reading ? POLLIN : POLLOUT, deadline_us))
			return false;
		state = PQconnectPoll(pg->conn);
		if (state == PGRES_POLLING_FAILED)
			return false;
	}
	return PQsetnonblocking(pg->conn, 1) == 0 && PQenterPipelineMode(pg->conn);
}

/* Prepares this program's statements and reads the server's start and clock, in one round trip. */
static bool
connection_prepare(struct pg *pg, int64_t deadline_us, struct answer *answer)
{
	bool flush = false;

	for (const struct pg_statement *s = pg_statements; s->name != NULL; s++) {
		if (strstr(s->used_by, pg->used_by) == NULL)
			continue;
		flush = flush || s->flush;
		if (!PQsendPrepare(pg->conn, s->name, s->text, s->params, NULL))
			return false;
	}
	if (flush && !PQsendPrepare(pg->conn, FLUSH_NAME, FLUSH_TEXT, 0, NULL))
		return false;
	if (!PQsendQueryParams(pg->conn, SERVER_TEXT, 0, NULL, NULL, NULL, NULL, 0) ||
		!PQpipelineSync(pg->conn) || !output_flush(pg->conn, deadline_us) ||
		!answers_read(pg->conn, deadline_us, answer, 1))
		return false;
	/* Of several the one that is wanted takes writes. */
	return answer->error == NULL && PQntuples(answer->rows) == 1 &&
	       (pg->hosts_count == 1 || *PQgetvalue(answer->rows, 0, 2) == 'f');
}

static bool
connection_try(struct pg *pg, const struct pg_host *host, int64_t deadline_us)
{
	struct answer answer = { .rows = NULL };
	bool usable = connection_start(pg, host, deadline_us) &&
		      connection_prepare(pg, deadline_us, &answer);

	if (usable) {
		snprintf(pg->started, sizeof(pg->started), "%s", PQgetvalue(answer.rows, 0, 0));
		clock_tell(strtoll(PQgetvalue(answer.rows, 0, 1), NULL, 10));
		pg->retry_at_us = 0;
		metrics_add(METRIC_CONNECTS, METRIC_SERVER_POSTGRES, 1);
		FAULT_SOCKET(FAULT_POSTGRES, PQsocket(pg->conn));
		if (pg->away)
			log_line(LOG_INFO, "postgres=back");
		pg->away = false;
	} else {
		connection_drop(pg,
			answer.rows ? "it takes no writes" : PQresultErrorMessage(answer.error));
	}
	answers_clear(&answer, 1);
	return usable;
}

/* Each server is asked in turn, the last one first: libpq goes on only where one refuses. */
static bool
connection_open(struct pg *pg, int64_t deadline_us)
{
	int64_t now_us = clock_monotonic_us(), until_us;

	if (now_us < pg->retry_at_us)
		return false;
	for (size_t i = 0; i < pg->hosts_count && now_us < deadline_us; i++) {
		until_us = now_us + pg->connect_us;
		pg->retry_at_us = until_us;
		if (connection_try(pg, &pg->hosts[pg->host],
			    until_us < deadline_us ? until_us : deadline_us))
			return true;
		pg->host = (pg->host + 1) % pg->hosts_count;
		now_us = clock_monotonic_us();
	}
	return false;
}

/*
 * Whether there is a connection to send on. One that the server has closed while it was idle is
 * seen here, before anything is sent, so that a restart of the server leaves no outcome unknown.
 * Inside a transaction that is an error: what went before is lost.
 */
static bool
connection_ready(struct pg *pg, int64_t deadline_us)
{
	if (pg->conn != NULL) {
		bool idle = PQtransactionStatus(pg->conn) == PQTRANS_IDLE;
		struct pollfd fd = { .fd = PQsocket(pg->conn), .events = POLLIN };
		const char *over = NULL;

		/* A transaction left open would swallow what comes next on this connection. */
		if (!idle && clock_monotonic_us() >= deadline_us)
			over = "no time left in a transaction";
		else if (idle && clock_has_moved())
			over = "the clock of this host has moved";
		/* A farewell and the end of the stream are two reads; notices may come before. */
		for (int i = 0; over == NULL && i < 8 && PQstatus(pg->conn) == CONNECTION_OK; i++) {
			if (poll(&fd, 1, 0) <= 0)
				return true;
			PQconsumeInput(pg->conn);
			PQisBusy(pg->conn);
		}
		if (over == NULL && PQstatus(pg->conn) == CONNECTION_OK)
			return true;
		connection_drop(pg, over != NULL ? over : "closed by the server");
		if (!idle)
			return false;
	}
	return connection_open(pg, deadline_us);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static enum problem
answer_judge(const struct answer *answer, bool simple, const char *name, struct arena *arena,
	struct problem_why *why, enum pg_next *next)
{
	/* PQresultErrorField() of no error gives NULL. */
	const struct pg_said said = {
		.simple = simple,
		.success = answer->rows != NULL,
		.complete = answer->complete,
		.error = answer->error != NULL,
		.severity = PQresultErrorField(answer->error, PG_DIAG_SEVERITY_NONLOCALIZED),
		.state = PQresultErrorField(answer->error, PG_DIAG_SQLSTATE),
		.message = PQresultErrorField(answer->error, PG_DIAG_MESSAGE_PRIMARY),
		.detail = PQresultErrorField(answer->error, PG_DIAG_MESSAGE_DETAIL),
	};

	return pg_judge(&said, name, arena, why, next);
}

static void
result_release(void *result)
{
	PQclear(result);
}

static void
rows_hand_over(struct answer *answer, struct arena *arena, struct pg_rows *out)
{
	arena_on_reset(arena, result_release, answer->rows);
	if (out != NULL)
		*out = (struct pg_rows){ .result = answer->rows, .count = PQntuples(answer->rows) };
	answer->rows = NULL;
}

/* Sends the statement once and judges what comes back. */
static enum problem
statement_run(struct pg *pg, const struct pg_statement *statement, const char *const *params,
	struct arena *arena, int64_t deadline_us, struct problem_why *why, struct pg_rows *out,
	enum pg_next *next)
{
	struct answer answers[UNITS_MAX] = { { .rows = NULL } };
	int units = statement->flush ? 2 : 1;
	enum problem problem;
	bool whole;

	FAULT_CALL(statement->name, "sending");
	whole = PQsendQueryPrepared(
			pg->conn, statement->name, statement->params, params, NULL, NULL, 0) &&
		PQpipelineSync(pg->conn) &&
		(!statement->flush ||
			(PQsendQueryPrepared(pg->conn, FLUSH_NAME, 0, NULL, NULL, NULL, 0) &&
				PQpipelineSync(pg->conn))) &&
		output_flush(pg->conn, deadline_us);
	FAULT_CALL(statement->name, "sent");
	/* Also after a failed write: the server's last words may be waiting to be read. */
	whole = answers_read(pg->conn, deadline_us, answers, units) && whole;
	problem = answer_judge(&answers[0], false, statement->name, arena, why, next);
	if (!problem && statement->flush && (!answers[1].complete || answers[1].error != NULL))
		problem = PROBLEM_UNKNOWN_OUTCOME;
	if (!whole || *next == PG_RECONNECT)
		connection_drop(pg, NULL);
	if (!problem)
		rows_hand_over(&answers[0], arena, out);
	answers_clear(answers, UNITS_MAX);
	return problem;
}

enum problem
pg_call_run(struct pg *pg, const struct pg_statement *statement, const char *const *params,
	struct arena *arena, int64_t deadline_us, struct problem_why *why, struct pg_rows *out)
{
	bool reconnected = false;

	assert(strstr(statement->used_by, pg->used_by) != NULL);
	for (int repeats = 0;;) {
		enum pg_next next = PG_RETURN;
		enum problem problem;
		bool alone;

		if (!connection_ready(pg, deadline_us) || clock_monotonic_us() >= deadline_us)
			return PROBLEM_UNAVAILABLE;
		/* In a caller's transaction only the caller can repeat, from its beginning. */
		alone = PQtransactionStatus(pg->conn) == PQTRANS_IDLE;
		problem = statement_run(pg, statement, params, arena, deadline_us, why, out, &next);
		if (!alone || next == PG_RETURN || (next == PG_REPEAT && repeats == REPEATS_MAX) ||
			(next == PG_RECONNECT && reconnected))
			return problem;
		if (next == PG_REPEAT)
			pg_repeat_pause(repeats++);
		else
			reconnected = true;
	}
}

enum problem
pg_exec_run(struct pg *pg, const char *sql, struct arena *arena, int64_t deadline_us,
	struct problem_why *why, struct pg_rows *out)
{
	struct answer answer = { .rows = NULL };
	enum pg_next next = PG_RETURN;
	enum problem problem;
	bool whole;

	if (!connection_ready(pg, deadline_us) || clock_monotonic_us() >= deadline_us)
		return PROBLEM_UNAVAILABLE;
	whole = PQexitPipelineMode(pg->conn) && PQsendQuery(pg->conn, sql) &&
		output_flush(pg->conn, deadline_us);
	whole = answers_read(pg->conn, deadline_us, &answer, 1) && whole;
	problem = answer_judge(&answer, true, "sql", arena, why, &next);
	if (!whole || next == PG_RECONNECT || !PQenterPipelineMode(pg->conn))
		connection_drop(pg, NULL);
	if (!problem)
		rows_hand_over(&answer, arena, out);
	answers_clear(&answer, 1);
	return problem;
}

/* ---- opening, closing, reading --------------------------------------------------------------- */

struct pg *
pg_open(const struct conf *conf)
{
	struct arena *arena = arena_new();
	struct pg *pg = ARENA_NEW(arena, struct pg);
	PQconninfoOption *options = PQconninfoParse(conf->database_url, NULL);
	const char *host = NULL, *address = NULL, *port = NULL;

	if (options == NULL) {
		/* libpq's own words could quote a password. */
		fprintf(stderr, "holdfast-%s: database_url is not a valid connection string\n",
			conf->program);
		exit(2);
	}
	pg->arena = arena;
	pg->conninfo = arena_strdup(arena, conf->database_url);
	pg->used_by = arena_printf(arena, " %s ", conf->program);
	pg->user = pg->application = pg_role(arena, conf->program);
	pg->options = SESSION_OPTIONS;
	pg->connect_us = conf->postgres_connect_ms * 1000;
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		if (str_equal(o->keyword, "user"))
			pg->user = NULL;
		else if (str_equal(o->keyword, "options"))
			pg->options = arena_printf(arena, "%s %s", o->val, SESSION_OPTIONS);
		else if (str_equal(o->keyword, "host"))
			host = o->val;
		else if (str_equal(o->keyword, "hostaddr"))
			address = o->val;
		else if (str_equal(o->keyword, "port"))
			port = o->val;
	}
	pg->hosts_count = pg_hosts_read(arena, host, address, port, &pg->hosts);
	PQconninfoFree(options);
	return pg;
}

void
pg_close(struct pg *pg)
{
	PQfinish(pg->conn);
	arena_free(pg->arena);
}

const char *
pg_text(const struct pg_rows *rows, int row, int column)
{
	assert(row >= 0 && row < rows->count && column < PQnfields(rows->result));
	return PQgetisnull(rows->result, row, column) ? NULL
						      : PQgetvalue(rows->result, row, column);
}

const char *
pg_started(struct pg *pg, int64_t deadline_us)
{
	int64_t now_us = clock_monotonic_us();

	if (pg->conn != NULL && now_us - pg->asked_us < STARTED_US)
		return pg->started;
	if (!connection_ready(pg, deadline_us) && *pg->started == '\0')
		return "";
	pg->asked_us = now_us;
	return pg->started;
}

bool
pg_is_up(const struct pg *pg)
{
	return pg->conn != NULL;
}
