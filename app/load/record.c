/*
 * Writing a history, and the names and times in it.
 */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "load/record.h"

#define WRITE_BUFFER (1 << 18)

struct record_writer {
	FILE *file;
	struct arena *arena;
	int64_t calls;
	int error; /* the first errno; 0: none */
};

const char *const record_op_names[RECORD_OPS] = {
	[RECORD_REGISTER] = "register",
	[RECORD_LOGIN] = "login",
	[RECORD_MAP] = "map",
	[RECORD_AVAILABILITY] = "availability",
	[RECORD_HOLD] = "hold",
	[RECORD_CONFIRM] = "confirm",
	[RECORD_RELEASE] = "release",
	[RECORD_CANCEL] = "cancel",
	[RECORD_JOIN] = "join",
	[RECORD_POLL] = "poll",
	[RECORD_LEAVE] = "leave",
	[RECORD_GET] = "get",
};

int64_t
record_anchor_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - clock_monotonic_us();
}

/* The number that so many digits show. */
static int
digits(const char *text, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n = n * 10 + text[i] - '0';
	return n;
}

bool
record_time(const char *text, int64_t *out_us)
{
	int64_t unit = 100000, us = 0;
	const char *rest;
	struct tm utc;

	if (!clock_is_rfc3339(text))
		return false;
	utc = (struct tm){
		.tm_year = digits(text, 4) - 1900,
		.tm_mon = digits(text + 5, 2) - 1,
		.tm_mday = digits(text + 8, 2),
		.tm_hour = digits(text + 11, 2),
		.tm_min = digits(text + 14, 2),
		.tm_sec = digits(text + 17, 2),
	};
	rest = text + strlen("YYYY-MM-DDThh:mm:ss");
	if (*rest == '.') {
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			us += (*rest - '0') * unit;
	}
	if (strcmp(rest, "Z") != 0)
		return false;
	*out_us = (int64_t)timegm(&utc) * 1000000 + us;
	return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* A member's name, after a comma where it is not the first of its object. */
static void
add_name(struct str *s, const char *name)
{
	if (s->data[s->len - 1] != '{')
		str_add_char(s, ',');
	str_add_char(s, '"');
	str_add(s, name);
	str_add(s, "\":");
}

static void
add_text(struct str *s, const char *name, const char *text)
{
	add_name(s, name);
	str_add_json(s, text);
}

static void
add_number(struct str *s, const char *name, int64_t number)
{
	add_name(s, name);
	str_add_int(s, number);
}

static void
add_text_if(struct str *s, const char *name, const char *text)
{
	if (text)
		add_text(s, name, text);
}

static void
add_number_if(struct str *s, const char *name, int64_t number)
{
	if (number != RECORD_ABSENT)
		add_number(s, name, number);
}

static void
add_list_if(struct str *s, const char *name, const char *const *texts, size_t count)
{
	if (count == 0)
		return;
	add_name(s, name);
	str_add_char(s, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			str_add_char(s, ',');
		str_add_json(s, texts[i]);
	}
	str_add_char(s, ']');
}

static void
add_places(struct str *s, const struct record_places *places)
{
	add_list_if(s, "seats", places->seats, places->seats_count);
	if (places->parts_count == 0)
		return;
	add_name(s, "sections");
	str_add_char(s, '[');
	for (size_t i = 0; i < places->parts_count; i++) {
		str_add(s, i > 0 ? ",{" : "{");
		add_text(s, "id", places->parts[i].section);
		add_number(s, "n", places->parts[i].quantity);
		str_add_char(s, '}');
	}
	str_add_char(s, ']');
}

static void
put_line(struct record_writer *writer, struct str *s)
{
	str_add_char(s, '\n');
	if (writer->error == 0 && fwrite(s->data, 1, s->len, writer->file) != s->len)
		writer->error = errno;
	arena_reset(writer->arena);
}

struct record_writer *
record_create(FILE *file, const struct record_head *head)
{
	struct record_writer *writer;
	struct arena *arena;
	struct str s;

	setvbuf(file, NULL, _IOFBF, WRITE_BUFFER);
	writer = calloc(1, sizeof(*writer));
	assert(writer);
	arena = arena_new();
	*writer = (struct record_writer){ .file = file, .arena = arena };
	str_init(&s, arena);
	str_add_char(&s, '{');
	add_number(&s, "history", 1);
	add_text(&s, "scenario", head->scenario);
	add_text(&s, "url", head->url);
	add_text(&s, "event", head->event);
	add_number(&s, "began", head->began_us);
	add_number(&s, "hold_ms", head->hold_ms);
	add_number(&s, "seed", head->seed);
	add_text(&s, "version", head->version);
	str_add_char(&s, '}');
	put_line(writer, &s);
	return writer;
}

void
record_call(struct record_writer *writer, const struct record_call *call)
{
	struct str s;

	str_init(&s, writer->arena);
	str_add_char(&s, '{');
	add_number(&s, "n", ++writer->calls);
	add_number(&s, "b", call->buyer);
	add_text(&s, "user", call->user);
	add_text(&s, "op", record_op_names[call->op]);
	add_number(&s, "due", call->due_us);
	add_number(&s, "sent", call->sent_us);
	add_number(&s, "done", call->done_us);
	add_text(&s, "key", call->key);
	add_name(&s, "asked");
	str_add_char(&s, '{');
	add_text_if(&s, "booking", call->asked.booking);
	add_text_if(&s, "token", call->asked.token);
	add_places(&s, &call->asked.places);
	str_add_char(&s, '}');
	add_number(&s, "status", call->status);
	add_text(&s, "problem", call->problem);
	add_name(&s, "got");
	str_add_char(&s, '{');
	add_text_if(&s, "booking", call->got.booking);
	add_text_if(&s, "status", call->got.status);
	add_places(&s, &call->got.places);
	add_number_if(&s, "expires_at", call->got.expires_us);
	add_list_if(&s, "lost", call->got.lost, call->got.lost_count);
	add_number_if(&s, "available", call->got.available);
	add_number_if(&s, "version", call->got.version);
	add_number_if(&s, "free", call->got.free);
	add_number_if(&s, "position", call->got.position);
	if (call->got.replayed) {
		add_name(&s, "replayed");
		str_add(&s, "true");
	}
	str_add(&s, "}}");
	put_line(writer, &s);
}

int64_t
record_calls(const struct record_writer *writer)
{
	return writer->calls;
}

bool
record_finish(struct record_writer *writer, int64_t end_us)
{
	struct str s;
	int error;

	str_init(&s, writer->arena);
	str_printf(&s, "{\"end\":%" PRId64 ",\"calls\":%" PRId64 "}", end_us, writer->calls);
	put_line(writer, &s);
	error = writer->error;
	if (fclose(writer->file) != 0 && error == 0)
		error = errno;
	arena_free(writer->arena);
	free(writer);
	errno = error;
	return error == 0;
}
