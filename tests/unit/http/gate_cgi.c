/*
 * One request from the environment and standard input.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "http/gate.h"

static int idle_calls;

static int
idle(void *ctx)
{
	(void)ctx;
	idle_calls++;
	return -1;
}

/* Puts text where standard input is. */
static void
feed(const char *text)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	close(ends[1]);
	cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
}

Test(gate_cgi, serves_one_request_and_reads_no_further_than_announced)
{
	struct gate *gate;
	char body[64];

	feed("{\"a\":1}and the rest");
	setenv("CONTENT_LENGTH", "7", 1);
	setenv("REQUEST_METHOD", "POST", 1);
	gate = gate_open();
	cr_assert(gate_is_cgi(gate));
	cr_assert(gate_accept(gate, idle, NULL));
	cr_assert_eq(idle_calls, 0);
	cr_assert_str_eq(gate_param(gate, "REQUEST_METHOD"), "POST");
	cr_assert_null(gate_param(gate, "NO_SUCH_VARIABLE"));
	cr_assert_eq(gate_read(gate, body, 4), 4);
	cr_assert_eq(gate_read(gate, body + 4, 60), 3);
	cr_assert(memcmp(body, "{\"a\":1}", 7) == 0);
	cr_assert_eq(gate_read(gate, body, 1), 0);
	gate_finish(gate);
	cr_assert_not(gate_accept(gate, idle, NULL));
	cr_assert_eq(idle_calls, 1);
	gate_close(gate);
}

Test(gate_cgi, body_that_ends_early_is_cut)
{
	struct gate *gate;
	char body[64];

	feed("{\"a\"");
	setenv("CONTENT_LENGTH", "7", 1);
	gate = gate_open();
	cr_assert(gate_accept(gate, NULL, NULL));
	cr_assert_eq(gate_read(gate, body, 64), 4);
	cr_assert_eq(gate_read(gate, body, 64), -1);
	gate_finish(gate);
	gate_close(gate);
}

Test(gate_cgi, no_length_is_no_body)
{
	struct gate *gate;
	char body[64];

	feed("something");
	unsetenv("CONTENT_LENGTH");
	gate = gate_open();
	cr_assert(gate_accept(gate, NULL, NULL));
	cr_assert_eq(gate_read(gate, body, 64), 0);
	gate_finish(gate);
	gate_close(gate);
}
