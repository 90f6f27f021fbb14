/* A server as somebody types or pastes it, as the API takes it: HOST:PORT, the name in ASCII. */
const PORTS: Record<string, string> = { https: '443', line: '443', sip: '5061' };

export function target(text: string, service: string): string | null {
  const plain = text
    .trim()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/^sips?:([^@]*@)?/i, '')
    .replace(/[/;?#].*$/, '');
  if (plain === '' || /[\s@]/.test(plain)) return null;
  // An IPv6 address may stand without its brackets where no port follows.
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(plain) ? `[${plain}]` : plain;
  try {
    const url = new URL(`https://${host}`);
    const port = /:0*443$/.test(host) ? '443' : url.port || PORTS[service];
    return `${url.hostname}:${port}`;
  } catch {
    return null;
  }
}
