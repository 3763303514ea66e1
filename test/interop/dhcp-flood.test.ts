// The promise against starvation kept by the appliance itself, in a process and a namespace of its own: the flood and the machines that
// renew are other processes.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Lab, openLab, type Program } from './dhcp/lab.ts';

const path = (name: string): string => new URL(name, import.meta.url).pathname;
const [MAIN, FLOOD, KNOWN] = [path('../../src/main.ts'), path('./dhcp/strangers.ts'), path('./dhcp/known.ts')];
const [SERVER, RELAY, EVERYBODY] = ['10.0.0.1', '10.0.0.2', '10.0.255.255'];
const MACHINES = 50;
const SPOOFED = 100_000;
/** Until the heap and the compiled code have the size that they work with. */
const WARM_UP = 40_000;
const PER_SECOND = 4000;
const WAIT_MS = 150_000;
/** Longer than a renewal takes of which one packet was lost, which the client sends again after 4 s. */
const GENEROUS_MS = 10_000;
const GROWTH_MIB = 32;
const KIB_PER_MIB = 1024;

interface Renewals {
  readonly renewals: number;
  /** Different ones. */
  readonly machines: number;
  readonly failed: number;
  readonly repeats: number;
  readonly p99: number;
}

interface Site {
  readonly lab: Lab;
  readonly appliance: Program;
  readonly counters: () => Promise<Record<string, number>>;
}

async function openSite(): Promise<Site> {
  const lab = await openLab();
  await lab.inClient('ip', 'addr', 'add', `${RELAY}/16`, 'dev', 'c0');
  const [config, data] = [join(lab.directory, 'rackseed.toml'), join(lab.directory, 'data')];
  // 2304 addresses: the flood takes all that strangers may have within a second.
  const subnet = '[[dhcp.subnet]]\nsubnet = "10.0.0.0/16"\nranges = ["10.0.1.0-10.0.9.255"]\n';
  await writeFile(config, `[server]\ndata_dir = "${data}"\n[dhcp]\nmode = "full"\ninterfaces = ["s0"]\n${subnet}`);
  const appliance = lab.startInServer(process.execPath, MAIN, 'serve', '--config', config);
  await appliance.until(/rackseed is ready/);
  const token = (await readFile(join(data, 'admin.token'), 'utf8')).trim();
  const words = ['-sk', '-H', `Authorization: Bearer ${token}`, 'https://127.0.0.1:6385/api/network'];
  const counters = async (): Promise<Record<string, number>> => {
    const body = JSON.parse(await lab.inServer('curl', ...words)) as { dhcp: { counters: Record<string, number> } }; // our own API's shape
    return body.dhcp.counters;
  };
  return { lab, appliance, counters };
}

/** Goes on until the server has read so many packets: what the kernel drops on a busy machine does not count. */
async function flood({ lab, counters }: Site, packets: number): Promise<void> {
  const { received: before = 0 } = await counters();
  const strangers = lab.startInClient(process.execPath, FLOOD, EVERYBODY, String(PER_SECOND));
  await expect
    .poll(async () => ((await counters()).received ?? 0) - before, { timeout: WAIT_MS, interval: 250 })
    .toBeGreaterThanOrEqual(packets);
  strangers.child.kill('SIGTERM');
  expect(await strangers.ended()).toBe(0);
}

/** What became of the renewals since it was asked for last. */
async function renewalsOf(known: Program): Promise<Renewals> {
  const { length } = known.said();
  known.child.kill('SIGUSR2');
  await expect.poll(() => known.said().length, { timeout: WAIT_MS, interval: 20 }).toBeGreaterThan(length);
  return known.said().at(-1) as unknown as Renewals; // as known.ts prints it
}

async function residentMib({ child }: Program): Promise<number> {
  const text = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / KIB_PER_MIB;
}

it(`${MACHINES} machines with a lease renew it while ${SPOOFED} made-up ones ask for addresses`, async () => {
  const site = await openSite();
  const known = site.lab.startInClient(process.execPath, KNOWN, SERVER, RELAY, 'c0', String(MACHINES));
  await known.until(/"leased"/);
  await flood(site, WARM_UP);
  const before = await residentMib(site.appliance);
  await renewalsOf(known);
  await flood(site, SPOOFED);
  const during = await renewalsOf(known);
  const growth = (await residentMib(site.appliance)) - before;
  const counters = await site.counters();
  known.child.kill('SIGTERM');
  expect(await known.ended()).toBe(0);
  const last = known.said().at(-1);
  process.stdout.write(
    `${JSON.stringify({ ...during, counters })}\nresident memory: ${before.toFixed(1)} MiB, then ${growth.toFixed(1)} more\n`,
  );
  expect(during).toMatchObject({ failed: 0, machines: MACHINES });
  expect(during.p99).toBeLessThan(GENEROUS_MS);
  expect(growth).toBeLessThan(GROWTH_MIB);
  expect(last).toMatchObject({ failed: 0 });
  expect(counters).toMatchObject({ failed: 0, malformed: 0 });
  // The flood had an effect: the pool is empty, and its machines' reasons are no longer kept.
  expect(counters.unnoted).toBeGreaterThan(SPOOFED / 2);
});
