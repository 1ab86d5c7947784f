// ws_peer.cjs - drives interop_ws with the `ws` package, on both sides.
// SPDX-License-Identifier: Apache-2.0
// Runs in: tests, started by test_ws.py.
//
//	node ws_peer.cjs FOLDER-OF-WS INTEROP_WS
//
// Prints `ok NAME` or `not ok NAME: why`, a line for each case.
'use strict';

const assert = require('assert');
const { spawn } = require('child_process');
const { once } = require('events');
const http = require('http');
const net = require('net');

const [, , folder, program] = process.argv;
const WebSocket = require(folder);
const PROTOCOL = 'countersign.agent.v1';
const SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20];
let failed = false;

// ---- connections: the same cases run with our end as server and client ----

class Lines {
	constructor(child) {
		this.rest = '';
		this.lines = [];
		this.waiting = [];
		child.stdout.setEncoding('utf8');
		child.stdout.on('data', (s) => {
			const parts = (this.rest + s).split('\n');
			this.rest = parts.pop();
			for (const line of parts) {
				if (this.waiting.length > 0)
					this.waiting.shift()(line);
				else
					this.lines.push(line);
			}
		});
	}

	next() {
		if (this.lines.length > 0)
			return Promise.resolve(this.lines.shift());
		return new Promise((resolve) => this.waiting.push(resolve));
	}
}

function start(...args) {
	const child = spawn(program, args,
	    { stdio: ['pipe', 'pipe', 'inherit'] });
	return { child, out: new Lines(child) };
}

// Runs body(ws, out) on a connection to our server.
async function withOurServer(body) {
	const { child, out } = start('server');
	try {
		const port = (await out.next()).split(' ')[1];
		const ws = new WebSocket(`ws://127.0.0.1:${port}/agent`, PROTOCOL);
		await once(ws, 'open');
		assert.equal(ws.protocol, PROTOCOL);
		assert.equal(ws.extensions, '');
		await body(ws, out);
	} finally {
		child.stdin.end();
		child.kill();
	}
}

// Runs body(ws, out) on a connection from our client.
async function withOurClient(body) {
	const server = new WebSocket.Server({ port: 0, host: '127.0.0.1',
	    handleProtocols: (set) => set.has(PROTOCOL) && PROTOCOL });
	await once(server, 'listening');
	const { child, out } = start('client', String(server.address().port));
	try {
		const [ws, request] = await once(server, 'connection');
		assert.equal(request.url, '/agent');
		await body(ws, out);
	} finally {
		child.kill();
		for (const ws of server.clients)
			ws.terminate();
		server.close();
	}
}

// The next message; resolves to [data, isBinary].
async function message(ws) {
	const [data, isBinary] = await once(ws, 'message');
	return [data, isBinary];
}

function pattern(size) {
	const b = Buffer.alloc(size);
	for (let i = 0; i < size; i++)
		b[i] = 97 + (i * 7 + (i >> 8)) % 26;
	return b;
}

async function echo(ws, data, binary, what) {
	const answer = message(ws);
	ws.send(data, { binary });
	const [got, isBinary] = await answer;
	assert.equal(isBinary, binary, what);
	assert(got.equals(data), `${what}: ${got.length} of ${data.length}`);
}

// ---- the cases ----

const cases = {
	async sizes(ws) {
		for (const n of SIZES) {
			await echo(ws, pattern(n), false, `text of ${n}`);
			await echo(ws, pattern(n), true, `binary of ${n}`);
		}
	},

	// Fragments from the other side, pings between them.
	async fragments(ws) {
		for (const n of SIZES) {
			for (const binary of [false, true]) {
				const data = pattern(n);
				const step = Math.max(1, n >> 3);
				const answer = message(ws);
				const pongs = [];
				const note = (d) => pongs.push(String(d));
				let pings = 0;
				ws.on('pong', note);
				for (let at = 0; at < n; at += step) {
					ws.send(data.subarray(at, at + step),
					    { binary, fin: false });
					ws.ping(String(pings++));
				}
				ws.send('', { binary, fin: true });
				const [got, isBinary] = await answer;
				assert.equal(isBinary, binary);
				assert(got.equals(data), `${n}`);
				ws.off('pong', note);
				assert.equal(pongs.length, pings);
				assert(pongs.every((p, i) => p === String(i)));
			}
		}
	},

	// Fragments from our side.
	async our_fragments(ws) {
		ws.send('fragment 1');
		await echo(ws, pattern(300), false, 'by 1');
		ws.send('fragment 1000');
		for (const n of SIZES)
			await echo(ws, pattern(n), false, `${n} by 1000`);
	},

	// UTF-8 cut inside of characters, both ways.
	async utf8(ws) {
		const text = Buffer.from('aé€😀\u{10ffff}\u{fffd}Ω'.repeat(20));
		ws.send('fragment 1');
		for (const step of [1, 2, 3, 5]) {
			const answer = message(ws);
			for (let at = 0; at < text.length; at += step)
				ws.send(text.subarray(at, at + step),
				    { binary: false, fin: false });
			ws.send('', { binary: false, fin: true });
			const [got, isBinary] = await answer;
			assert(!isBinary && got.equals(text));
		}
	},

	async pings(ws) {
		for (const n of [0, 1, 125]) {
			const pong = once(ws, 'pong');
			ws.ping(pattern(n));
			assert((await pong)[0].equals(pattern(n)));
			const answer = message(ws);
			ws.send('ping ' + pattern(n));
			assert.equal(String((await answer)[0]),
			    'pong ' + pattern(n));
		}
	},

	async many_small(ws) {
		const total = 5000;
		let seen = 0;
		const done = new Promise((resolve, reject) => {
			ws.on('message', (d) => {
				if (String(d) !== String(seen))
					reject(new Error(`${d} for ${seen}`));
				if (++seen === total)
					resolve();
			});
		});
		for (let i = 0; i < total; i++)
			ws.send(String(i));
		await done;
	},
};

// Closing, from their side and from ours.
for (const [code, reason] of [[1000, ''], [1001, 'going'], [1011, 'why'],
    [1013, 'später'], [3000, 'x'], [4999, 'y'.repeat(123)]]) {
	cases[`close_${code}`] = async (ws, out) => {
		const closed = once(ws, 'close');
		ws.close(code, reason);
		assert.equal((await closed)[0], code);
		assert.equal(await out.next(), `closed ${code} ${reason}`);
	};
	cases[`our_close_${code}`] = async (ws, out) => {
		const closed = once(ws, 'close');
		ws.send(`close ${code} ${reason}`);
		const [gotCode, gotReason] = await closed;
		assert.equal(gotCode, code);
		assert.equal(String(gotReason), reason);
		// The package answers with the code alone.
		assert.match(await out.next(), new RegExp(`^closed ${code} `));
	};
}

cases.close_without_code = async (ws, out) => {
	const closed = once(ws, 'close');
	ws.close();
	assert.equal((await closed)[0], 1005);
	assert.equal(await out.next(), 'closed 1005 ');
};

cases.gone_without_close = async (ws, out) => {
	ws.terminate();
	assert.equal(await out.next(), 'error closed');
};

// What we close over, and with which code.
for (const [name, code, word, send] of [
	['not_utf8', 1007, 'forbidden_character',
	    (ws) => ws.send(Buffer.from([0x61, 0xff]), { binary: false })],
	['cut_utf8', 1007, 'forbidden_character',
	    (ws) => ws.send(Buffer.from([0xe2, 0x82]), { binary: false })],
	['too_large', 1009, 'too_large',
	    (ws) => ws.send(Buffer.alloc((4 << 20) + 1), { binary: true })],
	['reserved_opcode', 1002, 'protocol_error',
	    (ws) => ws._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))],
	['reserved_bit', 1002, 'protocol_error',
	    (ws) => ws._socket.write(Buffer.from([0xc1, 0x80, 0, 0, 0, 0]))],
	['wrong_mask', 1002, 'protocol_error',
	    (ws) => ws._socket.write(Buffer.from(ws._isServer ?
	    [0x81, 0x80, 0, 0, 0, 0] : [0x81, 0]))]]) {
	cases[name] = async (ws, out) => {
		const closed = once(ws, 'close');
		// Sending goes on after we have hung up.
		ws.on('error', () => {});
		send(ws);
		assert.equal((await closed)[0], code);
		assert.equal(await out.next(), `error ${word}`);
	};
}

// ---- handshakes that are refused ----

const handshakes = {
	async server_refuses_protocol() {
		const { child, out } = start('server');
		try {
			const port = (await out.next()).split(' ')[1];
			const ws = new WebSocket(`ws://127.0.0.1:${port}/`, 'x');
			ws.on('error', () => {});
			const [, response] = await once(ws,
			    'unexpected-response');
			assert.equal(response.statusCode, 400);
			ws.terminate();
		} finally {
			child.kill();
		}
	},

	async server_wants_upgrade() {
		const { child, out } = start('server');
		try {
			const port = (await out.next()).split(' ')[1];
			const [response] = await once(
			    http.get({ host: '127.0.0.1', port }), 'response');
			assert.equal(response.statusCode, 426);
			assert.equal(response.headers['sec-websocket-version'],
			    '13');
			response.resume();
		} finally {
			child.kill();
		}
	},

	async client_reads_retry_after() {
		const server = http.createServer();
		server.on('upgrade', (request, socket) => socket.end(
		    'HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n' +
		    'Content-Length: 0\r\n\r\n'));
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const { child, out } = start('client',
		    String(server.address().port));
		try {
			assert.equal(await out.next(), 'refused 503 7');
		} finally {
			child.kill();
			server.close();
		}
	},

	async client_wants_protocol() {
		const server = new WebSocket.Server({ port: 0,
		    host: '127.0.0.1', handleProtocols: () => false });
		await once(server, 'listening');
		const { child, out } = start('client',
		    String(server.address().port));
		try {
			assert.equal(await out.next(), 'error protocol_error');
		} finally {
			child.kill();
			for (const ws of server.clients)
				ws.terminate();
			server.close();
		}
	},

	async client_wants_http() {
		const server = net.createServer((s) => s.end('SSH-2.0-x\r\n'));
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const { child, out } = start('client',
		    String(server.address().port));
		try {
			assert.equal(await out.next(), 'error closed');
		} finally {
			child.kill();
			server.close();
		}
	},
};

// ---- running them ----

async function run(name, body) {
	let timer;
	const late = new Promise((resolve, reject) => {
		timer = setTimeout(() => reject(new Error('not done in 60 s')),
		    60000);
	});
	try {
		await Promise.race([body(), late]);
		console.log(`ok test_ws.${name}`);
	} catch (e) {
		failed = true;
		const why = String(e.message).split('\n').slice(0, 4).join(' ');
		console.log(`not ok test_ws.${name}: ${why}`);
	} finally {
		clearTimeout(timer);
	}
}

async function main() {
	for (const [name, body] of Object.entries(cases)) {
		await run(`server_${name}`, () => withOurServer(body));
		await run(`client_${name}`, () => withOurClient(body));
	}
	for (const [name, body] of Object.entries(handshakes))
		await run(name, body);
	process.exit(failed ? 1 : 0);
}

main();
