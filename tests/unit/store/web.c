/*
 * Calls over HTTP against a server that says what the test wants, byte for byte.
 */
#include "store/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define SECOND INT64_C(1000000)

static struct arena *arena;
static struct web *web;
static pid_t server;
static char url[64];

#define GATHERED 3

/* Reads one request and answers with it: whatever `say` begins with, and then the request. */
static void
answer(int fd, const char *say)
{
	char request[4096], head[512];
	size_t len = 0;
	ssize_t got;

	/* A body of these tests ends with a dollar. */
	while ((got = read(fd, request + len, sizeof(request) - 1 - len)) > 0) {
		len += (size_t)got;
		request[len] = '\0';
		if (strchr(request, '$') ||
			(strstr(request, "\r\n\r\n") && !strstr(request, "Content-Length")))
			break;
	}
	if (strcmp(say, "mute") == 0)
		pause();
	if (strcmp(say, "cut") != 0) {
		snprintf(head, sizeof(head), "%s", say);
		if (strstr(say, "echo"))
			snprintf(head, sizeof(head),
				"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
		if (write(fd, head, strlen(head)) < 0 ||
			(strstr(say, "echo") && write(fd, request, len) < 0))
			_exit(1);
	}
	if (strstr(say, "stay"))
		pause();
	close(fd);
}

/* Nobody is answered before so many are there. */
static void
answer_gathered(int listening)
{
	int fds[GATHERED];

	for (int i = 0; i < GATHERED; i++)
		fds[i] = accept(listening, NULL, NULL);
	for (int i = 0; i < GATHERED; i++)
		answer(fds[i], "echo");
}

static void
serve(const char *say)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	cr_assert_eq(bind(listening, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listening, 8), 0);
	cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", ntohs(address.sin_port));
	server = fork();
	cr_assert_geq(server, 0);
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			if (strcmp(say, "gather") == 0)
				answer_gathered(listening);
			else
				answer(accept(listening, NULL, NULL), say);
		}
	}
	close(listening);
}

static void
begin(void)
{
	arena = arena_new();
	web = web_open();
	server = 0;
}

static void
end(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	web_close(web);
	arena_free(arena);
}

TestSuite(web, .init = begin, .fini = end);

static struct web_answer got;

static struct web_request
whole(struct web_request request)
{
	request.url = request.url ? request.url : url;
	request.method = request.method ? request.method : "GET";
	request.answer_max = request.answer_max ? request.answer_max : 4096;
	if (!request.deadline_us)
		request.deadline_us = clock_monotonic_us() + 20 * SECOND;
	return request;
}

static enum web_result
call(struct web_request request)
{
	struct web_exchange exchange = { .request = whole(request) };

	web_call(web, &exchange, 1, arena);
	got = exchange.answer;
	return exchange.result;
}

Test(web, sends_what_it_is_given)
{
	static const char *const headers[] = { "Idempotency-Key: k1", "Content-Type: text/x",
		NULL };

	serve("echo");
	cr_assert_eq(call((struct web_request){ .method = "POST",
			     .headers = headers,
			     .body = "a=1&b=2$",
			     .body_len = 8,
			     .bearer = "sk_test" }),
		WEB_ANSWERED);
	cr_assert_eq(got.status, 200);
	cr_assert_eq(strncmp(got.body, "POST /x HTTP/1.1\r\n", 18), 0);
	cr_assert_not_null(strstr(got.body, "\r\nIdempotency-Key: k1\r\n"));
	cr_assert_not_null(strstr(got.body, "\r\nContent-Type: text/x\r\n"));
	cr_assert_not_null(strstr(got.body, "\r\nAuthorization: Bearer sk_test\r\n"));
	cr_assert_not_null(strstr(got.body, "\r\nContent-Length: 8\r\n"));
	cr_assert_null(strstr(got.body, "Expect"));
	cr_assert_not_null(strstr(got.body, "\r\n\r\na=1&b=2$"));
	/* Nothing of it is left for the next one. */
	cr_assert_eq(call((struct web_request){ 0 }), WEB_ANSWERED);
	cr_assert_eq(strncmp(got.body, "GET /x HTTP/1.1\r\n", 17), 0);
	cr_assert_null(strstr(got.body, "Authorization"));
	cr_assert_null(strstr(got.body, "Idempotency"));
}

Test(web, makes_several_calls_at_once)
{
	struct web_exchange all[GATHERED + 3];
	size_t n = 0;

	serve("gather");
	for (; n < GATHERED; n++)
		all[n].request = whole((struct web_request){ .method = "POST",
			.body = arena_printf(arena, "n=%zu$", n),
			.body_len = 4 });
	all[n++].request = whole((struct web_request){ .url = "http://127.0.0.1:1/" });
	all[n++].request = whole((struct web_request){ .deadline_us = clock_monotonic_us() });
	all[n++].request = whole((struct web_request){ .public_only = true });
	web_call(web, all, n, arena);
	for (size_t i = 0; i < GATHERED; i++) {
		cr_assert_eq(all[i].result, WEB_ANSWERED, "%zu: %s", i, all[i].answer.error);
		cr_assert_eq(all[i].answer.status, 200);
		cr_assert_not_null(
			strstr(all[i].answer.body, arena_printf(arena, "\r\n\r\nn=%zu$", i)));
		cr_assert(all[i].took_us > 0 && all[i].took_us < 20 * SECOND);
	}
	cr_assert_eq(all[GATHERED].result, WEB_UNSENT);
	cr_assert_eq(all[GATHERED + 1].result, WEB_UNSENT);
	cr_assert_str_eq(all[GATHERED + 1].answer.error, "no time was left");
	cr_assert_eq(all[GATHERED + 2].result, WEB_FORBIDDEN);
	web_call(web, all, 0, arena);
}

Test(web, follows_no_redirect_and_reads_a_replay)
{
	serve("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	      "Idempotent-Replayed: true\r\nContent-Length: 2\r\n\r\nhi");
	cr_assert_eq(call((struct web_request){ 0 }), WEB_ANSWERED);
	cr_assert_eq(got.status, 302);
	cr_assert_str_eq(got.body, "hi");
	cr_assert(got.replayed);
}

Test(web, takes_no_longer_answer_than_it_wants)
{
	serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345");
	cr_assert_eq(call((struct web_request){ .answer_max = 5 }), WEB_ANSWERED);
	cr_assert_str_eq(got.body, "12345");
	cr_assert_eq(call((struct web_request){ .answer_max = 4 }), WEB_UNKNOWN);
	cr_assert_str_eq(got.error, "the answer is too long");
}

Test(web, tells_what_was_never_sent_from_what_may_be_done)
{
	int64_t began = clock_monotonic_us();

	serve("mute");
	cr_assert_eq(call((struct web_request){ .deadline_us = began + SECOND / 2 }), WEB_UNKNOWN);
	cr_assert_lt(clock_monotonic_us(), began + 5 * SECOND);
	cr_assert_eq(call((struct web_request){ .deadline_us = began }), WEB_UNSENT);
	cr_assert_eq(call((struct web_request){ .url = "http://127.0.0.1:1/" }), WEB_UNSENT);
	cr_assert_eq(call((struct web_request){ .url = "http://name.invalid/" }), WEB_UNSENT);
	/* What answers in clear text where a certificate is wanted has been sent nothing. */
	memcpy(url + 1, "ttps", 4);
	cr_assert_eq(call((struct web_request){
			     .url = arena_printf(arena, "https://%s", strstr(url, "127")),
			     .deadline_us = clock_monotonic_us() + SECOND / 2 }),
		WEB_UNSENT);
	cr_assert_eq(call((struct web_request){ .url = "file:///etc/passwd" }), WEB_UNSENT);
}

Test(web, an_answer_that_is_cut_is_none)
{
	serve("cut");
	cr_assert_eq(call((struct web_request){ .method = "POST", .body = "$", .body_len = 1 }),
		WEB_UNKNOWN);
	end();
	begin();
	serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	cr_assert_eq(call((struct web_request){ 0 }), WEB_UNKNOWN);
}

Test(web, takes_the_status_alone_where_that_is_enough)
{
	struct web_request request = { .cut = true };

	serve("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf");
	cr_assert_eq(call(request), WEB_ANSWERED, "%s", got.error);
	cr_assert_eq(got.status, 201);
	end();
	begin();
	serve("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf");
	cr_assert_eq(call(request), WEB_ANSWERED);
	cr_assert_eq(got.status, 500);
	end();
	begin();
	/* One that goes on, and does not end. */
	serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstay");
	request.deadline_us = clock_monotonic_us() + SECOND / 2;
	cr_assert_eq(call(request), WEB_ANSWERED, "%s", got.error);
	cr_assert_eq(got.status, 200);
	end();
	begin();
	serve("HTTP/1.1 100 Continue\r\n\r\nHTT");
	request.deadline_us = 0;
	cr_assert_eq(call(request), WEB_UNKNOWN);
	end();
	begin();
	serve("cut");
	cr_assert_eq(call(request), WEB_UNKNOWN);
}

Test(web, refuses_private_addresses_when_asked_to)
{
	serve("echo");
	cr_assert_eq(call((struct web_request){ .public_only = true }), WEB_FORBIDDEN);
	cr_assert_eq(call((struct web_request){ 0 }), WEB_ANSWERED);
	/* A connection that is kept makes no exception; nor does a name. */
	cr_assert_eq(call((struct web_request){ .public_only = true }), WEB_FORBIDDEN);
	cr_assert_eq(
		call((struct web_request){ .url = "http://localhost:1/", .public_only = true }),
		WEB_FORBIDDEN);
	cr_assert_eq(call((struct web_request){ .url = "http://0x7f.1:1/", .public_only = true }),
		WEB_FORBIDDEN);
	cr_assert_eq(call((struct web_request){
			     .url = "http://[::ffff:10.1.2.3]/", .public_only = true }),
		WEB_FORBIDDEN);
}

Test(web, knows_public_addresses)
{
	static const struct {
		const char *address;
		bool is_public;
	} cases[] = {
		{ "1.1.1.1", true },
		{ "172.15.255.255", true },
		{ "172.16.0.0", false },
		{ "172.31.255.255", false },
		{ "172.32.0.0", true },
		{ "100.63.255.255", true },
		{ "100.64.0.1", false },
		{ "100.128.0.0", true },
		{ "169.254.169.254", false },
		{ "0.0.0.0", false },
		{ "127.255.0.1", false },
		{ "10.0.0.1", false },
		{ "192.168.1.1", false },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "2606:4700::1111", true },
		{ "::1", false },
		{ "::", false },
		{ "::ffff:1.1.1.1", false },
		{ "64:ff9b::a00:1", false },
		{ "64:ff9b::101:101", true },
		{ "2002:a00:1::", false },
		{ "fe80::1", false },
		{ "fd00::1", false },
		{ "ff02::1", false },
		{ "2001:db8::1", false },
		{ "2001::1", false },
		{ "2001:4860:4860::8888", true },
		{ "3fff::1", false },
		{ "1.1.1", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_expect_eq(web_address_is_public(cases[i].address), cases[i].is_public, "%s",
			cases[i].address);
}

Test(web, takes_addresses_apart)
{
	struct web_url it;

	cr_assert(web_url_read(arena, "https://api.example.test/v1", "http", &it));
	cr_assert(it.tls && !it.loopback && !it.secrets);
	cr_assert_str_eq(it.host, "api.example.test");
	cr_assert(web_url_read(arena, "http://[::1]:8080", "http", &it));
	cr_assert(!it.tls && it.loopback);
	cr_assert_str_eq(it.host, "::1");
	cr_assert(web_url_read(arena, "http://127.3.2.1", "http", &it) && it.loopback);
	cr_assert(web_url_read(arena, "http://LOCALHOST/", "http", &it) && it.loopback);
	cr_assert(
		web_url_read(arena, "http://127.0.0.1.example.test/", "http", &it) && !it.loopback);
	cr_assert(
		web_url_read(arena, "https://me:secret@example.test/", "http", &it) && it.secrets);
	cr_assert(!web_url_read(arena, "ftp://example.test/", "http", &it));
	cr_assert(!web_url_read(arena, "example.test", "http", &it));
	cr_assert(!web_url_read(arena, "https:///x", "http", &it));
	cr_assert(!web_url_read(arena, "https://example.test/\r\nX: y", "http", &it));
	cr_assert(!web_url_read(arena, "https://ex\xc3\xa4mple.test/", "http", &it));
	cr_assert(!web_url_read(arena, "", "http", &it));
}
