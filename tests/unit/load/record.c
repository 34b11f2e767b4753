/*
 * Histories: what is written is read again, and nothing but what could have been written.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include "base/str.h"
#include "load/record.h"

#define HEAD                                                                                       \
	"{\"history\":1,\"scenario\":\"walk\",\"url\":\"http://a\",\"event\":\"12\",\"began\":1,"  \
	"\"hold_ms\":5000,\"seed\":-3,\"version\":\"0.1.0\"}\n"
#define CALL                                                                                       \
	"{\"n\":1,\"b\":3,\"user\":null,\"op\":\"map\",\"due\":5,\"sent\":6,\"done\":7,"           \
	"\"key\":null,\"asked\":{},\"status\":0,\"problem\":null,\"got\":{}}\n"
#define END "{\"end\":9,\"calls\":1}\n"

static char path[] = "/tmp/holdfast-record-XXXXXX";

static void
make_path(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
}

static void
remove_path(void)
{
	unlink(path);
}

TestSuite(record, .init = make_path, .fini = remove_path);

static void
put_file(const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	cr_assert(file);
	cr_assert_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

/* What is said of a file of these bytes; NULL: nothing. */
static const char *
fault_of(const char *bytes, size_t len)
{
	static char said[400];
	struct record_head head;
	struct record_call call;
	struct record_reader *reader;
	enum record_line line;
	const char *fault;

	put_file(bytes, len);
	reader = record_open(path, &head, &fault);
	if (!reader)
		return fault;
	while ((line = record_next(reader, &call)) == RECORD_LINE_CALL)
		continue;
	snprintf(said, sizeof(said), "%s", record_fault(reader));
	record_close(reader);
	return line == RECORD_LINE_END ? NULL : said;
}

static void
expect_fault(const char *text, const char *wanted)
{
	const char *fault = fault_of(text, strlen(text));

	cr_assert(fault, "nothing was said of %s", text);
	cr_assert(strstr(fault, wanted), "%s, for %s: %s", wanted, text, fault);
}

Test(record, says_a_call_again)
{
	static const char *const seats[] = { "S-1-\"1\"", "\\\n\t\x01/\x7f" };
	static const char *const lost[] = { "Gr\xc3\xbcn \xf0\x9f\x8e\xab" };
	static const struct record_part part = { "G", 2 };
	const struct record_head head = { "rush", "http://h:1/", "12", "0.1.0", 5, 5000, -3 };
	const struct record_call call = {
		.buyer = 3,
		.user = "u",
		.op = RECORD_HOLD,
		.due_us = 5,
		.sent_us = 6,
		.done_us = INT64_C(1795352400123456),
		.key = "k",
		.asked = { .booking = "b", .token = "t", .places = { seats, &part, 2, 1 } },
		.status = 409,
		.problem = "seats-unavailable",
		.got = { .booking = "c",
			.status = "HOLD",
			.places = { lost, &part, 1, 1 },
			.expires_us = 8,
			.position = RECORD_ABSENT,
			.lost = lost,
			.lost_count = 1,
			.available = 0,
			.version = RECORD_ABSENT,
			.free = 4,
			.replayed = true },
	};
	struct record_writer *writer = record_create(fopen(path, "we"), &head);
	struct record_head read_head;
	struct record_call read;
	struct record_reader *reader;
	const char *fault;

	cr_assert(writer);
	record_call(writer, &call);
	cr_assert_eq(record_calls(writer), 1);
	cr_assert(record_finish(writer, INT64_C(1795352400123456)));
	reader = record_open(path, &read_head, &fault);
	cr_assert(reader, "%s", fault);
	cr_assert_str_eq(read_head.scenario, "rush");
	cr_assert_eq(read_head.seed, -3);
	cr_assert_eq(record_next(reader, &read), RECORD_LINE_CALL, "%s", record_fault(reader));
	cr_assert_eq(record_line_number(reader), 2);
	cr_assert_eq(read.op, RECORD_HOLD);
	cr_assert_eq(read.done_us, INT64_C(1795352400123456));
	cr_assert_str_eq(read.asked.places.seats[0], seats[0]);
	cr_assert_str_eq(read.asked.places.seats[1], seats[1]);
	cr_assert_str_eq(read.asked.token, "t");
	cr_assert_eq(read.got.places.parts[0].quantity, 2);
	cr_assert_str_eq(read.got.lost[0], lost[0]);
	cr_assert_eq(read.got.available, 0);
	cr_assert_eq(read.got.version, RECORD_ABSENT);
	cr_assert_eq(read.got.free, 4);
	cr_assert(read.got.replayed);
	cr_assert_eq(record_next(reader, &read), RECORD_LINE_END, "%s", record_fault(reader));
	cr_assert_eq(record_end_us(reader), INT64_C(1795352400123456));
	cr_assert_eq(record_bytes(reader), record_size(reader));
	record_close(reader);
}

Test(record, wants_a_head_calls_and_an_end)
{
	cr_assert_null(fault_of(HEAD CALL END, strlen(HEAD CALL END)));
	expect_fault("", "line 1: there is none");
	expect_fault("\n", "line 1: byte 1");
	expect_fault("{\"history\":2}\n", "line 1: byte 13: a form that is known");
	expect_fault(HEAD, "line 2: the history is cut off");
	expect_fault(HEAD CALL, "line 3: the history is cut off");
	expect_fault(HEAD CALL "{\"end\":9", "line 3: it is cut off");
	expect_fault(HEAD END, "line 2: 1 calls are said to be there, and 0 are");
	expect_fault(HEAD CALL CALL END, "line 3: it is call 1, after call 1");
	expect_fault(HEAD CALL END "\n", "line 4: something stands behind the last line");
	expect_fault(HEAD CALL END "x", "line 4: it is cut off");
}

Test(record, refuses_calls_that_nobody_would_have_written)
{
#define BEGUN "{\"n\":1,\"b\":3,\"user\":null,\"op\":\"map\",\"due\":5,"
#define ASKED BEGUN "\"sent\":6,\"done\":7,\"key\":null,\"asked\":"
	expect_fault(HEAD "{}\n", "line 2: byte 1");
	expect_fault(HEAD "{\"n\":01}\n", "a number");
	expect_fault(HEAD BEGUN "\"sent\":6,\"done\":9223372036854775807,\"key\":null,\"asked\":{},"
				"\"status\":0,\"problem\":null,\"got\":{}}\n",
		"too far ahead");
	expect_fault(HEAD "{\"end\":9223372036854775807,\"calls\":0}\n", "too far ahead");
	expect_fault(
		HEAD ASKED "{\"sections\":[{\"id\":\"G\",\"n\":2147483648}]}}\n", "fewer places");
	expect_fault(HEAD "{\"n\":99999999999999999999999999}\n", "a number");
	expect_fault(HEAD "{\"n\":1,\"n\":1}\n", "\"b\"");
	expect_fault(HEAD BEGUN "\"sent\":-1}\n", "not negative");
	expect_fault(HEAD BEGUN "\"sent\":1e9}\n", "\"done\"");
	expect_fault(HEAD "{\"n\":1,\"b\":3,\"user\":null,\"op\":\"fly\"}\n", "the name of a call");
	expect_fault(HEAD ASKED "{\"seats\":[]}}\n", "\"");
	expect_fault(HEAD ASKED "{\"seats\":[\"a\"],\"seats\":[\"a\"]}}\n", "}");
	expect_fault(HEAD ASKED "{\"seats\":[\"a\"],\"booking\":\"b\"}}\n", "}");
	expect_fault(HEAD ASKED "{,\"seats\":[\"a\"]}}\n", "}");
	expect_fault(HEAD ASKED "{\"sections\":[{\"n\":1}]}}\n", "{\"id\":");
	expect_fault(HEAD ASKED "{\"booking\":\"\\u0000\"}}\n", "UTF-8");
	expect_fault(HEAD ASKED "{\"booking\":\"\\ud800\"}}\n", "UTF-8");
	expect_fault(HEAD ASKED "{\"booking\":\"\\x\"}}\n", "a text");
	expect_fault(HEAD ASKED "{\"booking\":\"b", "cut off");
	expect_fault(HEAD ASKED "{\"booking\":\"b\n", "the end of a text");
	expect_fault(
		HEAD ASKED "{},\"status\":600,\"problem\":null,\"got\":{}}\n", "no status 600");
	cr_assert(strstr(fault_of(HEAD "\xff\n", strlen(HEAD) + 2), "line 2: it is not UTF-8"));
	cr_assert(strstr(fault_of(HEAD "\0\n", strlen(HEAD) + 2), "line 2: it is not UTF-8"));
}

Test(record, refuses_times_that_go_back)
{
#define TIMES(n, due, sent, done)                                                                  \
	"{\"n\":" #n ",\"b\":3,\"user\":null,\"op\":\"map\",\"due\":" #due ",\"sent\":" #sent      \
	",\"done\":" #done                                                                         \
	",\"key\":null,\"asked\":{},\"status\":0,\"problem\":null,\"got\":{}}\n"
#define ENDED(us, calls) "{\"end\":" #us ",\"calls\":" #calls "}\n"
	static const char well[] = HEAD TIMES(1, 1, 1, 7) TIMES(2, 2, 3, 7) ENDED(7, 2);

	cr_assert_null(fault_of(well, strlen(well)));
	cr_assert_null(fault_of(HEAD ENDED(1, 0), strlen(HEAD ENDED(1, 0))));
	expect_fault(HEAD TIMES(1, 0, 6, 7), "line 2: it was due before the history began");
	expect_fault(HEAD TIMES(1, 6, 5, 7), "line 2: it was sent before it was due");
	expect_fault(HEAD TIMES(1, 6, 8, 7), "line 2: it was done before it was sent");
	expect_fault(HEAD TIMES(1, 5, 6, 7) TIMES(2, 5, 5, 6),
		"line 3: it was done before the call of the line before");
	expect_fault(HEAD TIMES(1, 5, 6, 7) ENDED(6, 1), "line 3: it ended before");
	expect_fault(HEAD ENDED(0, 0), "line 2: it ended before");
}

Test(record, refuses_long_lines_and_long_lists)
{
	struct arena *arena = arena_new();
	struct str s;

	str_init(&s, arena);
	str_add(&s, HEAD "{\"n\":1,\"b\":3,\"user\":\"");
	for (int i = 0; i < 3 * RECORD_LINE_MAX; i++)
		str_add_char(&s, 'x');
	expect_fault(s.data, "line 2: it is longer");
	str_init(&s, arena);
	str_add(&s, HEAD ASKED "{\"seats\":[\"a\"");
	for (int i = 0; i < RECORD_SEATS_MAX; i++)
		str_add(&s, ",\"a\"");
	str_add(&s, "]}}\n");
	expect_fault(s.data, "no more seats");
	arena_free(arena);
}

Test(record, reads_times)
{
	int64_t us = 0;

	cr_assert(record_time("1970-01-01T00:00:01.5Z", &us));
	cr_assert_eq(us, 1500000);
	cr_assert(record_time("2026-11-22T13:00:00.123456789Z", &us));
	cr_assert_eq(us, INT64_C(1795352400123456));
	cr_assert(!record_time("2026-11-22T13:00:00+01:00", &us));
	cr_assert(!record_time("2026-11-22", &us));
	cr_assert(!record_time("", &us));
}
