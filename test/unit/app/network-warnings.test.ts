import { describe, expect, it } from 'vitest';
import { interfaceWarnings } from '../../../src/app-network-warnings.ts';
import { type Config, loadConfig } from '../../../src/config/index.ts';
import { numberToIpv4 } from '../../../src/lib/index.ts';

const atHome = { name: 'eth0', address: numberToIpv4(0xc0a8010a), reason: 'answering', hint: null };

async function config(mode: string, subnet: string): Promise<Config> {
  const text = `[dhcp]\nmode = "${mode}"\ninterfaces = ["eth0"]\n[[dhcp.subnet]]\nsubnet = "${subnet}"\n`;
  const loaded = await loadConfig({
    path: 'rackseed.toml',
    env: {},
    defaults: { dataDir: '/data' },
    readFile: () => Promise.resolve(Buffer.from(text)),
  });
  return loaded.config;
}

describe('the warnings of the interfaces', () => {
  it('name an interface whose own address is in none of the subnets, and what to do', async () => {
    expect(interfaceWarnings(await config('full', '10.0.10.0/24'), [atHome])).toEqual([
      {
        code: 'dhcp.no_subnet',
        message: 'eth0: its address 192.168.1.10 is in no [[dhcp.subnet]] (10.0.10.0/24): machines on it get none from here',
        hint: expect.stringMatching(/Give eth0 an address in one of them, or add a \[\[dhcp.subnet]]/) as unknown,
      },
    ]);
  });

  it('are none where the subnet holds the address, where there is no address yet, and in proxy mode', async () => {
    expect(interfaceWarnings(await config('full', '192.168.1.0/24'), [atHome])).toEqual([]);
    expect(interfaceWarnings(await config('full', '10.0.10.0/24'), [{ ...atHome, address: null }])).toEqual([]);
    expect(interfaceWarnings(await config('proxy', '10.0.10.0/24'), [atHome])).toEqual([]);
  });

  it('give on what the server says of an interface that wants a hand', async () => {
    const standsAside = { ...atHome, reason: 'another DHCP server is there', hint: 'Switch it off.' };
    expect(interfaceWarnings(await config('full', '192.168.1.0/24'), [standsAside])).toEqual([
      { code: 'dhcp.interface', message: 'eth0: another DHCP server is there', hint: 'Switch it off.' },
    ]);
  });
});
