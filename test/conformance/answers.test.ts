// Answers as people look at them, with a real appliance: rendered, compared, refused; templates, addresses and passwords.

import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLocal } from '../../src/cli/index.ts';
import { enrolMachine, writeBootFiles } from '../support/agent.ts';
import { type Appliance, cli, type Ended, makeSite, type Site, startAppliance } from '../support/appliance.ts';

const MAC = '52:54:00:00:00:01';
const CONFIG = `
[install]
domain = "home.arpa"
timezone = "Europe/Vienna"
[[cluster]]
name = "home"
addresses = { network = "10.0.0.0/24", first = "10.0.0.11", last = "10.0.0.99", gateway = "10.0.0.1" }
[[cluster]]
name = "frozen"
[[profile]]
name = "pve"
os = "proxmox"
answer_template = "zfs"
cluster = "home"
[[profile]]
name = "mine"
os = "proxmox"
answer_template = "mine"
variables = { swap = 4 }
[[profile]]
name = "faulty"
os = "proxmox"
answer_template = "faulty"
[[profile]]
name = "gone"
os = "proxmox"
answer_template = "zfs-miror"
[[profile]]
name = "frozen"
os = "proxmox"
answer_template = "zfs"
cluster = "frozen"
[[profile]]
name = "debian"
os = "image"
image = "/nowhere"
`;
let site: Site;
let appliance: Appliance;
let node: string;

beforeAll(async () => {
  site = await makeSite(CONFIG);
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  await mkdir(join(site.dataDir, 'answer-files'));
  const own = (name: string, text: string) => writeFile(join(site.dataDir, 'answer-files', `${name}.toml`), text);
  await own('mine', 'extends = "zfs"\ndescription = "My own."\n[global]\nmailto = "root@{{node.name}}.example.org"\n');
  await own('faulty', 'extends = "base"\n[global]\nmailto = "{{variables.who}}"\n\n[disk-setup]\ndisk-list = ["sda"]\n');
  appliance = await startAppliance(site);
  await appliance.client.send('PUT', '/api/enrolment', { mode: 'open' });
  node = await enrolMachine(appliance, { mac: MAC });
  await change({ op: 'add', path: '/name', value: 'pve1' });
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

function run(...words: string[]): Promise<Ended> {
  return cli(site, words);
}

/** As a client of Ironic's API changes a node. */
async function change(patch: { readonly op: string; readonly path: string; readonly value?: unknown }): Promise<void> {
  const local = await readLocal(site.dataDir);
  const headers = {
    authorization: `Bearer ${local?.token?.reveal() ?? ''}`,
    'content-type': 'application/json',
    'x-openstack-ironic-api-version': '1.95',
  };
  const options = { method: 'PATCH', headers, ca: local?.ca, checkServerIdentity: () => undefined };
  const status = await new Promise((resolve, reject) => {
    const asked = request(new URL(`/v1/nodes/${node}`, local?.url), options, (response) =>
      response.resume().once('end', () => resolve(response.statusCode)),
    );
    asked.once('error', reject).end(JSON.stringify([patch]));
  });
  expect(status).toBe(200);
}

describe('rackseed answer render', () => {
  it('shows what the installer would get, masked, and beside it what that is for', async () => {
    const { code, stdout, stderr } = await run('answer', 'render', '--node', 'pve1', '--profile', 'pve', '--release', '9.1');
    expect(stdout).toContain('fqdn = "pve1.home.arpa"\n');
    expect(stdout).toContain('timezone = "Europe/Vienna"\n');
    expect(stdout).toContain('cidr = "10.0.0.11/24"\n');
    expect(stdout).toContain(`ID_NET_NAME_MAC = "*${MAC.replaceAll(':', '')}"\n`);
    expect(stdout).toContain('root-password-hashed = "******"\n');
    expect(stdout).toContain('/install/done/******"\n');
    expect(stdout).toMatch(/root-ssh-keys = \[ "ssh-ed25519 [A-Za-z0-9+/=]+ rackseed" \]/);
    expect(stdout).not.toContain('masked');
    expect(stderr).toContain('# no installer is imported yet: this is for Proxmox VE 9.1\n');
    expect(stderr).toContain('# 10.0.0.11 is the next address of the cluster; it is given when the installation is prepared\n');
    expect(code).toBe(0);
    expect((await run('cluster', 'addresses')).stderr).toContain('No address was given yet');
  });

  it('is for old releases in their own words', async () => {
    const { stdout } = await run('answer', 'render', '--node', node, '--profile', 'pve', '--release', '8.3', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      profile: 'pve',
      template: 'zfs',
      product: 'pve',
      release: '8.3',
      text: expect.stringContaining('root_password_hashed = "******"') as unknown,
    });
  });

  it('says every fault with file, line and what to write instead', async () => {
    const { code, stdout, stderr } = await run('answer', 'render', '--node', 'pve1', '--profile', 'faulty');
    expect(stdout).toBe('');
    expect(stderr).toContain('error: faulty.toml:3: global.mailto: there is no variable "who"');
    expect(stderr).toContain('error: faulty.toml:6: disk-setup.disk-list: is set by the appliance');
    expect(stderr).toContain('(cli.answer_refused)');
    expect(code).toBe(1);
  });

  it.each([
    [['--node', 'pve1'], 'node pve1 has no profile yet', '--profile: pve, mine, faulty, gone, frozen'],
    [['--node', 'pve1', '--profile', 'pev'], '"pev" is not in the configuration', 'Did you mean pve?'],
    [['--node', 'pve1', '--profile', 'debian'], '"debian" is one with os = "image"', '--profile'],
    [['--node', 'pve1', '--profile', 'gone'], 'there is no answer template "zfs-miror"', 'Did you mean zfs-mirror?'],
    [['--node', 'pve1', '--last'], 'no installation of the node is known', 'as it would be now'],
    [['--node', 'nobody', '--profile', 'pve'], 'there is no node "nobody"', ''],
  ])('%j is refused with the next step', async (words, message, hint) => {
    const { code, stderr } = await run('answer', 'render', ...words);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(code).toBe(1);
  });

  it('says that a node of a cluster without addresses would not be installed', async () => {
    const { stderr } = await run('answer', 'render', '--node', 'pve1', '--profile', 'frozen');
    expect(stderr).toContain('# it would not be installed: the [[cluster]] frozen has no addresses\n');
  });

  it('takes the words of the node itself, by the same rules', async () => {
    const set = (value: unknown) => change({ op: 'add', path: '/instance_info/answer', value });
    await set({ global: { country: 'de', mailto: '{{node.name}}@example.org' } });
    const { stdout } = await run('answer', 'render', '--node', 'pve1', '--profile', 'pve');
    expect(stdout).toContain('country = "de"\n');
    expect(stdout).toContain('mailto = "pve1@example.org"\n');
    await set({ 'first-boot': { source: 'from-iso' } });
    expect((await run('answer', 'render', '--node', 'pve1', '--profile', 'pve')).stderr).toContain(
      'error: instance_info.answer: first-boot: is set by the appliance',
    );
    await change({ op: 'remove', path: '/instance_info/answer' });
  });
});

it('rackseed answer diff shows what another profile or release changes', async () => {
  const other = await run('answer', 'diff', '--node', 'pve1', '--profile', 'pve', '--against', 'mine', '--release', '9.1');
  expect(other.stdout).toContain('--- pve (pve 9.1)\n+++ mine (pve 9.1)\n');
  expect(other.stdout).toContain('-mailto = "root@localhost.localdomain"\n+mailto = "root@pve1.example.org"\n');
  expect(other.stdout).toContain('-source = "from-answer"\n');
  const older = await run('answer', 'diff', '--node', 'pve1', '--profile', 'pve', '--release', '9.1', '--against-release', '9.0');
  expect(older.stdout).toContain('-[network.interface-name-pinning]\n-enabled = true\n');
  const same = await run('answer', 'diff', '--node', 'pve1', '--profile', 'pve', '--against', 'pve');
  expect([same.code, same.stdout]).toEqual([0, '']);
  expect(same.stderr).toContain('are the same');
});

it('rackseed answer templates lists those that come along beside the own ones', async () => {
  const { stdout } = await run('answer', 'templates', '-o', 'json');
  const templates = JSON.parse(stdout) as { name: string; isOwn: boolean }[];
  expect(templates.find(({ name }) => name === 'mine')).toMatchObject({ isOwn: true, description: 'My own.', extends: 'zfs', faults: [] });
  expect(templates.find(({ name }) => name === 'zfs-mirror')).toMatchObject({ isOwn: false, extends: 'zfs' });
});

it('rackseed node password says that there is none before an installation', async () => {
  const { code, stderr } = await run('node', 'password', 'pve1');
  expect(stderr).toContain('no password of root is known of pve1');
  expect(code).toBe(1);
});
