/*
 * The outbox. That a delivery is tried is written down before it is: should this process die, it is
 * repeated later. How the try ended is written down after it.
 */
#include "domain/outbox.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "domain/mail.h"
#include "domain/message.h"
#include "domain/webhook.h"
#include "queries.h"
#include "store/web.h"

#define SPREAD_MOST   500
#define MAILS_MOST    8
#define TRIM_MOST     500
#define SLOW_US       1000000
#define TURN_LONG_US  2000000 /* what of a turn has not begun by then is given back */
#define PUBLISH_US    250000  /* until then one event is published after the other */
#define ANSWER_MAX    4096
#define MISTAKES_TOLD 20

struct outbox {
	const struct conf *conf;
	struct arena *arena;
	struct web *web;
	struct message_sender from;
	bool mail, plain;
	int32_t after; /* the event that had the last turn */
	struct outbox_tally tally;
};

/* A delivery that was taken. */
struct delivery {
	const char *id, *template, *address, *secret, *body;
	int64_t sent_at;
};

/* How a try ended. */
struct ending {
	const char *status; /* done, later, dead, refused; back: it was not tried */
	const char *error;
	bool lane; /* others of the lane would fare alike */
	bool gone;
	bool slow;    /* so is the receiver */
	bool crowded; /* it took long, since others were under way to the same receiver */
};

struct outbox *
outbox_open(const struct conf *conf, const char **mistake)
{
	struct arena *arena = arena_new();
	struct outbox *outbox = ARENA_NEW(arena, struct outbox);
	struct web_url server;

	*outbox = (struct outbox){ .conf = conf, .arena = arena, .mail = *conf->smtp_url != '\0' };
	*mistake = NULL;
	if (outbox->mail && !web_url_read(arena, conf->smtp_url, "smtp", &server))
		*mistake = "smtp_url is no address of the form smtp://host[:port]";
	else if (outbox->mail && server.secrets)
		*mistake = "smtp_url holds a user or a password: see smtp_user and smtp_password";
	else if (outbox->mail && !message_sender_read(arena, conf->mail_from, &outbox->from))
		*mistake = "mail_from is no address, which mail needs";
	if (*mistake) {
		arena_free(arena);
		return NULL;
	}
	outbox->plain = outbox->mail && (conf->smtp_plain || server.loopback);
	outbox->web = web_open();
	return outbox;
}

void
outbox_close(struct outbox *outbox)
{
	web_close(outbox->web);
	arena_free(outbox->arena);
}

const struct outbox_tally *
outbox_tally(const struct outbox *outbox)
{
	return &outbox->tally;
}

/* What somebody has to look after. A run that meets it again and again says so some times. */
static void
note_mistake(struct outbox *outbox, const char *mistake)
{
	if (outbox->tally.mistakes++ < MISTAKES_TOLD)
		log_line(LOG_ERROR, "event=outbox mistake=%s", log_value(mistake));
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Goes on behind events that fail, each of which is told of, until some had their step. */
enum problem
outbox_publish(struct outbox *outbox, struct context *house, int64_t most, int64_t *done)
{
	int64_t began_us = clock_monotonic_us();
	bool again = outbox->after > 0;
	int64_t published, written;
	struct pg_rows rows;
	const char *failed;
	enum problem err;

	*done = 0;
	do {
		context_renew(house);
		err = query_outbox_spread(house->pg, house->arena, house->deadline_us, house->why,
			&rows, outbox->after, outbox->mail, least(SPREAD_MOST, most - *done));
		if (err)
			return err;
		if (rows.count == 0) {
			/* Those up to the one that had the last turn have theirs now. */
			outbox->after = 0;
			if (!again)
				return PROBLEM_NONE;
			again = false;
			continue;
		}
		outbox->after = (int32_t)pg_int(&rows, 0, OUTBOX_SPREAD_EVENT);
		failed = pg_text(&rows, 0, OUTBOX_SPREAD_FAILED);
		if (failed) {
			note_mistake(outbox, arena_printf(house->arena, "event %d: %s",
						     (int)outbox->after, failed));
			continue;
		}
		published = pg_int(&rows, 0, OUTBOX_SPREAD_PUBLISHED);
		written = pg_int(&rows, 0, OUTBOX_SPREAD_WRITTEN);
		outbox->tally.published += published;
		outbox->tally.written += written;
		/* Notices, or where they had been published what is written of them. */
		*done += published > 0 ? published : written > 0 ? least(written, most - *done) : 1;
	} while (*done < most &&
		 clock_monotonic_us() - began_us < (*done > 0 ? PUBLISH_US : TURN_LONG_US));
	return PROBLEM_NONE;
}

/* Bytes of hexadecimal text, which PostgreSQL has written. */
static size_t
read_hex(const char *hex, unsigned char *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 0;

	for (; hex[0] && hex[1] && len < room; hex += 2)
		out[len++] = (unsigned char)((strchr(digits, hex[0]) - digits) << 4 |
					     (strchr(digits, hex[1]) - digits));
	return len;
}

static struct ending
judge_answer(const struct web_exchange *exchange, struct arena *arena)
{
	int status = exchange->answer.status;

	if (exchange->result != WEB_ANSWERED)
		return (struct ending){
			.status = "later", .error = exchange->answer.error, .lane = true
		};
	if (status >= 200 && status < 300)
		return (struct ending){ .status = "done" };
	if (status == 410)
		return (struct ending){ .status = "dead",
			.error = "the receiver is gone (410)",
			.lane = true,
			.gone = true };
	return (struct ending){ .status = "later",
		.error = arena_printf(arena, "the receiver answered %d", status),
		.lane = status >= 500 || status == 429 };
}

/* What took long says that the receiver is slow, unless another call of it was quicker: then it
 * does not take so many at once, and that is no fault of the one that ran out of its time. */
static void
judge_time(const struct web_exchange *exchanges, size_t count, size_t i, struct ending *ending)
{
	bool slow = exchanges[i].took_us > SLOW_US, other = false;

	for (size_t k = 0; k < count; k++)
		other |= exchanges[k].result == WEB_ANSWERED && exchanges[k].took_us <= SLOW_US &&
			 str_equal(exchanges[k].request.url, exchanges[i].request.url);
	ending->slow = slow && !other;
	ending->crowded = slow && other;
	ending->lane &= !ending->crowded;
}

static struct web_request
webhook_request(const struct conf *conf, struct arena *arena, const struct delivery *delivery)
{
	unsigned char secret[WEBHOOK_SECRET_BYTES];
	size_t secret_len = read_hex(delivery->secret, secret, sizeof(secret));
	const char **headers = ARENA_ARRAY(arena, const char *, 5);

	headers[0] = "Content-Type: application/json";
	headers[1] = arena_printf(arena, "webhook-id: %s", delivery->id);
	headers[2] = arena_printf(arena, "webhook-timestamp: %lld", (long long)delivery->sent_at);
	headers[3] = arena_printf(arena, "webhook-signature: %s",
		webhook_signature(arena, secret, secret_len, delivery->id, delivery->sent_at,
			delivery->body));
	headers[4] = NULL;
	return (struct web_request){
		.method = "POST",
		.url = delivery->address,
		.headers = headers,
		.body = delivery->body,
		.body_len = strlen(delivery->body),
		.deadline_us = clock_monotonic_us() + conf->webhook_timeout_ms * 1000,
		.answer_max = ANSWER_MAX,
		.cut = true,
		.public_only = !conf->webhooks_allow_private,
	};
}

static struct ending
send_mail(struct outbox *outbox, struct context *house, const struct delivery *delivery)
{
	const struct conf *conf = outbox->conf;
	struct message message = { .from = outbox->from,
		.to = delivery->address,
		.id = delivery->id,
		.unix_s = delivery->sent_at };
	struct mail_text text;
	const char *error = NULL;
	struct str out;

	if (!message_address_is_valid(delivery->address))
		return (struct ending){ .status = "dead",
			.error = "the account's address is none that mail can go to" };
	error = mail_make(conf, house->arena, delivery->template, delivery->body, &text);
	if (error) {
		/* Others are good: whoever wrote this one is told. */
		note_mistake(outbox, error);
		return (struct ending){ .status = "later", .error = error };
	}
	message.subject = text.subject;
	message.text = text.text;
	message.html = text.html;
	str_init(&out, house->arena);
	message_write(&out, &message);
	switch (web_mail(outbox->web,
		&(struct web_mail){
			.url = conf->smtp_url,
			.user = conf->smtp_user,
			.password = conf->smtp_password,
			.plain = outbox->plain,
			.from = outbox->from.address,
			.to = delivery->address,
			.text = out.data,
			.len = out.len,
			.deadline_us = clock_monotonic_us() + conf->smtp_timeout_ms * 1000,
		},
		house->arena, &error)) {
	case WEB_MAIL_SENT:
		return (struct ending){ .status = "done" };
	case WEB_MAIL_LATER:
		return (struct ending){ .status = "later", .error = error };
	case WEB_MAIL_REFUSED:
		return (struct ending){ .status = "refused", .error = error };
	case WEB_MAIL_NOBODY:
		return (struct ending){ .status = "dead", .error = error };
	case WEB_MAIL_AWAY:
		break;
	}
	return (struct ending){ .status = "later", .error = error, .lane = true };
}

/* Writes down how a try ended. */
static enum problem
tell(struct outbox *outbox, struct context *house, enum outbox_channel channel,
	const struct delivery *delivery, const struct ending *ending)
{
	struct outbox_tally *tally = &outbox->tally;
	struct pg_rows rows;
	const char *status;
	enum problem err;

	context_renew(house);
	err = query_outbox_told(house->pg, house->arena, house->deadline_us, house->why, &rows,
		delivery->id, ending->status, ending->error, ending->lane, ending->gone,
		ending->slow, ending->crowded);
	if (err)
		return err;
	status = pg_text(&rows, 0, OUTBOX_TOLD_STATUS);
	if (strcmp(ending->status, "back") == 0)
		return PROBLEM_NONE;
	tally->done[channel] += str_equal(status, "done");
	tally->dead[channel] += str_equal(status, "dead");
	tally->later[channel] += str_equal(status, "waiting");
	if (ending->error)
		log_line(str_equal(status, "dead") ? LOG_WARN : LOG_DEBUG,
			"event=delivery id=%s status=%s error=%s", delivery->id, status,
			log_value(ending->error));
	return PROBLEM_NONE;
}

static struct delivery
read_delivery(const struct pg_rows *rows, int row)
{
	return (struct delivery){
		.id = pg_text(rows, row, OUTBOX_TAKE_DELIVERY_ID),
		.template = pg_text(rows, row, OUTBOX_TAKE_TEMPLATE),
		.address = pg_text(rows, row, OUTBOX_TAKE_ADDRESS),
		.secret = pg_text(rows, row, OUTBOX_TAKE_SECRET),
		.body = pg_text(rows, row, OUTBOX_TAKE_BODY),
		.sent_at = pg_int(rows, row, OUTBOX_TAKE_SENT_AT),
	};
}

/* All at once: none of them has to wait for another. */
enum problem
outbox_call(struct outbox *outbox, struct context *house, bool slow, int64_t most, int64_t *done)
{
	struct web_exchange exchanges[WEB_AT_ONCE];
	struct delivery deliveries[WEB_AT_ONCE];
	struct pg_rows rows;
	struct ending ending;
	enum problem err;

	*done = 0;
	context_renew(house);
	err = query_outbox_take(house->pg, house->arena, house->deadline_us, house->why, &rows,
		"webhook", least(WEB_AT_ONCE, most), slow);
	if (err)
		return err;
	for (int i = 0; i < rows.count; i++) {
		deliveries[i] = read_delivery(&rows, i);
		exchanges[i].request = webhook_request(outbox->conf, house->arena, &deliveries[i]);
	}
	web_call(outbox->web, exchanges, (size_t)rows.count, house->arena);
	for (; !context_is_cut_off(err) && *done < rows.count; ++*done) {
		ending = judge_answer(&exchanges[*done], house->arena);
		judge_time(exchanges, (size_t)rows.count, (size_t)*done, &ending);
		err = context_sum(
			err, tell(outbox, house, OUTBOX_WEBHOOK, &deliveries[*done], &ending));
	}
	return err;
}

/* One after the other, over one connection. */
enum problem
outbox_mail(struct outbox *outbox, struct context *house, int64_t most, int64_t *done)
{
	int64_t began_us = clock_monotonic_us();
	bool failed = false;
	struct pg_rows rows;
	enum problem err;

	*done = 0;
	if (!outbox->mail)
		return PROBLEM_NONE;
	context_renew(house);
	err = query_outbox_take(house->pg, house->arena, house->deadline_us, house->why, &rows,
		"mail", least(MAILS_MOST, most), false);
	for (int i = 0; !err && i < rows.count; i++) {
		struct delivery delivery = read_delivery(&rows, i);
		struct ending ending = { .status = "back" };

		if (!failed && clock_monotonic_us() - began_us < TURN_LONG_US) {
			ending = send_mail(outbox, house, &delivery);
			/* All mail goes through one server. */
			failed = ending.lane;
			++*done;
		}
		err = tell(outbox, house, OUTBOX_MAIL, &delivery, &ending);
	}
	return err;
}

enum problem
outbox_bury(struct outbox *outbox, struct context *house, int64_t most, int64_t *done)
{
	struct pg_rows rows;
	enum problem err;

	*done = 0;
	context_renew(house);
	err = query_outbox_bury(house->pg, house->arena, house->deadline_us, house->why, &rows,
		least(TRIM_MOST, most));
	if (err)
		return err;
	*done = pg_int(&rows, 0, OUTBOX_BURY_GONE);
	outbox->tally.buried += *done;
	return PROBLEM_NONE;
}

enum problem
outbox_trim(struct outbox *outbox, struct context *house, int64_t most, int64_t *done)
{
	struct pg_rows rows;
	enum problem err;

	context_renew(house);
	err = query_outbox_trim(house->pg, house->arena, house->deadline_us, house->why, &rows,
		least(TRIM_MOST, most));
	if (err)
		return err;
	*done = pg_int(&rows, 0, OUTBOX_TRIM_GONE);
	outbox->tally.trimmed += *done;
	return PROBLEM_NONE;
}
