// Self-enrolment on the real appliance: a machine boots, its agent reports, rules and people decide over the API and the command line.

import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { readLocal } from '../../src/cli/index.ts';
import type { InventoryRequest } from '../../src/inspect/index.ts';
import { Secret, systemClock } from '../../src/lib/index.ts';
import { bootOwnAgent, type Command } from '../sim/own-agent.ts';
import { fetchSecret, NoSecret, writeBootFiles } from '../support/agent.ts';
import { type Appliance, cli, makeSite, type Site, startAppliance, withClient } from '../support/appliance.ts';
import { overNetwork } from '../support/orders.ts';
import { CEPH, type MachineWords, report } from '../unit/enrol/machines.ts';

const CONFIG = `
[enrol]
mode = "open"

[[profile]]
name = "web"
os = "image"
image = "http://127.0.0.1:9/web.raw"
image_checksum = "sha256:${'ab'.repeat(32)}"

[[rule]]
name = "racks"
match = { manufacturer = "Rack*" }
profile = "web"
name_pattern = "rack{n}"
auto_approve = true

[[rule]]
name = "minis"
match = { manufacturer = "Example", min_disks = 1 }
profile = "web"
name_pattern = "web{n}"
`;

let site: Site;
let appliance: Appliance;
beforeAll(async () => {
  site = await makeSite(CONFIG);
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  appliance = await startAppliance(site);
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

type Row = Readonly<Record<string, unknown>>;
let machines = 0;

/** A machine boots the agent and reports; gives its node. */
async function discover(words: MachineWords = {}, message?: (text: string) => void): Promise<string> {
  machines += 1;
  const mac = `52:54:00:00:01:${machines.toString(16).padStart(2, '0')}`;
  const body = report({ disks: [{ serial: `S${machines}`, holds: null }], ...words, mac });
  return reportAs(mac, body, message);
}

async function reportAs(mac: string, body: InventoryRequest, message?: (text: string) => void): Promise<string> {
  const secret = await fetchSecret(site.bootPort, { mac });
  const claim = 'c'.repeat(32);
  const look = { secret, claim, macs: [mac], smbiosUuid: null, agentVersion: '0.1.0' };
  const { token } = (await appliance.client.send('POST', '/api/agent/lookup', look)) as { token: string }; // our own API
  const said = (await withClient(site, (client) => client.send('POST', '/api/agent/inventory', body), new Secret(token))) as {
    node: { uuid: string };
    message: string;
  }; // our own API
  message?.(said.message);
  return said.node.uuid;
}

const get = async (path: string): Promise<Row> => (await appliance.client.get(path)) as Row; // our own API

async function becomes(node: string, state: string): Promise<Row> {
  await expect.poll(async () => (await get(`/api/nodes/${node}/wipe-plan`)).state, { timeout: 60_000, interval: 50 }).toBe(state);
  return get(`/api/nodes/${node}/wipe-plan`);
}

/** A machine without disks behind it, so that nothing is needed to clean and deploy it. */
async function makeFake(node: string): Promise<void> {
  const changes = { '/driver': 'fake-hardware', '/deploy_interface': 'fake' };
  const body = JSON.stringify(Object.entries(changes).map(([path, value]) => ({ op: 'replace', path, value })));
  const local = await readLocal(site.dataDir);
  const headers = {
    authorization: `Bearer ${local?.token?.reveal() ?? ''}`,
    'content-type': 'application/json',
    'x-openstack-ironic-api-version': '1.95',
  };
  const url = new URL(`/v1/nodes/${node}`, local?.url);
  const options = { method: 'PATCH', headers, ca: local?.ca, checkServerIdentity: () => undefined };
  const status = await new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => response.resume().once('end', () => resolve(response.statusCode)));
    asked.once('error', reject).end(body);
  });
  expect(status).toBe(200);
}

it('shows what is proposed, with the rule and the plan in words, and tells the person at the screen', async () => {
  let screen = '';
  const node = await discover({}, (text) => (screen = text));
  expect(screen).toContain('rule minis fits it; waits 10 minutes for a yes, then it starts its own disk');
  const { enrolments } = (await get('/api/enrolments')) as { enrolments: Row[] };
  const entry = enrolments.find((one) => one.node === node);
  expect(entry).toMatchObject({ state: 'proposed', name: 'web1', profile: 'web', rule: 'minis', plan: { state: 'proposed' } });
  expect(entry).toMatchObject({
    plan: { lines: [expect.stringMatching(/^erases SSD, 500 GB \(serial S\d+\): blank; the system goes there/)] },
  });
  const { stdout } = await cli(site, ['enrol', 'list']);
  expect(stdout).toMatch(new RegExp(`^NODE +NAME +STATE.*\n${node} +web1 +proposed +web +minis +yes +rule minis fits`));
  const plan = await cli(site, ['node', 'plan', node]);
  expect(plan.stdout).toMatch(/^ {2}becomes web\n {2}erases SSD.*\nplan [0-9a-f]{64} \(proposed\)\n$/);
});

it('takes a machine in by the command line, and says what happens next', async () => {
  const node = await discover();
  await makeFake(node);
  const { code, stdout, stderr } = await cli(site, ['node', 'approve', node, '--yes', '--name', 'web-a']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('erases SSD')]);
  expect(stdout).toMatch(/^node +\S+\nname +web-a\nplan +[0-9a-f]{64}\ntask +\S+\nnext +The agent runs on it: it is cleaned/);
  expect(await becomes('web-a', 'done')).toMatchObject({ provisionState: 'active', approvedBy: 'admin' });
  const history = (await cli(site, ['node', 'history', 'web-a'])).stdout;
  expect(history).toContain('deploy');
});

it('asks for a plan or a yes where nobody is there to be asked', async () => {
  const node = await discover();
  const refused = await cli(site, ['node', 'approve', node]);
  expect([refused.code, refused.stdout]).toEqual([2, '']);
  expect(refused.stderr).toContain(`rackseed node plan ${node}, then say --plan HASH`);
  const wrong = await cli(site, ['node', 'approve', node, '--plan', '0'.repeat(64), '-o', 'json']);
  expect([wrong.code, JSON.parse(wrong.stderr)]).toEqual([1, expect.objectContaining({ code: 'enrol.plan_changed' })]);
  const several = await cli(site, ['node', 'approve', node, node, '--name', 'x', '--yes']);
  expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('--name goes with one machine only')]);
  const plan = JSON.parse((await cli(site, ['node', 'plan', node, '-o', 'json'])).stdout) as { hash: string }; // our own
  await makeFake(node);
  expect(await cli(site, ['node', 'approve', node, '--plan', plan.hash])).toMatchObject({ code: 0, stderr: '' });
  await becomes(node, 'done');
});

it('refuses disks that may be missed until their serial is named', async () => {
  const node = await discover({ disks: [{ serial: 'OSD1', holds: CEPH }] });
  await makeFake(node);
  const refused = await cli(site, ['node', 'approve', node, '--yes']);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/it holds OSD 3 of Ceph cluster[\s\S]*--wipe-serial OSD1[\s\S]*enrol\.disks_refused/),
  ]);
  expect(await cli(site, ['node', 'approve', node, '--yes', '--wipe-serial', 'OSD1'])).toMatchObject({ code: 0 });
  expect(await becomes(node, 'done')).toMatchObject({ plan: { said: ['OSD1'] } });
});

it('answers a yes to a plan that no longer holds with 409 and the new one', async () => {
  const node = await discover();
  const { plan } = (await get(`/api/nodes/${node}/wipe-plan`)) as { plan: { hash: string } };
  const mac = `52:54:00:00:01:${machines.toString(16).padStart(2, '0')}`;
  expect(await reportAs(mac, report({ mac, disks: [{ serial: 'OTHER', holds: null }] }))).toBe(node);
  await expect(appliance.client.send('POST', `/api/nodes/${node}/approve`, { planHash: plan.hash })).rejects.toMatchObject({
    code: 'enrol.plan_changed',
  });
  expect((await get(`/api/nodes/${node}/wipe-plan`)).plan).toMatchObject({ erased: [{ serial: 'OTHER' }] });
});

it('sends a rejected machine to its own disk at its next boot, and has it back when that is taken back', async () => {
  const node = await discover();
  const mac = `52:54:00:00:01:${machines.toString(16).padStart(2, '0')}`;
  expect((await cli(site, ['node', 'reject', node, '--reason', 'the printer'])).stdout).toMatch(
    /state +rejected\nreason +rejected by admin: the printer\n$/,
  );
  await expect(fetchSecret(site.bootPort, { mac })).rejects.toBeInstanceOf(NoSecret);
  expect((await cli(site, ['enrol', 'list', '--state', 'rejected'])).stdout).toContain(node);
  expect(await cli(site, ['node', 'unreject', node])).toMatchObject({ code: 0 });
  // What it is given now is also a matter of how often it asked; why, is not.
  await fetch(`http://127.0.0.1:${site.bootPort}/boot/machine.ipxe?mac=${mac.replaceAll(':', '-')}&uuid=`);
  const why = (await cli(site, ['node', 'why', mac])).stdout;
  expect(why).toMatch(/waits for a yes, and enrolment is open[\s\S]*rejected by admin: the printer/);
});

it('tries rules out by a node or a file', async () => {
  const node = await discover();
  expect((await cli(site, ['rules', 'test', node])).stdout).toMatch(
    /^rule +minis\nprofile +web\n[\s\S]*RULE +FITS +REASON\nracks +no +manufacturer is to be Rack\*, and is Example\nminis +yes +manufacturer is Example; min_disks is 1\n$/,
  );
  const path = join(site.directory, 'inventory.json');
  await writeFile(path, JSON.stringify(report({ manufacturer: 'Dell' })));
  const tried = await cli(site, ['rules', 'test', '--file', path, '-o', 'json']);
  expect(JSON.parse(tried.stdout)).toMatchObject({
    rule: null,
    reason: 'no rule fits; the nearest is racks: manufacturer is to be Rack*, and is Dell',
  });
  expect((await cli(site, ['rules', 'test'])).code).toBe(2);
  expect((await cli(site, ['rules', 'test', '--file', '/nowhere'])).stderr).toContain('(cli.bad_file)');
});

it('goes on after the appliance was killed, from wherever it was', async () => {
  const nodes = [await discover(), await discover(), await discover()];
  for (const [at, node] of nodes.entries()) {
    await makeFake(node);
    const { plan } = (await get(`/api/nodes/${node}/wipe-plan`)) as { plan: { hash: string } };
    await appliance.client.send('POST', `/api/nodes/${node}/approve`, { planHash: plan.hash, name: `killed-${at}` });
    await appliance.kill9();
    appliance = await startAppliance(site);
  }
  for (const node of nodes) expect(await becomes(node, 'done')).toMatchObject({ provisionState: 'active' });
});

const RESULTS: Readonly<Record<string, Record<string, unknown>>> = {
  erase_metadata: { disks: [] },
  erase_disks: { disks: [] },
  write_image: { bytes: 1, written: 1, seconds: 1, disk: 'SSD serial R1, 500 GB', rootUuid: null },
  install_boot: { entry: null, loader: null },
};

it('takes a machine in by a rule alone: its own agent erases by the plan, writes the image, and stays from one to the other', async () => {
  const mac = '52:54:00:00:02:01';
  const done: Command[] = [];
  const agent = await bootOwnAgent(await fetchSecret(site.bootPort, { mac }), {
    macs: [mac],
    smbiosUuid: null,
    inventory: report({
      mac,
      manufacturer: 'Rack Inc.',
      disks: [
        { serial: 'R1', holds: null },
        { serial: 'DATA', gb: 4000, holds: CEPH },
      ],
    }),
    send: overNetwork(site),
    pause: () => systemClock.sleep(50),
    script: (command) => {
      done.push(command);
      return command.name === 'boot_disk' || command.name === 'reboot'
        ? { does: 'go' }
        : { does: 'succeed', result: RESULTS[command.name] ?? {} };
    },
  });
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  expect(await agent.live(stopping.signal)).toBe('gone');
  expect(await becomes(agent.node.uuid, 'done')).toMatchObject({ provisionState: 'active', name: 'rack1', approvedBy: 'rule racks' });
  expect(done.map(({ name }) => name)).toEqual(['erase_metadata', 'erase_disks', 'write_image', 'install_boot', 'boot_disk']);
  const [erase, express, write] = done.map((command) => command.arguments);
  expect(erase).toMatchObject({ disks: [{ serial: 'R1', expects: [] }] });
  expect(express).toMatchObject({ disks: [{ serial: 'R1', expects: ['unrecognised data'] }] });
  expect(write).toMatchObject({ disk: { serial: 'R1' }, url: 'http://127.0.0.1:9/web.raw' });
  await expect(fetchSecret(site.bootPort, { mac })).rejects.toBeInstanceOf(NoSecret);
});
