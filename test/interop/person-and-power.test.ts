// A machine without a BMC: the appliance asks a person, and goes on when the machine is seen to boot, or when the person says so.

import { expect, it, onTestFinished } from 'vitest';
import { startAppliance, temporarySite } from '../support/appliance.ts';

const LIMIT_MS = 60_000;
const MAC = '52:54:00:00:00:77';

it('asks a person to start a machine, and is done when its firmware asks what to boot', { timeout: 3 * LIMIT_MS }, async () => {
  const site = await temporarySite();
  await site.configure('tls = false\n[tftp]\nenabled = false\n[auth]\nmode = "none"\n');
  const appliance = await startAppliance(site);
  onTestFinished(async () => {
    await appliance.stop();
  });
  const headers = { 'content-type': 'application/json', 'x-openstack-ironic-api-version': '1.80' };
  const v1 = async (method: string, path: string, body?: object) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const reply = await fetch(`http://127.0.0.1:${site.apiPort}/v1${path}`, { method, headers, ...sent });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }; // every reply of /v1 is an object
  };
  const states = async () => (await v1('GET', '/nodes/mini1/states')).body;
  const { body: node } = await v1('POST', '/nodes', {
    driver: 'generic',
    name: 'mini1',
    driver_info: { power_chain: ['agent', 'manual'] },
  });
  expect((await v1('POST', '/ports', { node_uuid: node.uuid, address: MAC })).status).toBe(201);

  expect((await v1('PUT', '/nodes/mini1/states/power', { target: 'power on' })).status).toBe(202);
  await expect.poll(states, { timeout: LIMIT_MS }).toMatchObject({ target_power_state: 'power on' });
  // The firmware asks again until the person has come: what it asks before the chain waits for it counts for nothing.
  const boots = async () => {
    await (await fetch(`http://127.0.0.1:${site.bootPort}/boot/machine.ipxe?mac=${MAC.replaceAll(':', '-')}`)).text();
    return states();
  };
  await expect.poll(boots, { timeout: LIMIT_MS }).toMatchObject({ power_state: 'power on', target_power_state: null, last_error: null });
});
