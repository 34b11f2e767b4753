# What pages of other origins may read of an answer: nginx and the pools say the same.
# shellcheck shell=bash disable=SC2016

exposed() {
	diff <(tr -d '\n' <app/http/cors.c | sed 's/"[[:space:]]*"//g' |
		grep -oP 'Access-Control-Expose-Headers: \K[^\\]+' || echo "cors.c has no list") \
		<(sed -n '/ \$holdfast_exposed {$/,/^}/s/^\tdefault "\(.*\)";$/\1/p' \
			conf/nginx.conf.in)
}

check "the pools and nginx expose the same headers" exposed
