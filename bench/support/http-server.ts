// The boot listener alone, as a process of its own, so that its CPU time is nobody else's: http-server.ts DIRECTORY NAME…
// Says its port on standard output and runs until it is ended.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createBootHttp } from '../../src/boot/index.ts';
import { silentLog, systemClock } from '../../src/lib/index.ts';

const [directory = '.', ...names] = process.argv.slice(2);
// Any strong validator does: nothing here asks for the hash of the contents.
const entries = names.map((name) => {
  const path = join(directory, name);
  return { name, path, size: statSync(path).size, sha256: Buffer.from(path).toString('hex') };
});
const http = createBootHttp({
  host: '127.0.0.1',
  port: 0,
  files: new Map(entries.map((file) => [file.name, file])),
  startScript: () => '',
  machineScript: () => Promise.resolve(''),
  clock: systemClock,
  log: silentLog,
});
await http.start(AbortSignal.timeout(10_000));
process.stdout.write(`port ${http.port()}\n`);
