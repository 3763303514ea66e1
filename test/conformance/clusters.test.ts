// Clusters that ran before us, taken in by a real appliance and its command line from a stand-in for Proxmox VE.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type PveSim, type SimOptions, startPve, threeMembers } from '../sim/pve/index.ts';
import { enrolMachine, writeBootFiles } from '../support/agent.ts';
import { type Appliance, cli, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing } from '../support/containing.ts';

const TOKEN = 'seed@pve!rackseed=12345678-1234-1234-1234-123456789abc';
const IMPORT = '/api/clusters/import';
let site: Site;
let appliance: Appliance;

beforeAll(async () => {
  site = await makeSite('[enrol]\nmode = "open"\n');
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  appliance = await startAppliance(site);
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

type Answer = Readonly<Record<string, unknown>> & { readonly hash: string; readonly members: readonly Readonly<Record<string, unknown>>[] };

async function pve(more: Partial<SimOptions> = {}): Promise<PveSim> {
  const tokens = [{ token: TOKEN, privileges: ['Sys.Audit'] }];
  const sim = await startPve({ cluster: 'home', version: '9.1', members: threeMembers(), tokens, ...more });
  onTestFinished(() => sim.close());
  return sim;
}

const send = async (body: object): Promise<Answer> => (await appliance.client.send('POST', IMPORT, body)) as Answer; // our own API
const refusal = async (body: object): Promise<unknown> => send(body).catch((thrown: unknown) => thrown);
const by = ({ url, fingerprint }: PveSim) => ({ url, fingerprint, token: TOKEN });

async function observed(name: string): Promise<boolean> {
  return ((await appliance.client.get(`/api/nodes/${name}`)) as { observeOnly: boolean }).observeOnly; // our own API
}

/** Members whose network cards no other test has. */
function membersOf(test: number, count = 3) {
  return threeMembers()
    .slice(0, count)
    .map((member, at) => ({ ...member, name: `t${test}m${at}`, cards: [{ name: 'eno1', mac: `bc:24:11:${test}0:0${at}:01` }] }));
}

describe('the import of a running cluster', () => {
  it('goes from the certificate over a preview to active, protected nodes that only start their own disks', async () => {
    const sim = await pve();
    const seen = await send({ url: sim.url });
    expect(seen).toMatchObject({ step: 'fingerprint', fingerprint: sim.fingerprint });
    expect(sim.asked).toEqual([]);

    const preview = await send(by(sim));
    expect(preview).toMatchObject({ step: 'preview', name: 'home', version: '9.1.1' });
    expect(preview.members.map(({ member, action }) => [member, action])).toEqual([
      ['pve1', 'create'],
      ['pve2', 'create'],
      ['pve3', 'create'],
    ]);
    expect(await appliance.client.get('/api/clusters')).toEqual({ clusters: [] });

    expect(await send({ ...by(sim), confirm: preview.hash })).toMatchObject({ step: 'done' });
    expect(sim.asked.filter((line) => !line.startsWith('GET '))).toEqual([]);
    expect(await appliance.client.get('/api/nodes/pve2')).toMatchObject({ provisionState: 'active', protected: true });

    const again = await send(by(sim));
    expect(again.members.map(({ action }) => action)).toEqual(['update', 'update', 'update']);
    const before = await appliance.client.get('/api/nodes/pve2');
    await send({ ...by(sim), confirm: again.hash });
    expect(await appliance.client.get('/api/nodes/pve2')).toEqual(before);

    await appliance.client.send('DELETE', '/api/clusters/home');
    expect(await appliance.client.get('/api/nodes/pve2')).toMatchObject({ provisionState: 'active', protected: true });
  });

  it('lets one member go, and leaves a node that somebody had only observed before as it was', async () => {
    const members = membersOf(9, 2);
    const sim = await pve({ cluster: 'nine', members });
    const first = await send(by(sim));
    await send({ ...by(sim), confirm: first.hash });
    await appliance.client.send('DELETE', '/api/clusters/nine/members/t9m0');
    expect(await observed('t9m0')).toBe(false);
    expect(await observed('t9m1')).toBe(true);
    const left = (await appliance.client.get('/api/clusters/nine')) as { members: { member: string }[] }; // our own API
    expect(left.members.map(({ member }) => member)).toEqual(['t9m1']);
    const again = await cli(site, ['cluster', 'release', 'nine', 't9m0']);
    expect(again).toMatchObject({ code: 1, stderr: containing('no member of nine') });

    expect((await cli(site, ['node', 'observe', 't9m0'])).code).toBe(0);
    const second = await send(by(sim));
    await send({ ...by(sim), confirm: second.hash });
    expect((await cli(site, ['cluster', 'remove', 'nine'])).code).toBe(0);
    expect([await observed('t9m0'), await observed('t9m1')]).toEqual([true, false]);
    expect((await cli(site, ['node', 'unobserve', 't9m0'])).code).toBe(0);
    expect(await observed('t9m0')).toBe(false);
  });

  it('sends nothing to a server with another certificate', async () => {
    const sim = await pve();
    expect(await refusal({ ...by(sim), fingerprint: 'ab'.repeat(32) })).toMatchObject({ code: 'proxmox.not_trusted' });
    expect(sim.asked).toEqual([]);
  });

  it.each<[string, Partial<SimOptions>, object, string]>([
    ['a token that is not known', {}, { token: `${TOKEN}0` }, 'proxmox.refused'],
    ['a token that may not look', { tokens: [{ token: TOKEN, privileges: [] }] }, {}, 'proxmox.no_permission'],
    [
      'a wrong password',
      { users: { 'root@pam': { password: 'right' } } },
      { token: undefined, username: 'root@pam', password: 'wrong' },
      'proxmox.refused',
    ],
    [
      'a second factor',
      { users: { 'root@pam': { password: 'right', hasSecondFactor: true } } },
      { token: undefined, username: 'root@pam', password: 'right' },
      'proxmox.refused',
    ],
  ])('is refused with the reason by Proxmox VE: %s', async (_, more, body, code) => {
    const sim = await pve(more);
    const thrown = await refusal({ ...by(sim), ...body });
    expect(thrown).toMatchObject({ code });
    expect(String(thrown)).not.toMatch(/12345678-1234|wrong/);
    expect(sim.asked.length).toBe(1 + Number(code === 'proxmox.no_permission'));
  });

  it('asks once more where a connection breaks, and goes by password too', async () => {
    const sim = await pve({ version: '8.4', members: membersOf(2), users: { 'root@pam': { password: 'right' } } });
    const { token: _, ...plain } = by(sim);
    expect(await send({ ...plain, username: 'root@pam', password: 'right' })).toMatchObject({ step: 'preview', version: '8.4.1' });
    sim.breakNext(1);
    expect(await send(by(sim))).toMatchObject({ step: 'preview' });
    expect(sim.asked.filter((line) => line.endsWith('broken'))).toHaveLength(1);
  });

  it('leaves out a member that is off, and takes it in later', async () => {
    const members = membersOf(3);
    const sim = await pve({ cluster: 'later', members });
    if (members[1] !== undefined) members[1].isOn = false;
    const preview = await send(by(sim));
    expect(preview.members.map(({ action }) => action)).toEqual(['create', 'skip', 'create']);
    await send({ ...by(sim), confirm: preview.hash });
    if (members[1] !== undefined) members[1].isOn = true;
    // The yes was to another preview.
    expect(await refusal({ ...by(sim), confirm: preview.hash })).toMatchObject({ code: 'clusters.preview_changed' });
    expect((await send(by(sim))).members.map(({ action }) => action)).toEqual(['update', 'create', 'update']);
  });

  it('of a single node needs a name; a node that we know is taken, one with its name only is a conflict', async () => {
    const sim = await pve({ cluster: null, members: membersOf(4, 1) });
    expect(await refusal(by(sim))).toMatchObject({ code: 'clusters.name_needed' });
    await importCsv('others', 'name,mac\nt4m0,bc:24:11:40:00:99\n');
    const conflict = await send({ ...by(sim), name: 'single' });
    expect(conflict.members).toMatchObject([{ action: 'conflict', reason: expect.stringContaining('other network cards') as unknown }]);
    expect(await refusal({ ...by(sim), name: 'single', confirm: conflict.hash })).toMatchObject({ code: 'clusters.conflicts' });
    const node = await enrolMachine(appliance, { mac: 'bc:24:11:40:00:01' });
    expect((await send({ ...by(sim), name: 'single' })).members).toMatchObject([
      { action: 'conflict', reason: expect.stringContaining('is called t4m0') as unknown },
    ]);
    const other = await pve({
      cluster: null,
      members: threeMembers()
        .slice(0, 1)
        .map((one) => ({ ...one, name: 't7m0', cards: [{ name: 'eno1', mac: 'bc:24:11:40:00:01' }] })),
    });
    const taken = await send({ ...by(other), name: 'single' });
    expect(taken.members).toMatchObject([{ action: 'take', reason: expect.stringContaining('"enroll"') as unknown }]);
    await send({ ...by(other), name: 'single', confirm: taken.hash });
    expect(await appliance.client.get(`/api/nodes/${node}`)).toMatchObject({ provisionState: 'active', protected: true });
  });
});

async function importCsv(name: string, csv: string): Promise<void> {
  const { hash } = await send({ csv, name });
  await send({ csv, name, confirm: hash });
}

describe('rackseed cluster', () => {
  it('imports by API: asks for what it needs to be told, shows a preview, does it, and lists it', async () => {
    const sim = await pve({ cluster: 'cli', members: membersOf(5) });
    const file = join(site.directory, 'token');
    await writeFile(file, `${TOKEN}\n`);
    await chmod(file, 0o600);
    const words = ['cluster', 'import', sim.url, '--token-file', file];
    const unseen = await cli(site, words);
    expect([unseen.code, unseen.stderr]).toEqual([2, expect.stringContaining(`--fingerprint ${sim.fingerprint}`)]);
    const known = [...words, '--fingerprint', sim.fingerprint];
    expect((await cli(site, known)).stderr).toContain('the import needs a yes');
    expect((await cli(site, [...known, '--preview'])).stdout).toMatch(/t5m0 +create/);
    const done = await cli(site, [...known, '--yes']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/step +imported/);
    expect((await cli(site, ['cluster', 'list'])).stdout).toMatch(/cli +proxmox-api +9\.1\.1 +3 +yes/);
    expect((await cli(site, ['cluster', 'show', 'cli'])).stdout).toMatch(/t5m2 +[0-9a-f-]{36} +192\.0\.2\.13/);
    expect((await cli(site, ['cluster', 'show', 'nowhere'])).stderr).toContain('(clusters.not_found)');
  });

  it('imports a CSV file: every bad row is named and nothing done, unless they are to be left out', async () => {
    const file = join(site.directory, 'members.csv');
    await writeFile(file, 'name,mac\nc1,bc:24:11:60:00:01\nc2,nonsense\n,bc:24:11:60:00:03\n');
    const words = ['cluster', 'import', '--csv', file, '--name', 'old', '--yes'];
    const bad = await cli(site, words);
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/line 3, mac: "nonsense".*line 4, name/);
    expect((await cli(site, ['node', 'show', 'c1'])).code).toBe(1);
    const good = await cli(site, [...words, '--skip-bad']);
    expect(good.stdout).toContain('left out: line 3, mac');
    expect((await cli(site, ['node', 'show', 'c1'])).stdout).toMatch(/provisionState +active/);
  });
});
