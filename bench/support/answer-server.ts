// The floor under an answer service: an HTTPS server in a process of its own that knows one answer for all. `node answer-server.ts KEY CERT`
// prints its port.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface AnswerServer {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startAnswerServer(key: string, cert: string): Promise<AnswerServer> {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename, key, cert], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new TypeError('its output is piped');
  const [line] = (await once(child.stdout, 'data')) as [Buffer]; // what a pipe gives
  return {
    port: Number(line.toString('utf8')),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

/** As long as a real one. */
const ANSWER = `[global]\n${'# an answer\n'.repeat(120)}`;

function serve(key: string, cert: string): void {
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.2' }, (request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/toml', 'content-length': ANSWER.length }).end(ANSWER);
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo; // it listens on a port
    process.stdout.write(`${port}\n`);
  });
}

const [key, cert] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && key !== undefined && cert !== undefined) serve(key, cert);
