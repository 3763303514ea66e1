// The DHCPv6 tests' part of the lab: IPv6 addresses on its cables, our server on the one end, clients' programs on the other.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Lab, openLab, type Program } from '../dhcp/lab.ts';
import type { ServePlan6 } from './serve.ts';

const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url));
export const ASK6 = fileURLToPath(new URL('./ask.ts', import.meta.url));
export const PREFIX6 = 'fd00:66::';

/** What dhclient calls: it sets and takes away the address. */
const SCRIPT6 = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case "$reason" in
  BOUND6|RENEW6|REBIND6) ip -6 addr replace "$new_ip6_address/64" dev "$interface" nodad ;;
  DEPREF6|EXPIRE6|RELEASE6|STOP6) [ -z "$old_ip6_address" ] || ip -6 addr del "$old_ip6_address/64" dev "$interface" ;;
esac
exit 0
`;

export interface Lab6 extends Lab {
  readonly script6: string;
  serve6(plan?: Partial<ServePlan6>): Promise<Program>;
  /** dhclient's own files, in a directory of its own, and this lab's script. */
  dhclient(...words: string[]): string[];
}

export async function openLab6(): Promise<Lab6> {
  const lab = await openLab();
  const script6 = join(lab.directory, 'script6');
  await writeFile(script6, SCRIPT6);
  await chmod(script6, 0o755);
  await lab.inServer('ip', 'addr', 'add', `${PREFIX6}1/64`, 'dev', 's0', 'nodad');
  // A link-local address that is still being checked can be neither bound nor sent from.
  for (const tentative of [
    () => lab.inServer('ip', '-6', 'addr', 'show', 'dev', 's0', 'tentative'),
    () => lab.inClient('ip', '-6', 'addr', 'show', 'dev', 'c0', 'tentative'),
  ])
    await expect.poll(tentative, { timeout: 30_000 }).toBe('');
  const serve6 = async (plan: Partial<ServePlan6> = {}): Promise<Program> => {
    const whole: ServePlan6 = {
      mode: 'full',
      interfaces: ['s0'],
      prefixes: [`${PREFIX6}/64`],
      leaseSeconds: 3600,
      identity: 'first',
      ...plan,
    };
    const started = lab.startInServer(process.execPath, SERVE, JSON.stringify(whole));
    await started.until(/"ready"|"failed"/);
    return started;
  };
  const files = ['-lf', join(lab.directory, 'leases6'), '-pf', join(lab.directory, 'pid6'), '-cf', '/dev/null', '-sf', script6];
  return { ...lab, script6, serve6, dhclient: (...words) => ['dhclient', '-6', '-v', ...files, ...words] };
}
