/*
 * What others are told of: notices are published, and delivered to webhooks and mailboxes, each
 * until it got there or three days have passed. A delivery has the same id at each try.
 */
#ifndef HOLDFAST_OUTBOX_H
#define HOLDFAST_OUTBOX_H

#include "domain/context.h"

struct outbox;

/* What happened so far, by channel. */
struct outbox_tally {
	int64_t published, written; /* notices, deliveries */
	int64_t done[2], later[2], dead[2];
	int64_t buried, trimmed;
	int64_t mistakes; /* events and templates that somebody has to look after */
};

enum outbox_channel { OUTBOX_MAIL, OUTBOX_WEBHOOK };

/* *mistake: which setting is wrong, in words, where it returns NULL. Connects to nobody yet. */
struct outbox *outbox_open(const struct conf *conf, const char **mistake);
void outbox_close(struct outbox *outbox);
const struct outbox_tally *outbox_tally(const struct outbox *outbox);

/* Each is one turn: some work, soon done. most: rows, 1 or more; *done: rows; 0: there was nothing
 * to do now. */
enum problem
outbox_publish(struct outbox *outbox, struct context *house, int64_t most, int64_t *done);
enum problem outbox_mail(struct outbox *outbox, struct context *house, int64_t most, int64_t *done);
/* Webhooks: slow, of those that were slow the last time, else of all others. The turn is as long as
 * the slowest takes. */
enum problem
outbox_call(struct outbox *outbox, struct context *house, bool slow, int64_t most, int64_t *done);
/* Gives up what has waited too long, or for nobody. */
enum problem outbox_bury(struct outbox *outbox, struct context *house, int64_t most, int64_t *done);
enum problem outbox_trim(struct outbox *outbox, struct context *house, int64_t most, int64_t *done);

#endif
