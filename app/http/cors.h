/*
 * Cross-origin calls from browsers (the CORS protocol of the Fetch standard).
 */
#ifndef HOLDFAST_CORS_H
#define HOLDFAST_CORS_H

#include "http/request.h"

/* The header fields that let the page of an allowed origin read this answer. */
void cors_add_headers(const struct request *r, struct str *head);

#endif
