/*
 * Findings on standard output, progress on standard error.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "history/report.h"

#define TERMINAL_US 200000
#define OTHER_US    5000000

static int64_t shown_us;
static bool on_line;

void
report_line(struct report *report, uint32_t line)
{
	if (line == 0 || report->lines_count == REPORT_LINES_MAX)
		return;
	for (size_t i = 0; i < report->lines_count; i++) {
		if (report->lines[i] == line)
			return;
	}
	report->lines[report->lines_count++] = line;
}

void
report_finding(struct report *report, int rule, const char *format, ...)
{
	size_t count = report->lines_count;
	va_list args;

	report->lines_count = 0;
	if (report->findings[rule]++ >= report->most)
		return;
	progress_end();
	printf("rule %d%s", rule, count == 0 ? "" : count == 1 ? ", line " : ", lines ");
	for (size_t i = 0; i < count; i++)
		printf("%s%" PRIu32, i == 0 ? "" : ",", report->lines[i]);
	printf(": ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int64_t
report_end(const struct report *report)
{
	int64_t all = 0;

	for (int rule = 1; rule <= REPORT_RULES; rule++) {
		all += report->findings[rule];
		if (report->findings[rule] > report->most)
			printf("rule %d: %" PRId64 " more\n", rule,
				report->findings[rule] - report->most);
	}
	return all;
}

void
progress_show(const char *what, int64_t done, int64_t total)
{
	bool terminal = isatty(STDERR_FILENO);
	int64_t now_us = clock_monotonic_us();

	if (shown_us == 0)
		shown_us = now_us;
	if (now_us - shown_us < (terminal ? TERMINAL_US : OTHER_US))
		return;
	shown_us = now_us;
	on_line = terminal;
	fprintf(stderr, terminal ? "\r\033[K%s: %" PRId64 : "%s: %" PRId64, what, done);
	if (total > 0)
		fprintf(stderr, " of %" PRId64 " (%" PRId64 " %%)", total,
			done < total ? done * 100 / total : 100);
	if (!terminal)
		fputc('\n', stderr);
}

void
progress_end(void)
{
	if (on_line)
		fputs("\r\033[K", stderr);
	on_line = false;
}
