// Boot decisions through the real appliance: what a machine's first script asks, from the boot listener to the stored reasons and events.

import { beforeAll, describe, expect, it } from 'vitest';
import { makeSite, type Site, startAppliance, withClient } from '../support/appliance.ts';
import { parseIpxe } from '../support/ipxe.ts';

const MAC = '52:54:00:cc:00:01';
const RULES = `
[boot]
own_disk_path = "\\\\EFI\\\\site\\\\a.efi"

[[profile]]
name = "pve"
os = "proxmox"
answer_template = "zfs-mirror"

[[rule]]
name = "dells"
match = { manufacturer = "Dell*", min_disks = 2 }
profile = "pve"
`;

interface Event {
  readonly type: string;
  readonly message: string;
}

describe('a machine that asks what to boot', () => {
  let site: Site;
  beforeAll(async () => {
    site = await makeSite(RULES);
    await startAppliance(site);
    return () => site.remove();
  });

  const ask = async (query: Record<string, string>): Promise<string> => {
    const all = { mac: MAC, uuid: '', platform: 'efi', arch: 'x86_64', manufacturer: '', product: '', serial: '', ...query };
    const answer = await fetch(`http://127.0.0.1:${site.bootPort}/boot/machine.ipxe?${new URLSearchParams(all).toString()}`);
    expect(answer.status).toBe(200);
    return answer.text();
  };
  const eventsOf = async (type: string): Promise<readonly Event[]> =>
    withClient(site, async (client) => {
      const found: Event[] = [];
      for await (const { data } of client.events('/api/events', '0', AbortSignal.timeout(30_000))) {
        const event = data as Event; // what the API writes
        if (event.type === type) found.push(event);
        if (found.length > 0) break;
      }
      return found;
    });

  it('is sent to its own disk while enrolment is closed, first by the loader that the site names', async () => {
    const script = await ask({});
    expect(script).toContain('unknown machine, and enrolment is closed');
    expect(script.split('\n').find((line) => line.startsWith('sanboot'))).toContain('\\EFI\\site\\a.efi');
  });

  it('is for the agent when a rule fits what it says of itself, and told so when the agent is not built', async () => {
    const script = await ask({ mac: '52:54:00:cc:00:02', manufacturer: 'Dell Inc.' });
    expect(script.replaceAll(/\necho /g, ' ')).toContain('which rule dells fits, but the agent is not among our boot files');
  });

  it('gets a well-formed script whatever it says of itself, or a refusal', async () => {
    const hostile = ['x\nshell', 'a || shell', '\0', '%00%0a', '$'.concat('{uuid}'), "' or 1=1 --", 'x'.repeat(3000)];
    for (const [index, text] of hostile.entries()) {
      const script = await ask({
        mac: `52:54:00:cc:01:0${index}`,
        manufacturer: text,
        product: text,
        serial: text,
        uuid: text,
        platform: text,
      });
      expect(parseIpxe(script).some((line) => 'commands' in line && line.commands.some(({ words }) => words[0] === 'shell'))).toBe(false);
    }
    const refused = await fetch(`http://127.0.0.1:${site.bootPort}/boot/machine.ipxe?mac=nonsense`);
    expect(await refused.text()).toContain('no MAC address');
  });

  it('is stopped with a screen and an event when it comes back again and again', async () => {
    const mac = '52:54:00:cc:00:03';
    const scripts: string[] = [];
    for (let time = 0; time < 6; time += 1) scripts.push(await ask({ mac }));
    expect(scripts.map((script) => script.includes('is held here'))).toEqual([false, false, false, false, false, true]);
    expect(await eventsOf('boot.loop')).toMatchObject([
      { message: `${mac} boots in a circle: it asked 6 times within a minute, each time for its own disk, which did not start` },
    ]);
  });
});
