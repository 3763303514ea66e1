// The process that is killed: the record of installations with everything that installers say to it, over HTTP, on a store in a file. Says its
// port, and is driven from outside. Run as: node child.ts DIRECTORY

import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { cleanSerial, cleanSmbiosUuid } from '../../../src/inspect/index.ts';
import { createInstallProtocol, installBook } from '../../../src/install/index.ts';
import { RackseedError, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import { openStore } from '../../../src/store/index.ts';

const [directory = ''] = process.argv.slice(2);
const store = await openStore({
  url: `sqlite://${join(directory, 'rackseed.sqlite')}`,
  keys: [{ id: 'test', bytes: Buffer.alloc(32, 7) }],
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
const nodes = createNodes(common);
const book = installBook({ ...common, nodes, certificate: null, onMove: () => Promise.resolve() });
const protocol = createInstallProtocol({
  ...common,
  nodes,
  book,
  certificate: null,
  stallMs: 60_000,
  cleanUuid: cleanSmbiosUuid,
  cleanSerial,
  mayNote: () => true,
  productOf: () => Promise.resolve('pve'),
  bootOrderOf: () => 'leave',
  render: ({ secrets }) => Promise.resolve(`hook = "${secrets.hook}"\n`),
});

/** What a request has made true when it is answered. */
async function act(path: string, body: unknown): Promise<string> {
  const [, verb = '', word = ''] = path.split('/');
  const from = '10.0.0.50';
  switch (verb) {
    case 'arm':
      return (await book.arm(word)).stage;
    case 'boot':
      return String((await book.countBoot(word)).boots);
    case 'iso':
      await book.fetched(word, 'iso', 10, 10);
      return 'iso';
    case 'answer':
      return protocol.answer({ secret: word, installation: null, body, from, base: 'http://appliance' });
    case 'done':
      await protocol.done({ secret: word, body, from });
      return 'done';
    case 'first-boot':
      await protocol.firstBoots.report(word, body, from);
      return 'first-boot';
    default:
      throw new TypeError(`no such request: ${path}`);
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    act(request.url ?? '', text === '' ? undefined : JSON.parse(text)).then(
      (said) => response.end(said),
      (thrown: unknown) => {
        response.statusCode = thrown instanceof RackseedError ? thrown.status : 500;
        response.end(String(thrown));
      },
    );
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // it listens on a port
  writeSync(1, `${port}\n`);
});
