// A machine with a BMC, as far as it can be without one: ipmi_sim answers IPMI, and its hook starts and ends a QEMU machine. The appliance
// switches it for a client of /v1, and notices what happens behind its back.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { IPMI_USER, type IpmiSim, startIpmiSim } from '../conformance/power/ipmi-sim.ts';
import { startAppliance, temporarySite } from '../support/appliance.ts';

const PASSWORD = 'correct-horse';
const LIMIT_MS = 60_000;

/** Without a disk or a network card: its firmware runs, and that is enough. */
const QEMU_MACHINE = `
alive() { [ -f pid ] && [ -d "/proc/$(cat pid)" ] && ! grep -q '^State:.Z' "/proc/$(cat pid)/status"; }
order() { [ "$(cat boot 2>/dev/null)" = pxe ] && echo n || echo c; }
start() { alive || qemu-system-x86_64 -machine accel=tcg -m 64 -nodefaults -display none -boot "$(order)" -daemonize -pidfile pid </dev/null >/dev/null 2>&1; }
stop() { alive && kill -9 "$(cat pid)"; rm -f pid; }
case "$1 $2" in
  "get power") alive && echo power:1 || echo power:0 ;;
  "set power") [ "$3" = 1 ] && start || stop ;;
  "set shutdown") stop ;;
  "get boot") echo "boot:$(cat boot 2>/dev/null || echo none)" ;;
  "set boot") echo "$3" >boot ;;
esac
exit 0
`;

it('switches a QEMU machine through IPMI, from where it is told to boot', { timeout: 4 * LIMIT_MS }, async () => {
  const sim = await startIpmiSim(PASSWORD, QEMU_MACHINE);
  onTestFinished(async () => {
    const pid = await pidOf(sim);
    if (pid !== undefined && (await commandOf(pid)).includes('qemu')) process.kill(pid, 'SIGKILL');
    await sim.close();
  });
  const v1 = await openApi();
  const driverInfo = { ipmi_address: '127.0.0.1', ipmi_port: sim.port, ipmi_username: IPMI_USER, ipmi_password: PASSWORD };
  const { status, body: node } = await v1('POST', '/nodes', { driver: 'ipmi', name: 'pve1', driver_info: driverInfo });
  expect([status, node.driver_info]).toEqual([201, { ...driverInfo, ipmi_password: '******' }]);

  const states = async () => (await v1('GET', '/nodes/pve1/states')).body;
  expect((await v1('PUT', '/nodes/pve1/states/provision', { target: 'manage' })).status).toBe(202);
  await expect.poll(states, { timeout: LIMIT_MS }).toMatchObject({ provision_state: 'manageable', power_state: 'power off' });

  expect((await v1('PUT', '/nodes/pve1/management/boot_device', { boot_device: 'pxe', persistent: true })).status).toBe(204);
  expect(await readFile(sim.calls, 'utf8')).toContain('set boot pxe\n');

  const power = async (target: string, goal: string): Promise<void> => {
    expect((await v1('PUT', '/nodes/pve1/states/power', { target })).status).toBe(202);
    const settled = { power_state: goal, target_power_state: null, last_error: null };
    await expect.poll(states, { timeout: LIMIT_MS }).toMatchObject(settled);
  };
  await power('power on', 'power on');
  const first = await pidOf(sim);
  expect(await commandOf(first)).toContain(' -boot n ');

  await power('rebooting', 'power on');
  const second = await pidOf(sim);
  expect(second).not.toBe(first);
  expect(await commandOf(second)).toContain('qemu');

  await power('soft power off', 'power off');
  expect(await pidOf(sim)).toBeUndefined();

  await power('power on', 'power on');
  process.kill((await pidOf(sim)) ?? 0, 'SIGKILL'); // somebody pulls the plug
  await expect.poll(states, { timeout: LIMIT_MS }).toMatchObject({ power_state: 'power off' });
});

type Ask = (method: string, path: string, body?: object) => Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;

async function openApi(): Promise<Ask> {
  const site = await temporarySite();
  await site.configure('tls = false\n[tftp]\nenabled = false\n[auth]\nmode = "none"\n[power]\nsync_seconds = 1\n');
  const appliance = await startAppliance(site);
  onTestFinished(async () => {
    await appliance.stop();
  });
  return async (method, path, body) => {
    const headers = { 'content-type': 'application/json', 'x-openstack-ironic-api-version': '1.80' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const reply = await fetch(`http://127.0.0.1:${site.apiPort}/v1${path}`, { method, headers, ...sent });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }; // every reply of /v1 is an object
  };
}

async function pidOf({ directory }: IpmiSim): Promise<number | undefined> {
  try {
    return Number(await readFile(join(directory, 'pid'), 'utf8'));
  } catch {
    return undefined; // it does not run
  }
}

async function commandOf(pid: number | undefined): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}
