# Makes nginx's own error answers from the table of problems: for each problem that a web server
# meets by itself one internal location, which answers problem+json (RFC 9457) with the request's
# id. (Not a named one: where the request line could not be read, nginx cannot go there.)
#
# in:  app/base/problem.def
# out: an nginx file to be included within server { }; it uses $request_id, $holdfast_allow,
#      $holdfast_left and $holdfast_quota and, for browsers of other origins, $holdfast_origin

/^PROBLEM\(/ {
	n = split($0, quoted, "\"")
	slug = quoted[2]
	title[slug] = quoted[n - 1]
	split(quoted[3], number, /[ ,]+/)
	status[slug] = number[2]
}

# headers: separated by commas.
function answer(codes, slug, headers, directive,    each, i, n)
{
	if (!(slug in status)) {
		print "problems.awk: no problem is called " slug > "/dev/stderr"
		failed = 1
		exit
	}
	printf "error_page %s = /problems/%s;\n", codes, slug
	printf "location = /problems/%s {\n\tinternal;\n", slug
	printf "\tdefault_type application/problem+json;\n"
	printf "\tadd_header X-Request-Id $request_id always;\n"
	printf "\tadd_header X-Content-Type-Options nosniff always;\n"
	printf "\tadd_header Content-Security-Policy "
	printf "\"default-src 'none'; frame-ancestors 'none'\" always;\n"
	printf "\tadd_header Referrer-Policy no-referrer always;\n"
	printf "\tadd_header Cache-Control no-store always;\n"
	printf "\tadd_header Access-Control-Allow-Origin $holdfast_origin always;\n"
	printf "\tadd_header Vary Origin always;\n"
	printf "\tadd_header Access-Control-Expose-Headers $holdfast_exposed always;\n"
	n = split(headers, each, /, */)
	for (i = 1; i <= n; i++)
		printf "\tadd_header %s always;\n", each[i]
	if (directive != "")
		printf "\t%s;\n", directive
	printf "\treturn %s '{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%s,", \
		status[slug], slug, title[slug], status[slug]
	printf "\"detail\":\"%s.\",\"instance\":\"$request_id\"}';\n}\n", title[slug]
}

END {
	if (failed)
		exit 1
	print "# Made from app/base/problem.def."
	answer("400 408 421 501 505", "malformed-request", "")
	answer("403", "forbidden", "")
	answer("404", "not-found", "")
	answer("405", "method-not-allowed", "Allow $holdfast_allow")
	# nginx finds this when an answer is under way already, and closes the connection after it:
	# unless it says so, the client sends its next request there.
	answer("412", "precondition-failed", "", "keepalive_timeout 0")
	answer("413", "body-too-large", "")
	answer("414", "uri-too-long", "")
	answer("429", "rate-limited", \
		"Retry-After 1, RateLimit $holdfast_left, RateLimit-Policy $holdfast_quota")
	answer("494", "headers-too-large", "")
	answer("500", "internal", "")
	answer("502 503 504", "unavailable", "Retry-After 1")
	if (failed)
		exit 1
}
