/*
 * The loop of every pool, and the frame around its handlers: the only code that reads the flags of
 * a route.
 */
#include "pools/serve.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/limit.h"
#include "domain/notice.h"
#include "http/token.h"
#include "pools/nudge.h"

#define START_PAUSE_MS 1000

/* Between two calls of idle that had more to do. */
#define IDLE_PAUSE_MS  500

const struct route route_all[] = {
#define ROUTE(pool, method, path, operation, flags, handler)                                       \
	{ #pool, #method, path, #operation, flags, NULL },
#include "pools/routes.def"
#undef ROUTE
	{ 0 },
};

static struct conf conf;
static struct context house;
static const struct pool *serving; /* once it can */

/* The number of each route of this pool among the labels of the metrics, which are all pools'. */
static int route_labels[METRICS_ROUTES_MAX];

struct context *
serve_context(void)
{
	return &house;
}

static enum problem
check_token(struct request *r)
{
	unsigned flags = r->route->flags;
	bool wanted = flags & (R_USER | R_STAFF);
	enum problem err;

	if (!wanted && !(flags & R_OPTIONAL_USER && request_header(r, "HTTP_AUTHORIZATION")))
		return PROBLEM_NONE;
	/* Whether a token is in force PostgreSQL's clock says, which is told on connecting. */
	if (!clock_is_told())
		pg_started(house.pg, house.deadline_us);
	err = token_check(r);
	if (err)
		return err;
	if (flags & R_STAFF && strcmp(r->who.role, "user") == 0) {
		r->why.detail = "This needs the role organizer or admin.";
		return PROBLEM_FORBIDDEN;
	}
	return PROBLEM_NONE;
}

static enum problem
check_limit(struct request *r)
{
	unsigned flags = r->route->flags;
	const char *who = limit_who(&house, r->who.user_id, r->address);

	if (flags & R_WRITE)
		return limit_check(
			&house, r->route->operation, who, conf.rate_write, conf.rate_write_burst);
	if (flags & R_READ)
		return limit_check(&house, "read", who, conf.rate_read, conf.rate_read_burst);
	return PROBLEM_NONE;
}

static enum problem
read_key(struct request *r)
{
	enum problem err = request_read_key(r);

	if (!err && r->route->flags & R_KEY && !r->key) {
		r->why.detail = "This call needs the header Idempotency-Key.";
		return PROBLEM_KEY_INVALID;
	}
	return err;
}

/* One request, up to the answer. Every branch on a route's flags is here; handlers have none. */
static enum problem
serve_request(struct request *r)
{
	enum problem err = request_read(r);

	house.deadline_us = r->deadline_us = r->started_us + conf.worker_budget_ms * 1000;
	if (!err)
		err = route_find(serving->routes, r);
	if (!err)
		err = check_token(r);
	if (!err)
		err = check_limit(r);
	if (!err && r->route->flags & R_BODY)
		err = request_read_body(r, conf.body_max_bytes);
	if (!err && r->route->flags & R_RAW)
		err = request_read_raw(r, ROUTE_RAW_BYTES_MAX);
	if (!err && r->route->flags & R_IDEMPOTENT)
		err = read_key(r);
	if (!err)
		err = r->route->handle(r);
	return err;
}

static void
log_request(const struct request *r, enum problem err, int64_t took_us)
{
	/* Probes, and what a rush is full of, such as places in a line (202): the metrics count
	 * them. */
	bool quiet = (r->route && r->route->flags & (R_BARE | R_READ_SELF) && r->status < 500) ||
		     r->status == 202 || err == PROBLEM_SEATS_UNAVAILABLE ||
		     err == PROBLEM_SOLD_OUT || err == PROBLEM_RATE_LIMITED;
	enum log_level level = quiet ? LOG_DEBUG : r->status == 500 ? LOG_ERROR : LOG_INFO;

	log_line(level, "method=%s route=%s status=%d problem=%s us=%lld id=%s%s%s", r->method,
		r->route ? r->route->path : "-", r->status, err ? problem_rows[err].slug : "-",
		(long long)took_us, r->id,
		err == PROBLEM_INTERNAL && r->why.detail ? " detail=" : "",
		err == PROBLEM_INTERNAL && r->why.detail ? log_value(r->why.detail) : "");
}

static void
count_request(const struct request *r, enum problem err, int64_t took_us)
{
	int label = r->route ? route_labels[r->route - serving->routes] : METRIC_ROUTE_NONE;

	metrics_add_pair(METRIC_REQUESTS, label, metrics_code(r->status), 1);
	metrics_observe(METRIC_REQUEST_SECONDS, label, took_us);
	if (err)
		metrics_add(METRIC_PROBLEMS, (int)err - 1, 1);
}

static void
serve_one(struct gate *gate)
{
	struct request r = { .gate = gate, .arena = house.arena };
	int64_t took_us;
	enum problem err;

	metrics_tick(clock_monotonic_us());
	FAULT("request.begun");
	house.why = &r.why;
	err = serve_request(&r);
	if (err == PROBLEM_METHOD && strcmp(r.method, "OPTIONS") == 0) {
		respond_empty(&r, 204);
		respond_header(&r, "Allow", r.allow);
		err = PROBLEM_NONE;
	} else if (err) {
		respond_problem(&r, err);
	}
	FAULT("answer.made");
	respond_send(&r);
	took_us = clock_monotonic_us() - r.started_us;
	/* Before the answer is out, so that whoever has it finds it counted. */
	count_request(&r, err, took_us);
	gate_finish(gate);
	FAULT("answer.sent");
	log_request(&r, err, took_us);
	if (!err && r.route && r.route->flags & R_TELLS) /* none: OPTIONS */
		nudge_note(&house);
	arena_reset(house.arena);
	house.why = NULL;
}

/*
 * Work that may wait gets a budget and a why of its own: no client hears of it. Notices come last,
 * since they tell of what the rest has done.
 */
static int
be_idle(void *ctx)
{
	struct problem_why why = { 0 };
	bool more;
	int pause_ms, nudge_ms;

	(void)ctx;
	house.why = &why;
	context_renew(&house);
	more = serving->idle && serving->idle(&house);
	pause_ms = notice_idle(&house);
	nudge_ms = nudge_idle(&house);
	if (nudge_ms >= 0 && (pause_ms < 0 || nudge_ms < pause_ms))
		pause_ms = nudge_ms;
	arena_reset(house.arena);
	house.why = NULL;
	return more && (pause_ms < 0 || pause_ms > IDLE_PAUSE_MS) ? IDLE_PAUSE_MS : pause_ms;
}

/* POOL METHOD PATH OPERATION FLAGS: the web servers' maps are made of these lines. */
static void
print_routes(const struct route *routes)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{ R_USER, "user" },
		{ R_STAFF, "staff" },
		{ R_BODY | R_RAW, "body" },
		{ R_IDEMPOTENT, "idempotent" },
		{ R_KEY, "key" },
		{ R_READ | R_READ_SELF, "read" },
		{ R_WRITE | R_WRITE_SELF, "write" },
		{ R_BARE, "bare" },
		{ R_OPTIONAL_USER, "optional-user" },
		{ R_SHARED, "shared" },
		{ R_TELLS, "tells" },
	};

	for (; routes->path; routes++) {
		const char *between = " ";

		printf("%s %s %s %s", routes->pool, routes->method, routes->path,
			routes->operation);
		for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
			if (routes->flags & names[i].flag) {
				printf("%s%s", between, names[i].name);
				between = ",";
			}
		}
		printf("%s\n", routes->flags ? "" : " -");
	}
}

static void
open_metrics(const struct pool *pool)
{
	static struct metrics_route routes[METRICS_ROUTES_MAX];
	int count = 0;

	for (const struct route *route = route_all; route->path; route++) {
		assert(count < METRICS_ROUTES_MAX);
		routes[count++] = (struct metrics_route){ route->method, route->path };
		for (int i = 0; pool->routes[i].path; i++) {
			if (str_equal(pool->routes[i].method, route->method) &&
				str_equal(pool->routes[i].path, route->path))
				route_labels[i] = count;
		}
	}
	if (!metrics_open(conf.metrics_file, routes, (size_t)count) && *conf.metrics_file)
		log_line(LOG_WARN, "metrics=off file=%s", log_value(conf.metrics_file));
	metrics_join(conf.program);
}

/* check: the settings are looked at as for a start, and nothing else happens. */
static void
prepare(const struct pool *pool, int argc, char **argv, bool *check)
{
	struct conf_program program = pool->program;
	bool routes_wanted;

	if (!program.options)
		program.options = "  --routes           print the table of routes and end\n"
				  "  --check            end, with 2 where settings are refused\n";
	conf_load(&conf, &program, argc, argv);
	routes_wanted = conf_option(&conf, "routes", NULL);
	*check = conf_option(&conf, "check", NULL);
	conf_done(&conf, 0);
	if (routes_wanted) {
		print_routes(pool->routes);
		exit(0);
	}
	if (pool->derives_ids)
		conf_need_id_secret(&conf);
	log_init(conf.program, log_level_of(conf.log_level));
	if (!*check)
		open_metrics(pool);
	token_init(&conf);
	respond_allow_origins(conf.allowed_origins);
	house.conf = &conf;
	house.arena = arena_new();
	/* Neither connects yet: a pool is up, and answers 503, while a server is away. */
	house.pg = pg_open(&conf);
	house.redis = redis_open(&conf);
}

/*
 * A supervisor starts a worker again at once. One that cannot even start, since a setting is wrong,
 * waits a little, so that this does not become a busy loop.
 */
static void
slow_down(int status, void *none)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	(void)none;
	if (status != 0 && !serving &&
		getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
		listening)
		poll(NULL, 0, START_PAUSE_MS);
}

int
serve(const struct pool *pool, int argc, char **argv)
{
	struct gate *gate;
	bool check;

	on_exit(slow_down, NULL);
	prepare(pool, argc, argv, &check);
	if (check) {
		if (pool->start)
			pool->start(&house);
		return 0;
	}
	gate = gate_open();
	serving = pool;
	if (pool->start)
		pool->start(&house);
	log_line(LOG_DEBUG, "event=start");
	while (gate_accept(gate, be_idle, NULL))
		serve_one(gate);
	log_line(LOG_DEBUG, "event=stop");
	gate_close(gate);
	redis_close(house.redis);
	pg_close(house.pg);
	metrics_close();
	arena_free(house.arena);
	return 0;
}
