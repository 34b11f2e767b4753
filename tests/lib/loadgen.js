// The load generator as a process, and servers of a test's own for it.
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const { env } = require('./stack.js');

// One run: {status, stdout, stderr}. during(child, said) hears that it begins, and what it says.
function loadgen(args, during) {
	const child = spawn(path.join(env.HOLDFAST_BIN, 'holdfast-loadgen'), args.map(String),
		{ env: { ...env, DATABASE_URL: undefined }, stdio: ['ignore', 'pipe', 'pipe'] });
	const said = { stdout: '', stderr: '' };
	during?.(child, said);
	for (const name of ['stdout', 'stderr'])
		child[name].on('data', (chunk) => { said[name] += chunk; during?.(child, said); });
	return new Promise((resolve) => {
		child.on('close', (status) => resolve({ status, ...said }));
	});
}

// A server for as long as `then` takes.
async function serve(server, then) {
	const sockets = new Set();
	server.on('connection', (socket) => {
		sockets.add(socket);
		socket.on('error', () => {}).on('close', () => sockets.delete(socket));
	});
	await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
	try {
		return await then(`http://127.0.0.1:${server.address().port}`);
	} finally {
		for (const socket of sockets) socket.destroy();
		await new Promise((resolve) => { server.close(resolve); });
	}
}

module.exports = { loadgen, serve };
