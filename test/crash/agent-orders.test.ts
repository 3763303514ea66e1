// The whole appliance is killed (kill -9) while orders to an agent wait, were given, run or were just answered. The agent lives on, as it
// does on its machine: each inspection ends well, and each order is carried out once.

import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readLocal } from '../../src/cli/index.ts';
import { systemClock } from '../../src/lib/index.ts';
import { bootOwnAgent, type Command, type SendToAppliance } from '../sim/own-agent.ts';
import { fetchSecret, inventoryOf, writeBootFiles } from '../support/agent.ts';
import { type Site, startAppliance, temporarySite } from '../support/appliance.ts';
import { exchange, ONE, overNetwork } from '../support/orders.ts';

/** When the appliance is killed: by what the agent is about to send, or has got. */
const MOMENTS = ['accepted', 'given', 'working', 'answer sent', 'answer taken', 'never'] as const;
type Moment = (typeof MOMENTS)[number];

const WAIT = { timeout: 60_000, interval: 100 };
const HEARTBEAT = '/api/agent/heartbeat';

it('kill -9 of the appliance at any moment of an order loses nothing, and nothing is done twice', { timeout: 300_000 }, async () => {
  const site = await temporarySite('[enrol]\nmode = "open"\n');
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  let appliance = await startAppliance(site);
  let next: Moment = 'never';
  let isKilled = false;
  let restarted: Promise<void> = Promise.resolve();
  const killAt = (moment: Moment): void => {
    if (moment !== next) return;
    next = 'never';
    isKilled = true;
    restarted = restart();
  };
  const restart = async (): Promise<void> => {
    await appliance.kill9();
    appliance = await startAppliance(site);
  };
  const network = overNetwork(site);
  const send: SendToAppliance = async (path, body, headers, signal) => {
    const said = 'answers' in body && Array.isArray(body.answers) ? body.answers.length : 0;
    const isRunning = 'running' in body && body.running !== null;
    const reply = network(path, body, headers, signal);
    reply.catch(() => undefined); // whoever sent it hears of it below
    if (path === HEARTBEAT && said > 0) killAt('answer sent');
    const got = await reply;
    if (path === HEARTBEAT && said > 0) killAt('answer taken');
    if (isRunning) killAt('working');
    return got;
  };
  const done: Command[] = [];
  const agent = await bootOwnAgent(await fetchSecret(site.bootPort, ONE), {
    macs: [ONE.mac],
    smbiosUuid: ONE.uuid,
    inventory: inventoryOf(ONE),
    send,
    pause: () => systemClock.sleep(300),
    script: (command) => {
      done.push(command);
      killAt('given');
      return { does: 'work', beats: 3, end: { does: 'report' } };
    },
  });
  const stopping = new AbortController();
  const living = agent.live(stopping.signal);
  onTestFinished(() => stopping.abort());
  const { uuid } = agent.node;
  const node = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await ironic(site, 'GET', `/v1/nodes/${uuid}`)) as Record<string, unknown>; // an object, by its schema
  const ask = (target: string): Promise<string> => ironic(site, 'PUT', `/v1/nodes/${uuid}/states/provision`, { target });
  await ironic(site, 'PATCH', `/v1/nodes/${uuid}`, [{ op: 'replace', path: '/power_interface', value: 'agent' }]);
  await ask('manage');
  await expect.poll(async () => (await node()).provision_state, WAIT).toBe('manageable');
  for (const moment of MOMENTS) {
    next = moment;
    isKilled = false;
    await ask('inspect');
    killAt('accepted');
    if (moment !== 'never') await expect.poll(() => isKilled, WAIT).toBe(true);
    await restarted;
    const stands = async (): Promise<unknown> => {
      const { provision_state: state, last_error: error } = await node();
      return [state, error];
    };
    await expect.poll(stands, WAIT).toEqual(['manageable', null]);
    // The answer too has come by then, or comes again.
    await expect.poll(() => done.length, WAIT).toBe(MOMENTS.indexOf(moment) + 1);
  }
  expect(new Set(done.map(({ id }) => id)).size).toBe(MOMENTS.length);
  expect(agent.given).toHaveLength(MOMENTS.length);
  // A stop does not wait for the heartbeat that it holds.
  const from = performance.now();
  const { code, stdout } = await appliance.stop();
  expect(code).toBe(0);
  expect(stdout).not.toContain('did not finish in time');
  expect(performance.now() - from).toBeLessThan(8000);
  stopping.abort();
  expect(await living).toBe('stopped');
});

/** As the administrator; what the reply holds. */
async function ironic(site: Site, method: string, path: string, body?: unknown): Promise<string> {
  const token = (await readLocal(site.dataDir))?.token?.reveal() ?? expect.unreachable('the appliance has no token');
  const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': '1.90', accept: 'application/json' };
  const reply = await exchange(site, { method, path, headers, ...(body === undefined ? {} : { body }) });
  if (reply.status >= 300) throw new Error(`${method} ${path}: HTTP ${reply.status}: ${reply.body}`);
  return reply.body;
}
