/*
 * Whole requests over FastCGI to a pool: its own program with its own routes and handlers, while
 * PostgreSQL and Redis are away. Whatever comes, the answer is one, and no fault of ours.
 *
 * Input: METHOD TARGET; lines `Name: value` of header fields; an empty line; the body. The tokens
 * @user and @admin stand for ones that are good. Content-Length may say another length.
 *
 * The pool's main() is frame_pool() here, and what it calls to serve is frame_open().
 */
#include "pools/serve.c"

#include <ctype.h>
#include <fcntl.h>
#include <sys/un.h>

#include "answer.h"
#include "http/gate_parts.h"

#define REQUEST_ID   1
#define RECORD_MAX   65535
#define BEGIN        1
#define END          3
#define PARAMS       4
#define STDIN        5
#define STDOUT       6
#define USER         "0b8f7c5e-3a52-4d1c-9f7e-2d6a1b3c4d5e"
#define TOKENS_EVERY 4096 /* inputs, so that none gets too old */

int frame_pool(int argc, char **argv);
int frame_open(const struct pool *pool, int argc, char **argv);

static struct gate *gate;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;
static char token_user[1024], token_admin[1024];

/* The socket that a web server connects to; the kernel chooses a name. */
static void
listen_here(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert(fd >= 0);
	assert(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	assert(listen(fd, 4) == 0);
	address_len = sizeof(address);
	assert(getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
	assert(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
}

int
frame_open(const struct pool *pool, int argc, char **argv)
{
	bool check;

	prepare(pool, argc, argv, &check);
	gate = gate_open();
	assert(!gate_is_cgi(gate));
	serving = pool;
	if (pool->start)
		pool->start(&house);
	return 0;
}

static void
open_pool(void)
{
	static char *argv[] = { "holdfast-fuzz", "--set=environment=development",
		"--set=database_url=postgresql://nobody@/none?host=/nonexistent",
		"--set=redis_url=", "--set=metrics_file=", "--set=rate_limit=off",
		"--set=jwt_secret=5c1f0e7ab93d42868f0e6d1b7a3c9e54", "--set=log_level=error",
		"--set=id_secret=5c1f0e7ab93d42868f0e6d1b7a3c9e54", "--set=password_cost=1",
		"--set=payment_provider=stripe", "--set=stripe_api_key=sk_test_1",
		"--set=stripe_api_base=http://127.0.0.1:9", "--set=stripe_webhook_secret=whsec_1",
		"--set=webhooks_allow_private=on", "--set=worker_budget_ms=1100",
		"--set=payment_timeout_ms=100", "--set=allowed_origins=https://shop.example.test",
		NULL };

	/* A body that is longer than announced is not waited for when the connection is closed. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
	listen_here();
	clock_tell(INT64_C(1800000000) * 1000000);
	frame_pool(ARRAY_LENGTH(argv) - 1, argv);
}

/* ---- what a web server sends ----------------------------------------------------------------- */

static void
add_record(struct str *out, int type, const char *bytes, size_t len)
{
	const unsigned char head[] = { 1, (unsigned char)type, 0, REQUEST_ID,
		(unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	assert(len <= RECORD_MAX);
	str_add_bytes(out, (const char *)head, sizeof(head));
	str_add_bytes(out, bytes, len);
}

/* Lengths below 128 in one byte, others in four. */
static void
add_length(struct str *out, size_t len)
{
	if (len >= 128) {
		str_add_char(out, (char)(len >> 24 | 0x80));
		str_add_char(out, (char)(len >> 16));
		str_add_char(out, (char)(len >> 8));
	}
	str_add_char(out, (char)len);
}

static void
add_param(struct str *out, const char *name, const char *value)
{
	add_length(out, strlen(name));
	add_length(out, strlen(value));
	str_add(out, name);
	str_add(out, value);
}

/* Content-Type is CONTENT_TYPE, and X-Queue-Pass HTTP_X_QUEUE_PASS. */
static const char *
cgi_name(const char *field)
{
	bool content = strncasecmp(field, "Content-", 8) == 0;
	char *name = arena_printf(arena, "%s%s", content ? "" : "HTTP_", field);

	for (char *c = name; *c; c++)
		*c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
	return name;
}

static void
add_field(struct str *out, const char *field, const char *value)
{
	const char *at = strchr(value, '@');

	if (at && str_equal(at, "@user"))
		value = arena_printf(arena, "%.*s%s", (int)(at - value), value, token_user);
	else if (at && str_equal(at, "@admin"))
		value = arena_printf(arena, "%.*s%s", (int)(at - value), value, token_admin);
	add_param(out, cgi_name(field), value);
}

/* All of the connection. *head: the method is HEAD. */
static struct str
request_bytes(struct input in, bool *head)
{
	static const char begin[8] = { 0, 1 }; /* a responder; the connection is closed then */
	char *target = fuzz_line(&in), *space = strchr(target, ' '), *line;
	bool length_told = false;
	struct str out, params;

	str_init(&out, arena);
	str_init(&params, arena);
	if (space)
		*space = '\0';
	*head = str_equal(target, "HEAD");
	add_param(&params, "REQUEST_METHOD", target);
	add_param(&params, "REQUEST_URI", space ? space + 1 : "/");
	add_param(&params, "REMOTE_ADDR", "192.0.2.7");
	while (*(line = fuzz_line(&in))) {
		char *colon = strstr(line, ": ");

		if (!colon)
			continue;
		*colon = '\0';
		length_told = length_told || strcasecmp(line, "Content-Length") == 0;
		add_field(&params, line, colon + 2);
	}
	if (!length_told)
		add_param(&params, "CONTENT_LENGTH", arena_printf(arena, "%zu", in.left));
	add_record(&out, BEGIN, begin, sizeof(begin));
	add_record(&out, PARAMS, params.data, params.len > RECORD_MAX ? RECORD_MAX : params.len);
	add_record(&out, PARAMS, "", 0);
	if (in.left)
		add_record(&out, STDIN, (const char *)in.at, in.left);
	add_record(&out, STDIN, "", 0);
	return out;
}

/* ---- what it gets ---------------------------------------------------------------------------- */

/* The bytes of the answer out of its records, and whether it was ended. */
static bool
read_answer(int fd, struct str *out)
{
	struct str in;
	char piece[4096];
	ssize_t got;
	bool ended = false;

	str_init(&in, arena);
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		str_add_bytes(&in, piece, (size_t)got);
	for (size_t at = 0; at + 8 <= in.len;) {
		const unsigned char *head = (const unsigned char *)in.data + at;
		size_t len = (size_t)head[4] << 8 | head[5];

		assert(head[0] == 1 && !ended && at + 8 + len + head[6] <= in.len);
		if (head[1] == STDOUT)
			str_add_bytes(out, in.data + at + 8, len);
		ended = head[1] == END;
		at += 8 + len + head[6];
	}
	return ended;
}

static void
renew_tokens(void)
{
	static unsigned count;

	if (count++ % TOKENS_EVERY)
		return;
	snprintf(token_user, sizeof(token_user), "%s", token_make(arena, USER, "user"));
	snprintf(token_admin, sizeof(token_admin), "%s", token_make(arena, USER, "admin"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes, answer;
	bool head;
	int fd;

	if (size > 32000)
		return -1;
	fuzz_begin();
	if (!gate)
		open_pool();
	renew_tokens();
	bytes = request_bytes((struct input){ data, size }, &head);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_len) == 0);
	assert(send(fd, bytes.data, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len);
	shutdown(fd, SHUT_WR);
	assert(gate_accept(gate, NULL, NULL));
	serve_one(gate);
	str_init(&answer, arena);
	assert(read_answer(fd, &answer));
	close(fd);
	answer_check(answer.data, answer.len, head);
	return 0;
}
