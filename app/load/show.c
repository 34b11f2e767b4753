/*
 * The line of progress, the table at the end, and the report.
 */
#include "load/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"

#define EVERY_US       5000000
#define EVERY_SHORT_US 1000000 /* on a terminal */
#define LINE_MAX_BYTES 256

static const char *const state_names[BUYER_STATES] = { "away", "entering", "thinking", "calling",
	"waiting", "in line", "gone" };

/* ---- while it runs --------------------------------------------------------------------------- */

void
show_init(struct show *show, bool quiet)
{
	*show = (struct show){ .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1 };
	show->last_us = clock_monotonic_us();
	show->next_us = show->last_us + EVERY_SHORT_US;
}

/* Soon for the first time, so that one sees that it goes. */
static bool
is_time(struct show *show, int64_t now_us)
{
	if (show->quiet || now_us < show->next_us)
		return false;
	show->next_us = now_us + (show->terminal ? EVERY_SHORT_US : EVERY_US);
	return true;
}

static void
put_line(struct show *show, const char *text)
{
	size_t width = strlen(text);

	if (show->terminal)
		fprintf(stderr, "\r%s%*s", text,
			(int)(show->width > width ? show->width - width : 0), "");
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	show->width = width;
}

void
show_end(struct show *show)
{
	if (show->terminal && show->width > 0)
		fputc('\n', stderr);
	show->width = 0;
}

/* Answers so far: of 2xx, 4xx, and 5xx or none. */
static void
sum_up(const struct tally *tally, int64_t *good, int64_t *refused, int64_t *bad)
{
	*good = *refused = 0;
	*bad = tally->all[0];
	for (int status = 200; status < TALLY_STATUSES; status++)
		*(status < 400 ? good : status < 500 ? refused : bad) += tally->all[status];
}

void
show_accounts(struct show *show, const struct crowd *crowd, int64_t ready)
{
	int64_t now_us = clock_monotonic_us();
	char line[LINE_MAX_BYTES];

	if (!is_time(show, now_us))
		return;
	show->last_us = now_us;
	snprintf(line, sizeof(line), "accounts: %" PRId64 " of %" PRId64 " ready%s", ready,
		crowd->count, crowd->tally->all[429] ? ", the server asks for patience" : "");
	put_line(show, line);
}

void
show_run(struct show *show, struct crowd *crowd, int64_t began_us, int64_t ends_us)
{
	int64_t now_us = clock_monotonic_us(), good, refused, bad, calls = crowd->tally->calls;
	int64_t states[BUYER_STATES] = { 0 };
	double seconds = (double)(now_us - show->last_us) / 1e6;
	struct histogram *recent = &crowd->tally->recent;
	char line[LINE_MAX_BYTES];
	int len;

	if (!is_time(show, now_us))
		return;
	for (int64_t i = 0; i < crowd->count; i++)
		states[crowd->buyers[i].state]++;
	sum_up(crowd->tally, &good, &refused, &bad);
	len = snprintf(line, sizeof(line), "%" PRId64 "/%" PRId64 " s ",
		(now_us - began_us) / 1000000, (ends_us - began_us) / 1000000);
	for (int i = 0; i < BUYER_STATES; i++) {
		if (states[i] > 0 && len < (int)sizeof(line))
			len += snprintf(line + len, sizeof(line) - (size_t)len, " %" PRId64 " %s",
				states[i], state_names[i]);
	}
	if (len < (int)sizeof(line))
		snprintf(line + len, sizeof(line) - (size_t)len,
			"  %.0f calls/s  2xx +%" PRId64 " 4xx +%" PRId64 " 5xx/lost +%" PRId64
			"  p50 %.1f p99 %.1f ms",
			(double)(calls - show->calls) / seconds, good - show->good,
			refused - show->refused, bad - show->bad,
			(double)histogram_quantile(recent, 0.5) / 1e3,
			(double)histogram_quantile(recent, 0.99) / 1e3);
	show->last_us = now_us;
	show->calls = calls;
	show->good = good;
	show->refused = refused;
	show->bad = bad;
	*recent = (struct histogram){ 0 };
	put_line(show, line);
}

/* ---- how it went ----------------------------------------------------------------------------- */

static const char *
verdict_name(enum expect_verdict verdict)
{
	return verdict == EXPECT_MET ? "ok" : verdict == EXPECT_FAILED ? "FAILED" : "not judged";
}

static void
show_kinds(const struct tally *tally)
{
	printf("%-13s %9s %9s %9s %9s %9s  %s\n", "call", "count", "p50 ms", "p99 ms", "p99.9 ms",
		"max ms", "answers");
	for (int op = 0; op < RECORD_OPS; op++) {
		const struct histogram *h = &tally->latency[op];

		if (h->count == 0)
			continue;
		printf("%-13s %9" PRId64 " %9.1f %9.1f %9.1f %9.1f ", record_op_names[op], h->count,
			(double)histogram_quantile(h, 0.5) / 1e3,
			(double)histogram_quantile(h, 0.99) / 1e3,
			(double)histogram_quantile(h, 0.999) / 1e3, (double)h->most_us / 1e3);
		for (int status = 0; status < TALLY_STATUSES; status++) {
			if (tally->statuses[op][status] == 0)
				continue;
			if (status == 0)
				printf(" none:%" PRId64, tally->statuses[op][0]);
			else
				printf(" %d:%" PRId64, status, tally->statuses[op][status]);
		}
		putchar('\n');
	}
}

int64_t
show_outcome(const struct crowd *crowd, const struct outcome *outcome)
{
	int64_t failed = 0, met = 0;

	printf("scenario %s, event %s (%s), %" PRId64 " buyers, %.1f s%s\n", crowd->scenario->name,
		crowd->stage.event_id, crowd->stage.title, crowd->count, outcome->seconds,
		outcome->interrupted ? ", interrupted" : "");
	show_kinds(crowd->tally);
	for (size_t i = 0; i < outcome->expectations_count; i++) {
		const struct expectation *e = &outcome->expectations[i];
		enum expect_verdict verdict = expect_judge(e, &outcome->known);
		char text[EXPECT_TEXT], value[EXPECT_TEXT];

		expect_write(e, text);
		expect_write_value(e, &outcome->known, value);
		printf("expect %-26s %-10s %s\n", text, verdict_name(verdict),
			verdict == EXPECT_UNJUDGED ? "it is not known" : value);
		failed += verdict == EXPECT_FAILED;
		met += verdict == EXPECT_MET;
	}
	if (crowd->tally->counts[MEASURE_UNMET] > 0)
		printf("%" PRId64 " arrivals found no buyer free: more --buyers are needed\n",
			crowd->tally->counts[MEASURE_UNMET]);
	printf("%" PRId64 " calls, %" PRId64 " expectations met, %" PRId64 " failed\n",
		crowd->tally->calls, met, failed);
	return failed;
}

static void
report_kinds(FILE *file, const struct tally *tally)
{
	const char *between = "";

	for (int op = 0; op < RECORD_OPS; op++) {
		const struct histogram *h = &tally->latency[op];
		const char *comma = "";

		if (h->count == 0)
			continue;
		fprintf(file,
			"%s\"%s\":{\"count\":%" PRId64 ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64
			",\"p999_us\":%" PRId64 ",\"max_us\":%" PRId64 ",\"statuses\":{",
			between, record_op_names[op], h->count, histogram_quantile(h, 0.5),
			histogram_quantile(h, 0.99), histogram_quantile(h, 0.999), h->most_us);
		for (int status = 0; status < TALLY_STATUSES; status++) {
			if (tally->statuses[op][status] == 0)
				continue;
			fprintf(file, "%s\"%d\":%" PRId64, comma, status,
				tally->statuses[op][status]);
			comma = ",";
		}
		fputs("}}", file);
		between = ",";
	}
}

static void
report_expectations(FILE *file, const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->expectations_count; i++) {
		const struct expectation *e = &outcome->expectations[i];
		enum expect_verdict verdict = expect_judge(e, &outcome->known);
		char text[EXPECT_TEXT], value[EXPECT_TEXT];

		expect_write(e, text);
		expect_write_value(e, &outcome->known, value);
		fprintf(file, "%s{\"expect\":\"%s\",\"verdict\":\"%s\",\"value\":%s}",
			i > 0 ? "," : "", text, verdict_name(verdict), value);
	}
}

bool
show_report(const struct crowd *crowd, const struct outcome *outcome, FILE *file)
{
	struct str text;
	bool good;

	/* What is no file, but a pipe, has nothing to be taken away. */
	if (ftruncate(fileno(file), 0) != 0 && errno != EINVAL) {
		fclose(file);
		return false;
	}
	str_init(&text, crowd->arena);
	str_add(&text, "{\"scenario\":");
	str_add_json(&text, crowd->scenario->name);
	str_add(&text, ",\"url\":");
	str_add_json(&text, outcome->url);
	str_add(&text, ",\"event\":");
	str_add_json(&text, crowd->stage.event_id);
	fprintf(file,
		"%s,\"seed\":%" PRId64 ",\"buyers\":%" PRId64 ",\"capacity\":%" PRId64
		",\"seconds\":%.3f,\"interrupted\":%s,\"calls\":%" PRId64 ",\"kinds\":{",
		text.data, outcome->seed, crowd->count, crowd->stage.capacity, outcome->seconds,
		outcome->interrupted ? "true" : "false", crowd->tally->calls);
	report_kinds(file, crowd->tally);
	fputs("},\"measures\":{", file);
	for (enum measure m = MEASURE_STATUS + 1; m < MEASURES; m++) {
		char value[EXPECT_TEXT];

		expect_write_measure(m, &outcome->known, value);
		fprintf(file, "%s\"%s\":%s", m > MEASURE_STATUS + 1 ? "," : "", expect_name(m),
			value);
	}
	fputs("},\"expectations\":[", file);
	report_expectations(file, outcome);
	fputs("]}\n", file);
	good = fflush(file) == 0 && !ferror(file);
	return fclose(file) == 0 && good;
}
