/*
 * Counts and owners. Two bookings that have one seat at one moment are told from the times that the
 * server itself says, so that no difference of clocks makes a double sale of what was none.
 */
#include "load/tally.h"

#include "base/str.h"

#define FOR_GOOD       INT64_MAX

/*
 * A booking bears the time at which its transaction began, which then may have waited for as long
 * as this for a seat that was being given back.
 */
#define TRANSACTION_US 4000000

struct tally *
tally_new(size_t seats)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally)
		tally->owners = calloc(seats + 1, sizeof(*tally->owners));
	if (!tally || !tally->owners)
		abort();
	tally->seats = seats;
	return tally;
}

void
tally_free(struct tally *tally)
{
	free(tally->owners);
	free(tally);
}

void
tally_answer(struct tally *tally, enum record_op op, int status, int64_t latency_us)
{
	tally->calls++;
	tally->statuses[op][status]++;
	tally->all[status]++;
	histogram_add(&tally->latency[op], latency_us);
	histogram_add(&tally->recent, latency_us);
}

/* FNV-1a; never 0. */
uint64_t
tally_mark(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash | 1;
}

static uint64_t
fingerprint(const char *booking)
{
	return tally_mark(booking, strlen(booking));
}

/* Whether both certainly had the seat at one moment. */
static bool
is_at_once(const struct tally *tally, const struct tally_owner *last, const struct tally_owner *now)
{
	int64_t spare_us = last->ended ? TRANSACTION_US : 0;

	if (last->booking == 0 || last->from_us >= now->until_us)
		return false;
	/* The one that came first may be gone with the crash, unless it was confirmed. */
	if (tally->crash && (last->until_us != FOR_GOOD || now->from_us < last->from_us))
		return false;
	return now->from_us < last->until_us - spare_us;
}

void
tally_own(struct tally *tally, size_t seat, const char *booking, int64_t from_us, int64_t until_us)
{
	struct tally_owner *last = &tally->owners[seat];
	struct tally_owner now = { fingerprint(booking), from_us, until_us, false };
	int64_t at_once = 1;

	if (last->booking == now.booking)
		return;
	if (is_at_once(tally, last, &now))
		at_once = 2;
	else if (last->booking && !last->ended && from_us >= last->until_us &&
		 from_us - last->until_us > tally->counts[MEASURE_RETAKEN])
		tally->counts[MEASURE_RETAKEN] = from_us - last->until_us;
	if (at_once > tally->counts[MEASURE_WINNERS])
		tally->counts[MEASURE_WINNERS] = at_once;
	/* Answers may be read in another order than they were made. */
	if (!last->booking || until_us > last->until_us)
		*last = now;
}

void
tally_keep(struct tally *tally, size_t seat, const char *booking)
{
	struct tally_owner *last = &tally->owners[seat];

	if (last->booking == fingerprint(booking))
		last->until_us = FOR_GOOD;
	else if (last->booking)
		tally->counts[MEASURE_WINNERS] = 2;
}

void
tally_finish(struct tally *tally, int64_t ended_us)
{
	int64_t *most_us = &tally->counts[MEASURE_OVERDUE];

	ended_us += tally->clock_known ? tally->ahead_us : 0;
	for (size_t i = 0; i < tally->seats; i++) {
		const struct tally_owner *last = &tally->owners[i];

		if (!last->booking || last->ended || last->until_us == FOR_GOOD)
			continue;
		if (ended_us - last->until_us > *most_us)
			*most_us = ended_us - last->until_us;
	}
}

void
tally_unmet(struct tally *tally, int64_t waited_us)
{
	tally->counts[MEASURE_UNMET]++;
	histogram_add(&tally->unmet, waited_us);
}

void
tally_end(struct tally *tally, size_t seat, const char *booking, int64_t sent_us)
{
	struct tally_owner *last = &tally->owners[seat];

	sent_us += tally->clock_known ? tally->ahead_us : 0;
	if (last->booking != fingerprint(booking) || sent_us >= last->until_us)
		return;
	/* Nobody can take it before it was given. */
	last->until_us = sent_us > last->from_us ? sent_us : last->from_us;
	last->ended = true;
}

void
tally_clock(struct tally *tally, int64_t made_us, int64_t done_us)
{
	if (!tally->clock_known || made_us - done_us > tally->ahead_us)
		tally->ahead_us = made_us - done_us;
	tally->clock_known = true;
}

void
tally_known(const struct tally *tally, struct expect_known *known)
{
	static struct histogram all;
	int64_t *values = known->values;

	memcpy(values, tally->counts, sizeof(tally->counts));
	all = tally->unmet;
	for (int op = 0; op < RECORD_OPS; op++) {
		if (op != RECORD_REGISTER && op != RECORD_LOGIN)
			histogram_join(&all, &tally->latency[op]);
	}
	known->statuses = tally->all;
	values[MEASURE_CALLS] = tally->calls;
	values[MEASURE_LOST] = tally->all[0];
	values[MEASURE_5XX] = 0;
	for (int status = 500; status < TALLY_STATUSES; status++)
		values[MEASURE_5XX] += tally->all[status];
	values[MEASURE_P50] = histogram_quantile(&all, 0.5);
	values[MEASURE_P99] = histogram_quantile(&all, 0.99);
	values[MEASURE_P999] = histogram_quantile(&all, 0.999);
	values[MEASURE_LONGEST] = all.most_us;
}
