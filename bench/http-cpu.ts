// CPU time of the server per gigabyte sent, under the loads of bench http: ours copies each byte twice, nginx's sendfile does not.

import { join } from 'node:path';
import type { Bench } from './harness.ts';
import { type HttpLab, openHttpLab } from './support/http-lab.ts';

let lab: HttpLab;

export const bench: Bench = {
  name: 'http-cpu',
  unit: 'CPU s/GB',
  larger: false,
  note: 'user and system time of the server process with all its threads (for nginx, master and worker); loads as in bench http.',
  async setup() {
    lab = await openHttpLab(join(import.meta.dirname, '..', '.artefacts', 'bench-http-cpu'));
  },
  teardown: () => lab.remove(),
  ours: {
    '1 client, 1.5 GB': async () => (await lab.measure('ours', 'one')).cpuSecondsPerGigabyte,
    '32 clients, 60 MiB': async () => (await lab.measure('ours', 'many')).cpuSecondsPerGigabyte,
  },
  peers: {
    nginx: {
      '1 client, 1.5 GB': async () => (await lab.measure('nginx', 'one')).cpuSecondsPerGigabyte,
      '32 clients, 60 MiB': async () => (await lab.measure('nginx', 'many')).cpuSecondsPerGigabyte,
    },
  },
};
