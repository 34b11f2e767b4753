# What cron starts has a schedule in the database, which says how late it is.
# shellcheck shell=bash disable=SC2154

jobs_scheduled() {
	local job
	sed -n '/^[^#]/s/.*&& holdfast-\([a-z-]*\).*/\1/p' cron/holdfast | sort -u |
		while read -r job; do
			grep -hA 9 'INSERT INTO job_schedule' sql/deploy/*.sql |
				grep -q "('$job', '" || echo "$job has no row in job_schedule"
		done
}

jobs_found() {
	grep -q '&& holdfast-janitor' cron/holdfast || echo "cron/holdfast is not understood"
}

check "cron's jobs are found" jobs_found
check "each of cron's jobs has a schedule" jobs_scheduled
