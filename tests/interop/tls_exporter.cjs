// tls_exporter.cjs - prints the channel binding of a TLS connection.
// SPDX-License-Identifier: Apache-2.0
// Runs in: tests, started by test_tls.py.
//
//	node tls_exporter.cjs client VERSION CA PORT
//	node tls_exporter.cjs server VERSION CERT KEY	prints `port N` first
//
// One connection, then `VERSION HEX`. RFC 9266: the label below and an empty
// context.
'use strict';

const fs = require('fs');
const tls = require('tls');

const [, , role, version, a, b] = process.argv;
const options = { minVersion: version, maxVersion: version };

function tell(socket) {
	const binding = socket.exportKeyingMaterial(32,
	    'EXPORTER-Channel-Binding', Buffer.alloc(0));
	console.log(`${socket.getProtocol()} ${binding.toString('hex')}`);
	socket.resume();
	socket.end();
}

if (role === 'client') {
	const socket = tls.connect({ ...options, ca: fs.readFileSync(a),
	    port: Number(b), host: '127.0.0.1', servername: 'console.example' },
	    () => tell(socket));
} else {
	const server = tls.createServer({ ...options, cert: fs.readFileSync(a),
	    key: fs.readFileSync(b) }, (socket) => {
		tell(socket);
		server.close();
	});
	server.listen(0, '127.0.0.1',
	    () => console.log(`port ${server.address().port}`));
}
