// A machine that runs its own system is rescued: it boots the RAM system, a person comes in by SSH with the host key that was reported, by
// the password of this rescue or by a key of the node, and it goes back to its own disk. Only the person who presses its button is played.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabConfig, labDhcp, labServer, labTftp } from '../../src/lab/index.ts';
import { type RunResult, runProgram, systemClock } from '../../src/lib/index.ts';
import { makeOwnDisk, OWN_DISK_SAYS } from '../support/own-disk.ts';
import { standUp, type TestLab, tailOf, waitForText } from './lab.ts';
import { miniPc } from './machine.ts';

const LIMIT_MS = 8 * 60_000;
const PASSWORD = 'one-time, for grüße only';
const LOOK_MS = 500;

let lab: TestLab;
let scratch: string;
const spec = miniPc('bios', 1, { reboots: true });

const config = (one: LabConfig): string => [labServer(one), labDhcp(one), labTftp(one)].join('\n');

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rackseed-rescue-'));
  await makeOwnDisk({ path: join(scratch, 'own.img') });
  await program('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(scratch, 'id')]);
  await writeFile(join(scratch, 'askpass'), `#!/bin/sh\necho '${PASSWORD}'\n`, { mode: 0o700 });
  lab = await standUp('rescue', { openEnrolment: false, config });
});
afterAll(async () => {
  await lab.client.close();
  await lab.end();
  await rm(scratch, { recursive: true });
});

async function program(command: string, args: readonly string[]): Promise<RunResult> {
  const result = await runProgram(command, args);
  if (result.code !== 0) throw new Error(`${command} ended with code ${result.code}: ${result.stderr}`);
  return result;
}

interface Node {
  readonly uuid: string;
  readonly provision_state: string;
  readonly last_error: string | null;
  readonly driver_internal_info: { readonly rescue?: { readonly addresses: readonly string[]; readonly hostKeys: readonly string[] } };
}

/** As a client of Ironic's API does it. */
async function ironic(method: string, path: string, body?: object): Promise<unknown> {
  const { socketPath, url, dataDir } = lab.lab.connection;
  const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
  const headers = [`Authorization: Bearer ${token}`, 'X-OpenStack-Ironic-API-Version: 1.104', 'Content-Type: application/json'];
  const args = ['-sS', '--fail-with-body', '--unix-socket', socketPath, '--cacert', join(dataDir, 'server.crt'), '-X', method];
  const data = body === undefined ? [] : ['-d', JSON.stringify(body)];
  const { code, stdout, stderr } = await runProgram('curl', [
    ...args,
    ...headers.flatMap((header) => ['-H', header]),
    ...data,
    `${url}${path}`,
  ]);
  if (code !== 0) throw new Error(`${method} ${path}: ${stdout} ${stderr}`);
  return stdout === '' ? null : JSON.parse(stdout);
}

async function node(): Promise<Node> {
  return (await ironic('GET', `/v1/nodes/${spec.name}`)) as Node; // our own API's answer
}

/** Asks the machine's node for a state, plays the person, and waits until it is there. */
async function become(target: string, state: string, more: object = {}): Promise<Node> {
  await ironic('PUT', `/v1/nodes/${spec.name}/states/provision`, { target, ...more });
  return until(`state ${state}`, (one) => {
    if (one.provision_state.endsWith('failed') || (one.last_error !== null && one.provision_state !== state))
      throw new Error(`${one.provision_state}: ${one.last_error}`);
    return one.provision_state === state;
  });
}

async function until(what: string, matches: (one: Node) => boolean): Promise<Node> {
  const end = systemClock.monotonic() + LIMIT_MS;
  for (;;) {
    const now = await node();
    if (matches(now)) return now;
    if (systemClock.monotonic() > end) {
      const said = await tailOf(join(lab.lab.connection.dataDir, '../appliance.log'), 20);
      throw new Error(`no ${what} within ${LIMIT_MS / 1000} s: ${JSON.stringify(now)}\n${said}`);
    }
    await systemClock.sleep(LOOK_MS);
  }
}

/** From the appliance's side of the lab's network. */
function ssh(address: string, options: readonly string[], command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  const known = ['-o', `UserKnownHostsFile=${join(scratch, 'known')}`, '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=no'];
  const args = ['netns', 'exec', lab.lab.network.namespace, 'ssh', '-F', 'none', ...known, ...options, `root@${address}`, ...command];
  return runProgram('ip', args, { timeoutMs: 120_000, env: { ...process.env, ...env } });
}

async function eventsOf(): Promise<readonly { readonly type: string; readonly message: string }[]> {
  const { events } = (await lab.client.get('/api/events?limit=500')) as { events: readonly { type: string; message: string }[] };
  return events;
}

async function asked(): Promise<boolean> {
  return (await eventsOf()).some(({ type }) => type === 'power.press');
}

async function rescueEvents(): Promise<readonly string[]> {
  return (await eventsOf()).filter(({ type }) => type === 'agent.rescue').map(({ message }) => message);
}

describe('rescue', () => {
  it('opens a shell on a machine whose own system is down, and gives the machine back to it', { timeout: 3 * LIMIT_MS }, async () => {
    const publicKey = (await readFile(join(scratch, 'id.pub'), 'utf8')).trim();
    const driver_info = { power_chain: ['agent', 'manual'], rescue_ssh_keys: [publicKey] };
    const interfaces = { power_interface: 'chain', rescue_interface: 'agent', deploy_interface: 'noop' };
    await ironic('POST', '/v1/nodes', { name: spec.name, driver: 'generic', driver_info, ...interfaces });
    const { uuid } = await node();
    await ironic('POST', '/v1/ports', { node_uuid: uuid, address: spec.mac, pxe_enabled: true });
    await become('manage', 'manageable');
    await become('adopt', 'active');

    const rescued = become('rescue', 'rescue', { rescue_password: PASSWORD });
    // The person is asked first: before that there is nothing to be done by one.
    await expect.poll(asked, { timeout: LIMIT_MS }).toBe(true);
    await lab.client.send('PUT', `/api/nodes/${uuid}/power-done`);
    const { serialLog } = await lab.lab.startMachine({ ...spec, ownDisk: join(scratch, 'own.img') });
    const { driver_internal_info: info } = await rescued;

    const [address = expect.unreachable()] = info.rescue?.addresses ?? [];
    const [hostKey = expect.unreachable()] = info.rescue?.hostKeys ?? [];
    await writeFile(join(scratch, 'known'), `${address} ${hostKey}\n`);
    const byKey = await ssh(address, ['-i', join(scratch, 'id'), '-o', 'IdentitiesOnly=yes'], ['lsblk -n -o SERIAL; command -v lvm mdadm']);
    expect(byKey).toMatchObject({ code: 0, stdout: expect.stringContaining('LAB-MINI-BIOS-1-0') as unknown });
    expect(byKey.stdout).toContain('/usr/lib/rackseed/rescue/lvm');
    const askpass = { SSH_ASKPASS: join(scratch, 'askpass'), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
    const byPassword = await ssh(address, ['-tt', '-o', 'PubkeyAuthentication=no'], ['tty && echo "$PS1$HOME"'], askpass);
    expect(byPassword).toMatchObject({ code: 0, stdout: expect.stringContaining('/dev/pts/') as unknown });
    expect(await ssh(address, ['-o', 'PubkeyAuthentication=no', '-o', 'PasswordAuthentication=no'], ['true'])).toMatchObject({ code: 255 });
    expect(await readFile(serialLog, 'utf8')).not.toContain(PASSWORD);

    await become('unrescue', 'active');
    await waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS);
    expect((await node()).driver_internal_info.rescue).toBeUndefined();
    const events = await rescueEvents();
    expect(events.filter((one) => one.includes('session opened'))).toHaveLength(2);
    expect(events.filter((one) => one.includes('with the password'))).toHaveLength(1);
    expect(events.join()).not.toContain(PASSWORD);
  });
});
