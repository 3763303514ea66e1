// A relay between a client and the API that writes down what was said. Knows nothing of what should have been said.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { Exchange } from '../../fixtures/ironic/replies.ts';

export interface Recorder {
  /** Where the client goes. */
  readonly url: string;
  readonly exchanges: Exchange[];
  close(): Promise<void>;
}

/** To `port` of loopback, in plain HTTP. The Host header stays: links in replies lead back through here. */
export async function startRecorder(port: number): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const server = createServer((request, reply) => {
    relay(request, reply, port, exchanges).catch((error: unknown) => reply.destroy(error instanceof Error ? error : undefined));
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}`,
    exchanges,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function relay(request: IncomingMessage, reply: ServerResponse, port: number, exchanges: Exchange[]): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  const body = await bytesOf(request);
  const onward = send({ host: '127.0.0.1', port, method, path: url, headers, agent: false });
  onward.end(body);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]; // what `response` gives, as node:http documents it
  const bytes = await bytesOf(answer);
  const minor = Number(/^1\.(\d+)$/.exec(String(answer.headers['x-openstack-ironic-api-version']))?.[1] ?? 1);
  exchanges.push({ method, url, minor, status: answer.statusCode ?? 0, body: parsed(bytes) });
  reply.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  reply.end(bytes);
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // no encoding was set
  return Buffer.concat(chunks);
}

function parsed(bytes: Buffer): unknown {
  const text = bytes.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
