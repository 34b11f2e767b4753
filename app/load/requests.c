/*
 * A driver of requests that are alike: each connection sends the next one when its answer is there,
 * or, with a rate, when the next one is due. Then latency counts from the moment at which it was
 * due: a server that stalls is not spared the requests that it kept from being sent.
 */
#include "load/requests.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "load/fill.h"
#include "load/histogram.h"

#define HEAD_BYTES   4096
#define BODY_BYTES   65536
#define STATUS_MAX   600
#define DRAIN_US     6000000 /* time for the last answers: a server gives up before */
#define STEP_US      100000
#define EXIT_TROUBLE 2

struct connection {
	struct wire wire;
	struct requests_kind *kind;
	int64_t token, number;
	int64_t step;             /* of a chain: the kind that comes next */
	char made[37];            /* the booking that this chain has made */
	int64_t due_us, begun_us; /* the latter of what is under way: a chain's first request */
	struct connection *next_idle;
};

/* One run: the only state of this mode. */
static struct {
	struct requests *asked;
	struct loop loop;
	struct timer next;
	struct connection *connections, *idle;
	struct histogram latency;
	int64_t begun; /* chains, or requests where there are none */
	int64_t sent, answered, lost, busy, statuses[STATUS_MAX];
	int64_t began_us, ends_us;
	bool over;     /* nothing is left to ask for */
	char keys[17]; /* what the keys of this run begin with */
	char request[HEAD_BYTES + BODY_BYTES];
} run;

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "holdfast-loadgen: %s%s%s\n", what, errno ? ": " : "",
		errno ? strerror(errno) : "");
	exit(EXIT_TROUBLE);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Each earns its weight with every turn, the picked one pays for all: so rare ones are spread. */
struct requests_kind *
requests_pick(struct requests *requests)
{
	struct requests_kind *picked = requests->kinds;

	for (int64_t i = 0; i < requests->kinds_count; i++) {
		struct requests_kind *kind = &requests->kinds[i];

		kind->earned += kind->weight;
		if (kind->earned > picked->earned)
			picked = kind;
	}
	picked->earned -= requests->weights;
	return picked;
}

/* What a connection sends next. All of one chain has the same number and token. */
static void
kind_pick(struct connection *c)
{
	struct requests *asked = run.asked;

	c->kind = asked->chain ? asked->kinds + c->step : requests_pick(asked);
	if (asked->chain && c->step > 0)
		return;
	c->number = asked->from++;
	c->token = asked->tokens.count ? run.sent % asked->tokens.count : 0;
}

/* Makes the next request; its length, or 0 when there is nothing left to ask for. */
static size_t
request_next(struct connection *c)
{
	struct requests *asked = run.asked;
	static char path[HEAD_BYTES / 2], body[BODY_BYTES];
	const char *id = "", *token = "";
	char key[80] = "";
	size_t body_len;
	int len;

	if (run.sent == asked->most)
		return 0;
	kind_pick(c);
	if (asked->chain) {
		id = c->made;
	} else if (strstr(c->kind->path, "{id}")) {
		if (asked->ids.next == asked->ids.count)
			return 0;
		id = asked->ids.lines[asked->ids.next].text;
		c->token = asked->ids.lines[asked->ids.next++].token;
	}
	if (asked->tokens.count)
		token = asked->tokens.lines[c->token % asked->tokens.count].text;
	errno = 0;
	body_len = fill(body, sizeof(body), c->kind->body, c->number, id);
	if (!fill(path, sizeof(path), c->kind->path, c->number, id) ||
		(!body_len && *c->kind->body))
		fail("a request is too long");
	if (asked->keyed)
		snprintf(key, sizeof(key), "Idempotency-Key: %s-%" PRId64 "\r\n", run.keys,
			run.sent);
	len = snprintf(run.request, sizeof(run.request),
		"%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s%s"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		c->kind->method, path, asked->target.host, *token ? "Authorization: Bearer " : "",
		token, *token ? "\r\n" : "", key, body_len, body);
	if (len < 0 || (size_t)len >= sizeof(run.request))
		fail("a request is too long");
	run.sent++;
	return (size_t)len;
}

/* Sends the next request on an idle connection; false: there is none, and it stays idle. */
static bool
connection_send(struct connection *c, int64_t due_us)
{
	size_t len = run.over ? 0 : request_next(c);

	run.over |= len == 0;
	if (len == 0) {
		c->next_idle = run.idle;
		run.idle = c;
		return false;
	}
	c->due_us = due_us;
	if (!run.asked->chain || c->step == 0) {
		c->begun_us = due_us;
		run.begun++;
	}
	run.busy++;
	wire_send(&c->wire, run.request, len);
	return true;
}

/* When the request of this number, or the chain, is due, at a fixed rate. */
static int64_t
due_of(int64_t number)
{
	return run.began_us + (int64_t)((double)number * 1e6 / run.asked->rate);
}

/* Sends what is due on connections that are idle. */
static void
send_due(struct timer *timer)
{
	int64_t due_us = due_of(run.begun);

	while (run.idle && !run.over && due_us <= run.loop.now_us && due_us < run.ends_us) {
		struct connection *c = run.idle;

		run.idle = c->next_idle;
		connection_send(c, due_us);
		due_us = due_of(run.begun);
	}
	if (!run.over && due_us < run.ends_us && run.idle)
		timer_set(&run.loop, timer, due_us);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* At a fixed rate a chain is one thing: it takes until its last answer is there. */
static void
latency_add(const struct connection *c, int64_t until_us)
{
	histogram_add(&run.latency, until_us - (run.asked->rate > 0 ? c->begun_us : c->due_us));
}

/* Keeps the id of a booking that was made, with the token that may move it. */
static void
answer_save(struct connection *c)
{
	static const char name[] = "\"booking_id\":\"";
	const char *id = strstr(c->wire.answer.body, name);

	if (id)
		snprintf(c->made, sizeof(c->made), "%s", id + sizeof(name) - 1);
	if (id && run.asked->save)
		fprintf(run.asked->save, "%.36s %" PRId64 "\n", id + sizeof(name) - 1, c->token);
}

static void
answer_count(struct connection *c)
{
	int64_t done_us = c->wire.done_us;

	run.statuses[c->wire.answer.status]++;
	/* What comes after the end was under way then: its time counts, but not in the rate. */
	if (done_us <= run.ends_us) {
		run.answered++;
		c->kind->answered++;
		c->kind->good += c->wire.answer.status < 300;
	}
	if (c->wire.answer.status == 201)
		answer_save(c);
	/* What was refused is not followed by what builds on it. */
	c->step = c->wire.answer.status < 300 ? (c->step + 1) % run.asked->kinds_count : 0;
}

static void
on_done(struct wire *wire)
{
	struct connection *c =
		(struct connection *)(void *)((char *)wire - offsetof(struct connection, wire));

	run.busy--;
	if (wire->lost) {
		run.lost++;
		c->step = 0;
	} else {
		answer_count(c);
	}
	if (run.asked->rate > 0 && run.asked->chain && c->step > 0) {
		/* Where nothing is left to ask for, the chain ends with this answer. */
		if (!connection_send(c, wire->done_us))
			latency_add(c, wire->done_us);
		return;
	}
	latency_add(c, wire->done_us);
	if (run.asked->rate > 0) {
		c->next_idle = run.idle;
		run.idle = c;
		send_due(&run.next);
	} else if (wire->done_us < run.ends_us) {
		connection_send(c, wire->done_us);
	}
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Requests, or chains, that were due in time and are not sent yet. */
static int64_t
unsent(void)
{
	int64_t due = 0;

	if (run.asked->rate <= 0 || run.over)
		return 0;
	while (due_of(run.begun + due) < run.ends_us)
		due++;
	return due;
}

static void
drive(void)
{
	struct requests *asked = run.asked;

	for (int64_t i = 0; i < asked->connections; i++) {
		struct connection *c = &run.connections[i];

		wire_init(&c->wire, &run.loop, &asked->target);
		c->wire.done = on_done;
		c->wire.keeps_room = true;
		c->next_idle = i + 1 < asked->connections ? c + 1 : NULL;
	}
	run.began_us = run.loop.now_us = clock_monotonic_us();
	run.ends_us = run.began_us + (int64_t)(asked->seconds * 1e6);
	if (asked->rate > 0) {
		run.idle = run.connections;
		send_due(&run.next);
	} else {
		for (int64_t i = 0; i < asked->connections; i++)
			connection_send(&run.connections[i], clock_monotonic_us());
	}
	while (run.loop.now_us < run.ends_us + DRAIN_US &&
		(run.busy > 0 || (asked->rate > 0 && !run.over && run.loop.now_us < run.ends_us)))
		loop_step(&run.loop, STEP_US);
	if (run.loop.now_us < run.ends_us)
		run.ends_us = run.loop.now_us;
}

static void
report_histogram(void)
{
	const char *between = "";

	printf(",\"histogram\":[");
	for (int i = 0; i < HISTOGRAM_CELLS; i++) {
		if (run.latency.cells[i] > 0) {
			printf("%s[%" PRId64 ",%" PRId64 "]", between, histogram_cell_us(i),
				run.latency.cells[i]);
			between = ",";
		}
	}
	printf("]");
}

static void
report(int64_t left)
{
	double seconds = (double)(run.ends_us - run.began_us) / 1e6;
	const char *between = "";

	printf("{\"seconds\":%.3f,\"answered\":%" PRId64 ",\"rate\":%.1f", seconds, run.answered,
		(double)run.answered / seconds);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "50", "90", "99", "999" };
		static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };

		printf(",\"p%s_us\":%" PRId64, names[i],
			histogram_quantile(&run.latency, shares[i]));
	}
	printf(",\"max_us\":%" PRId64 ",\"lost\":%" PRId64, run.latency.most_us, run.lost);
	if (run.asked->rate > 0)
		printf(",\"offered\":%.1f,\"unsent\":%" PRId64, run.asked->rate, left);
	printf(",\"statuses\":{");
	for (int i = 0; i < STATUS_MAX; i++) {
		if (run.statuses[i] > 0) {
			printf("%s\"%d\":%" PRId64, between, i, run.statuses[i]);
			between = ",";
		}
	}
	printf("},\"requests\":[");
	for (int64_t i = 0; i < run.asked->kinds_count; i++)
		printf("%s{\"rate\":%.1f,\"good\":%" PRId64 "}", i > 0 ? "," : "",
			(double)run.asked->kinds[i].answered / seconds, run.asked->kinds[i].good);
	printf("],\"next\":%" PRId64, run.asked->from);
	if (run.asked->histogram)
		report_histogram();
	printf("}\n");
}

int
requests_run(struct requests *requests)
{
	int64_t left;

	unsigned char random[8];

	run.asked = requests;
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), run.keys);
	run.next.fire = send_due;
	run.connections = calloc((size_t)requests->connections, sizeof(*run.connections));
	if (!run.connections || !loop_init(&run.loop))
		fail("cannot begin");
	if (!wire_allow(requests->connections))
		fail("not enough files may be open");
	drive();
	/* What never was answered waited at least until now. */
	left = unsent();
	for (int64_t i = 0; i < left; i++)
		histogram_add(&run.latency, run.loop.now_us - due_of(run.begun + i));
	for (int64_t i = 0; i < requests->connections; i++) {
		struct connection *c = &run.connections[i];

		if (c->wire.busy)
			latency_add(c, run.loop.now_us);
		run.lost += c->wire.busy;
		wire_release(&c->wire);
	}
	report(left);
	loop_release(&run.loop);
	free(run.connections);
	errno = 0;
	if (requests->save && fclose(requests->save) != 0)
		fail("saved ids");
	return run.lost > 0 || run.answered == 0;
}

/* ---- what is asked --------------------------------------------------------------------------- */

/* Room for one line more, which is there when this returns. */
static struct requests_line *
list_grow(struct requests_list *list)
{
	if (list->count % 1024 == 0)
		list->lines =
			reallocarray(list->lines, (size_t)list->count + 1024, sizeof(*list->lines));
	if (!list->lines)
		abort();
	return &list->lines[list->count++];
}

const char *
requests_read(struct requests_list *list, const char *path, bool numbers)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!file)
		return "a file cannot be read";
	*list = (struct requests_list){ .lines = NULL };
	while (getline(&text, &room, file) > 0) {
		char *space = numbers ? strchr(text, ' ') : NULL;
		struct requests_line *line = list_grow(list);
		int64_t token = space ? strtol(space, NULL, 10) : 0;

		text[space ? (size_t)(space - text) : strcspn(text, "\n")] = '\0';
		*line = (struct requests_line){ strdup(text), token > 0 ? token : 0 };
		if (!line->text)
			abort();
	}
	free(text);
	fclose(file);
	return NULL;
}

const char *
requests_add(struct requests *requests, char *text)
{
	struct requests_kind *kind = &requests->kinds[requests->kinds_count];

	if (requests->kinds_count == REQUESTS_KINDS_MAX)
		return "too many kinds of requests";
	requests->kinds_count++;
	kind->weight = strtol(text, &text, 10);
	text += *text == ' ';
	kind->method = strsep(&text, " ");
	kind->path = text ? strsep(&text, " ") : NULL;
	kind->body = text ? text : "";
	if (kind->weight <= 0 || kind->weight > 1000000 || !kind->path)
		return "a request is WEIGHT METHOD PATH [BODY]";
	requests->weights += kind->weight;
	return NULL;
}
