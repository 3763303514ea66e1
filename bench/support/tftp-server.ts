// Our TFTP server alone, as a process of its own, with the boot files' own way to the disk: tftp-server.ts DIRECTORY NAME…
// Says its port on standard output and runs until it is ended.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createTftpFiles } from '../../src/boot/index.ts';
import { silentLog, systemClock } from '../../src/lib/index.ts';
import { createTftpServer, setSegmentSize } from '../../src/net/tftp/index.ts';

const HOST = '127.0.0.1';
const [directory = '.', ...names] = process.argv.slice(2);
// The hash is never looked at here, only compared: the path names the content as well for one run.
const entries = names.map((name) => {
  const path = join(directory, name);
  return { name, path, size: statSync(path).size, sha256: Buffer.from(path).toString('hex') };
});
const server = createTftpServer({
  listen: { host: HOST, port: 0 },
  find: createTftpFiles({
    files: new Map(entries.map((file) => [file.name, file])),
    startScript: () => '',
    grub: { file: () => Promise.resolve(undefined) },
    ourAddress: () => Promise.resolve(HOST),
  }),
  clock: systemClock,
  log: silentLog,
  note: () => undefined,
  // All the clients of a bench have one address.
  limits: { maxTransfersPerAddress: 512 },
  setSegmentSize,
});
await server.start(AbortSignal.timeout(10_000));
process.stdout.write(`port ${server.address().port}\n`);
