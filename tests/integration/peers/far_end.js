// The far end of a line that the gateway opens: TLS with the certificate given, WebSocket, every message goes back.
// Arguments: port, certificate, key.
const { WebSocketServer } = require('ws'), fs = require('fs'), https = require('https');
const [port, cert, key] = process.argv.slice(2);
const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
new WebSocketServer({ server }).on('connection', ws => ws.on('message', (data, binary) => ws.send(data, { binary })));
server.listen(Number(port), '127.0.0.1');
