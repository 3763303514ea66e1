// Throughput of the boot listener beside nginx with sendfile: one client (curl) on an image of 1.5 GB, 32 clients (wrk) on a RAM system of
// 60 MiB, both in the page cache.

import { join } from 'node:path';
import type { Bench } from './harness.ts';
import { type HttpLab, openHttpLab } from './support/http-lab.ts';

let lab: HttpLab;

export const bench: Bench = {
  name: 'http',
  unit: 'MB/s',
  larger: true,
  note: 'loopback, files warm in the page cache, nginx with one worker; client and server share the cores. CPU time: bench http-cpu.',
  async setup() {
    lab = await openHttpLab(join(import.meta.dirname, '..', '.artefacts', 'bench-http'));
  },
  teardown: () => lab.remove(),
  ours: {
    '1 client, 1.5 GB': async () => (await lab.measure('ours', 'one')).megabytesPerSecond,
    '32 clients, 60 MiB': async () => (await lab.measure('ours', 'many')).megabytesPerSecond,
  },
  peers: {
    nginx: {
      '1 client, 1.5 GB': async () => (await lab.measure('nginx', 'one')).megabytesPerSecond,
      '32 clients, 60 MiB': async () => (await lab.measure('nginx', 'many')).megabytesPerSecond,
    },
  },
};
