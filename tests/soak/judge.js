// What of a soak grows: the slope of each measure over its second half, by least squares.
'use strict';

// Of y by x, with the value that the line has in the middle: {slope, mean}.
function line(points) {
	const n = points.length;
	const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / n;
	const mx = mean(([x]) => x), my = mean(([, y]) => y);
	const above = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
	const below = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
	return { slope: below > 0 ? above / below : 0, mean: my };
}

/*
 * measures: [{name, unit, of: (sample) => number, and one of
 *   flat: {share, floor}  it may grow over the half by that share of itself, or by floor if that is more
 *   each: most            it may grow with the bookings that were made, by so much for one of them
 *   exactly: number       it is always so much
 * }]
 * samples: [{seconds, bookings, …}], in order. Returns [{name, unit, first, half, last, grows, allowed, met}];
 * grows and allowed are of the half, or of one booking.
 */
function judge(measures, samples) {
	const half = samples.slice(Math.floor(samples.length / 2));
	const lasted = half.at(-1).seconds - half[0].seconds;
	return measures.map(({ name, unit, of, flat, each, exactly }) => {
		const row = { name, unit, first: of(samples[0]), half: of(half[0]), last: of(half.at(-1)) };
		if (exactly !== undefined) {
			const worst = samples.map(of).find((value) => value !== exactly);
			return { ...row, per: 'always', grows: worst ?? exactly, allowed: exactly, met: worst === undefined };
		}
		const by = flat ? 'seconds' : 'bookings';
		const { slope, mean } = line(half.map((sample) => [sample[by], of(sample)]));
		const grows = flat ? slope * lasted : slope;
		const allowed = flat ? Math.max(flat.share * mean, flat.floor) : each;
		return { ...row, per: flat ? 'half' : 'booking', grows, allowed, met: grows <= allowed };
	});
}

module.exports = { judge, line };
