// A home router, played by dnsmasq on the lab's bridge: it gives addresses, and knows nothing of network boot.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../src/lab/index.ts';
import { waitForText } from './lab.ts';

export interface Router {
  readonly address: string;
  /** The MAC addresses that hold a lease of it. */
  leases(): Promise<readonly string[]>;
}

export async function startRouter(lab: Lab): Promise<Router> {
  const address = lab.network.address.replace(/\d+$/, '254');
  const pool = [50, 99].map((last) => lab.network.address.replace(/\d+$/, String(last)));
  const directory = join(lab.connection.dataDir, '..');
  const leaseFile = join(directory, 'router.leases');
  const namespace = await lab.join('router', address);
  const words = [
    '--no-daemon --conf-file=/dev/null --user=root --port=0 --interface=eth0 --dhcp-authoritative --log-dhcp --pid-file',
    `--dhcp-range=${pool.join(',')},10m --dhcp-option=option:router,${address} --dhcp-leasefile=${leaseFile}`,
  ];
  await lab.exec('router', ['dnsmasq', ...words.join(' ').split(' ')], namespace);
  await waitForText(join(directory, 'router.log'), 'DHCP, IP range', 30_000);
  return {
    address,
    async leases() {
      const lines = (await readFile(leaseFile, 'utf8')).split('\n');
      return lines.flatMap((line) => line.split(' ')[1] ?? []);
    },
  };
}
