// An IP Office line that dials in: connects with a client certificate, sends the messages, and says what came back.
// Argument: JSON with port, path, name, cert and key (or not), tls (none: a plain connection) and messages:
// [TEXT, TIMES], or {"bytes": N} for binary.
const WebSocket = require('ws'), fs = require('fs');
const given = JSON.parse(process.argv[2]);
const options = { headers: { Host: given.name }, perMessageDeflate: given.deflate };
if (given.tls) Object.assign(options, { servername: given.name, rejectUnauthorized: false,
                                        minVersion: 'TLSv' + given.tls, maxVersion: 'TLSv' + given.tls });
if (given.cert) Object.assign(options, { cert: fs.readFileSync(given.cert), key: fs.readFileSync(given.key) });
const messages = given.messages.map(m => m.bytes ? Buffer.alloc(m.bytes, 7) : m[0].repeat(m[1]));
const result = { status: null, echoes: 0, close: null, error: null };
const done = () => { console.log(JSON.stringify(result)); process.exit(0); };
const ws = new WebSocket(`${given.tls ? 'wss' : 'ws'}://127.0.0.1:${given.port}${given.path}`, options);
ws.on('open', () => { result.status = 101; ws.send(messages[0]); });
ws.on('message', data => {
    if (!data.equals(Buffer.from(messages[result.echoes]))) { result.error = 'another message came back'; done(); }
    result.echoes++;
    if (result.echoes < messages.length) ws.send(messages[result.echoes]);
    else ws.close(1000);
});
ws.on('unexpected-response', (request, response) => { result.status = response.statusCode; done(); });
ws.on('close', code => { result.close = code; done(); });
ws.on('error', error => { result.error = error.code || error.message; if (result.status === null) done(); });
