// Firmware that looks for a server over IPv6 waits a minute at each of its entries where nobody answers. Unless it is told otherwise the
// appliance says that there is nothing, and must not keep it from what another server has for it.

import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, type LabConfig, labServer, labTftp } from '../../src/lab/index.ts';
import { runProgram, systemClock } from '../../src/lib/index.ts';
import { makeOwnDisk, OWN_DISK_SAYS } from '../support/own-disk.ts';
import { type StandUpOptions, standUp, type TestLab, waitForText } from './lab.ts';
import { miniPc, reasonsOf } from './machine.ts';
import { PREFIX } from './router6.ts';

const LIMIT_MS = 5 * 60_000;
const ROUTER = `${PREFIX}fe`;

/** Nothing is said of DHCPv6: the default is what is tried here. */
function proxy(one: LabConfig): string {
  return [labServer(one), `[dhcp]\nmode = "proxy"\ninterfaces = ["${one.network.bridge}"]\n`, labTftp(one)].join('\n');
}

/** A router with DHCPv6 that has a boot file of its own. */
async function startRouter(lab: Lab): Promise<void> {
  const directory = join(lab.connection.dataDir, '../router');
  await mkdir(directory, { recursive: true });
  await makeOwnDisk({ path: join(directory, 'disk.img') });
  await rename(join(directory, 'disk.img.efi'), join(directory, 'theirs.efi'));
  const namespace = await lab.join('router6', lab.network.address.replace(/\d+$/, '254'));
  await runProgram('ip', ['-n', namespace, 'addr', 'add', `${ROUTER}/64`, 'dev', 'eth0', 'nodad']);
  const words = [
    '--no-daemon --conf-file=/dev/null --user=root --port=0 --interface=eth0 --enable-ra --log-dhcp --pid-file',
    `--dhcp-range=${PREFIX}100,${PREFIX}1ff,64,10m --dhcp-leasefile=${directory}/leases`,
    `--dhcp-option=option6:59,tftp://[${ROUTER}]/theirs.efi --enable-tftp --tftp-root=${directory}`,
  ];
  await lab.exec('router', ['dnsmasq', ...words.join(' ').split(' ')], namespace);
  await waitForText(join(lab.connection.dataDir, '../router.log'), 'router advertisement on', 30_000);
}

describe('an unknown UEFI machine that boots over IPv6 first, beside an appliance that was told nothing of IPv6', () => {
  let lab: TestLab | undefined;
  afterEach(async () => {
    await lab?.client.close();
    await lab?.end();
    lab = undefined;
  });
  const up = async (name: string, options: StandUpOptions): Promise<TestLab> => {
    lab = await standUp(name, { openEnrolment: false, ...options });
    return lab;
  };

  it('is told that there is nothing, and comes up from its own disk in seconds instead of minutes', async () => {
    const { lab: one, ...rest } = await up('turned-away-ipv6', {});
    const installed = join(one.connection.dataDir, '../installed.img');
    await makeOwnDisk({ path: installed });
    const spec = miniPc('uefi', 1, { cpus: 1, memoryMb: 512, bootIpv6: true, ownDisk: installed });
    const { serialLog } = await one.startMachine(spec);
    await waitForText(serialLog, 'Start PXE over IPv4', LIMIT_MS);
    const from = systemClock.monotonic();
    const pxe6 = await waitForText(serialLog, /Start PXE over IPv6[\s\S]*cancelled/, LIMIT_MS);
    await waitForText(serialLog, /Start HTTP Boot over IPv6[\s\S]*cancelled/, LIMIT_MS, pxe6);
    await waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS);
    const seconds = (systemClock.monotonic() - from) / 1000;
    process.stdout.write(`\nfrom the first try of the network to the own disk, four entries: ${seconds.toFixed(1)} s\n`);
    expect(seconds).toBeLessThan(110); // two minutes for IPv6 alone where nobody answers
    const said = (await reasonsOf({ lab: one, ...rest }, spec.mac)).map(({ decision, reason }) => `${decision} ${reason}`);
    expect(said).toContainEqual(expect.stringMatching(/^advertise IPv6: solicit: no address and no boot file: unknown machine/));
  });

  it('still takes the boot file that another DHCPv6 server has for it', async () => {
    const { lab: one, ...rest } = await up('beside-dhcpv6', { config: proxy, before: startRouter });
    const spec = miniPc('uefi', 2, { cpus: 1, memoryMb: 512, bootIpv4: false, bootIpv6: true });
    const { serialLog } = await one.startMachine(spec);
    await waitForText(join(one.connection.dataDir, '../router.log'), /sent \S+\/theirs\.efi to/, LIMIT_MS);
    await waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS);
    const said = (await reasonsOf({ lab: one, ...rest }, spec.mac)).map(({ decision }) => decision);
    expect(said).toContain('advertise');
  });
});
