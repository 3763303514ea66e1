// Carries TCP connections across the edge of the namespace through a unix socket, which both sides see: one forwarder runs inside the
// namespace, one outside.

import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

const CONNECTIONS_MAX = 200;

type End = { readonly path: string } | { readonly host: string; readonly port: number };

/** Accepts at `listen` and joins each connection with a new one to `target`. */
export async function forward(listen: End, target: End): Promise<Server> {
  if ('path' in listen) await rm(listen.path, { force: true });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (incoming) =>
    join(incoming, createConnection({ ...target, allowHalfOpen: true })),
  );
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, () => resolve());
  });
  return server;
}

/** Half-closed connections stay half-closed; an error of one side is the end of both. */
function join(a: Socket, b: Socket): void {
  const done = (): void => undefined; // pipeline() has destroyed both sides; who talked through us sees the connection end
  pipeline(a, b, done);
  pipeline(b, a, done);
  a.resume();
}

export function parseEnd(text: string): End {
  const [kind, ...rest] = text.split(':');
  if (kind === 'unix' && rest.length > 0) return { path: rest.join(':') };
  const port = Number(rest.at(-1));
  if (kind === 'tcp' && rest.length >= 2 && Number.isInteger(port)) return { host: rest.slice(0, -1).join(':'), port };
  throw new TypeError(`${text}: unix:PATH or tcp:HOST:PORT expected`);
}
