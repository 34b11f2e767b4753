/*
 * What the files of events share among themselves: event_read.c, event_list.c.
 */
#ifndef HOLDFAST_EVENT_PARTS_H
#define HOLDFAST_EVENT_PARTS_H

#include "domain/event.h"

/* The sections of an event out of its row: arrays in PostgreSQL's text format. */
void
event_take_sections(struct arena *arena, struct event *event, const char *ids, const char *open);

/* Fills the numbers of available places of an event out of its live picture. */
enum problem event_read_available(struct context *house, struct event *event);

#endif
