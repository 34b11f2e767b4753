/*
 * holdfast-queue-advance: moves on every line in which somebody may wait.
 *
 * A backstop: lines are moved on by those who join them and ask how they stand. Where all who wait
 * have stopped asking, nobody else would give them their places. A waiting room lets nobody in who
 * does not ask; its ended passes and forgotten places are cleared away.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/log.h"
#include "domain/queue.h"
#include "domain/room.h"
#include "queries.h"

#define LINES_PAGE 100

/* How far this run has come. */
struct walk {
	int64_t event_id;
	char line[TICKET_LINE_MAX + 1];
	int64_t lines, waiting, served, failed;
};

/* A line until its rest does not fit. */
static enum problem
move_on(struct context *house, const struct job_run *run, struct walk *walk, int64_t *done)
{
	struct queue_drive drive = { .more = true };
	enum problem err = PROBLEM_NONE;

	walk->lines++;
	if (!*walk->line) {
		/* A waiting room: at its rate, which one look in a while cannot exceed. */
		err = room_advance(house, (int32_t)walk->event_id, &drive.waiting, &drive.served);
		*done += drive.served;
		drive.more = false;
	}
	while (!err && drive.more && run->rows + *done < run->limit) {
		err = queue_drive(house, (int32_t)walk->event_id, walk->line, 0, &drive);
		*done += drive.served;
	}
	if (drive.waiting > 0)
		walk->waiting += drive.waiting;
	return err;
}

/*
 * What is wrong with one line is no reason to leave the others; where a server is away there is
 * nothing to be done for any of them.
 */
static enum problem
line_err(struct context *house, struct walk *walk, enum problem err)
{
	if (!err || !pg_is_up(house->pg) || !redis_run_id(house->redis))
		return err;
	walk->failed++;
	log_line(LOG_WARN, "event=%" PRId64 " line=%s problem=%s", walk->event_id,
		log_value(walk->line), problem_rows[err].slug);
	*house->why = (struct problem_why){ 0 };
	return PROBLEM_NONE;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	static char detail[160];
	struct walk *walk = run->state;
	struct pg_rows rows;
	enum problem err;

	if (!walk)
		run->state = walk = ARENA_NEW(run->arena, struct walk);
	/* One line a batch: each has its own budget. A dry run looks at a page of them. */
	err = query_queue_lines(house->pg, house->arena, house->deadline_us, house->why, &rows,
		walk->event_id, walk->line, run->dry_run ? LINES_PAGE : 1);
	for (int i = 0; !err && i < rows.count; i++) {
		walk->event_id = pg_int(&rows, i, QUEUE_LINES_EVENT_ID);
		snprintf(walk->line, sizeof(walk->line), "%s", pg_text(&rows, i, QUEUE_LINES_LINE));
		if (run->dry_run)
			walk->lines++;
		else
			err = line_err(house, walk, move_on(house, run, walk, done));
	}
	if (!run->dry_run)
		filter_idle(house);
	run->more = !err && rows.count > 0;
	walk->served += *done;
	run->failed = walk->failed > 0;
	snprintf(detail, sizeof(detail),
		"lines=%" PRId64 " waiting=%" PRId64 " served=%" PRId64 " failed=%" PRId64,
		walk->lines, walk->waiting, walk->served, walk->failed);
	run->detail = detail;
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "queue-advance",
			.summary = "move on every line in which somebody may wait" },
		.for_seconds = 50,
		.derives_ids = true,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
