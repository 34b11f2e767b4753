# The list of metrics, and what is made of it for people who watch: names, alerts, the dashboard.
# shellcheck shell=bash disable=SC2154

metrics_table() {
	awk -v form="$1" -f app/gen/metrics.awk app/base/metric.def
}

# None twice, each as Prometheus wants it: lower case, a unit, counters on _total.
metrics_names() {
	local rows names
	rows=$(grep -c '^METRIC(' app/base/metric.def)
	names=$(grep '^METRIC(' app/base/metric.def | cut -d '"' -f 2)
	[ "$rows" -gt 20 ] || echo "fewer than 20 metrics were found"
	diff <(echo "$rows") <(sort -u <<<"$names" | wc -l)
	grep -vE '^holdfast_[a-z]+(_[a-z]+)*$' <<<"$names"
	grep -E '^METRIC\([A-Z_]+, (COUNTER|SECONDS),' app/base/metric.def | grep -v '_total", '
	grep -E '^METRIC\([A-Z_]+, (HISTOGRAM|GAUGE),' app/base/metric.def | grep '_total", '
}

# Every name that a file speaks of is one of the list.
metrics_known() {
	local found
	found=$(grep -oE '\bholdfast_[a-z_]+' "$1" | sort -u)
	[ -n "$found" ] || echo "$1 speaks of no metric"
	comm -23 - <(metrics_table names | sort -u) <<<"$found" | sed "s|^|$1: there is no |"
}

metrics_page() {
	diff <(metrics_table table) \
		<(sed -n '/^<!-- metrics -->$/,/^<!-- end of metrics -->$/p' docs/watching.md |
			sed '1d;$d')
}

metrics_alerts() {
	local alerts
	promtool check rules conf/prometheus-alerts.yml >/dev/null || echo "promtool refuses them"
	promtool test rules tests/style/alerts.test.yml | grep -v -e SUCCESS -e '^ *$' -e Testing
	alerts=$(grep -c '^ *- alert: ' conf/prometheus-alerts.yml)
	diff <(echo "$alerts") <(grep -c '^ *runbook: ' conf/prometheus-alerts.yml)
	grep -o 'alert: .*' conf/prometheus-alerts.yml | cut -d ' ' -f 2 | while read -r alert; do
		grep -q "alertname=\"$alert\"" tests/style/alerts.test.yml ||
			echo "$alert is not tested"
	done
}

# The dashboard's expressions as rules, so that promtool reads them, with what Grafana fills in.
metrics_dashboard() {
	local rules
	rules=$(mktemp)
	jq '{groups: [{name: "dashboard", rules: [.panels[] | .title as $title | .targets[] |
		{record: "panel:expr", labels: {title: "\($title) \(.refId)"}, expr: (.expr |
		gsub("\\$__rate_interval"; "5m") | gsub("\\$instance"; ".*"))}]}]}' \
		conf/grafana-dashboard.json >"$rules" || echo "it is no JSON"
	[ "$(grep -c '"expr"' "$rules")" -gt 10 ] || echo "it has no panels"
	promtool check rules "$rules" 2>&1 | grep -v -e SUCCESS -e '^ *$' -e Checking
	rm -f "$rules"
}

check "metrics are named as Prometheus wants it, none twice" metrics_names
check "the alerts speak of metrics that there are" metrics_known conf/prometheus-alerts.yml
check "the dashboard speaks of metrics that there are" metrics_known conf/grafana-dashboard.json
check "the table of metrics is what \`make settings\` makes" metrics_page
check "every alert is sound, says what to do, and fires" metrics_alerts
check "the dashboard's expressions are sound" metrics_dashboard
