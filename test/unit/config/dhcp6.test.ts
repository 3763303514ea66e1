import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../src/config/index.ts';
import { linesOf, load } from './load-text.ts';

const LISTEN = '[server]\nboot_listen = "[::]:6386"\n[tftp]\nlisten = "[::]:69"\n';
const SUBNET = '[[dhcp6.subnet]]\nprefix = "fd00:77::/64"\n';

describe('[dhcp6]', () => {
  it('goes with [dhcp] by itself: off with it, else told that there is nothing, on the same interfaces', async () => {
    const { config, warnings } = await load('[dhcp]\nmode = "proxy"\ninterfaces = ["eno1", "eno2"]');
    expect(config.dhcp6).toMatchObject({ mode: 'stateless', interfaces: ['eno1', 'eno2'] });
    expect(warnings).toEqual([]); // nor does it want other listeners
    expect((await load('[dhcp]\nmode = "proxy"\n[dhcp6]\nmode = "off"')).config.dhcp6.mode).toBe('off');
    expect((await load('[dhcp]\nmode = "proxy"\ninterfaces = ["eno1"]\n[dhcp6]\ninterfaces = ["eno2"]')).config.dhcp6).toMatchObject({
      mode: 'stateless',
      interfaces: ['eno2'],
    });
  });

  it('stays off beside a DHCP server on another port, which no firmware asks', async () => {
    expect((await load('[dhcp]\nmode = "proxy"\nport = 1067')).config.dhcp6.mode).toBe('off');
  });

  it('warns once when all interfaces are meant', async () => {
    const words = async (text: string) => (await load(text)).warnings.map(({ key }) => key);
    expect(await words('[dhcp]\nmode = "proxy"')).toEqual(['dhcp.interfaces']);
    expect(await words(`${LISTEN}[dhcp6]\nmode = "stateless"`)).toEqual(['dhcp6.interfaces']);
  });

  it('is off by itself, and switches TFTP on when it is on', async () => {
    expect((await load('')).config.dhcp6).toMatchObject({ mode: 'off', port: 547, subnet: [] });
    expect((await load('')).config.tftp.enabled).toBe(false);
    const { config } = await load(`${LISTEN}[dhcp6]\nmode = "full"\ninterfaces = ["eno1"]\n${SUBNET}`);
    expect(config.tftp.enabled).toBe(true);
    expect(config.dhcp6.subnet[0]).toMatchObject({ prefix: 'fd00:77::/64', lease_seconds: 3600, dns: [] });
  });

  it.each([
    [
      'full mode without a subnet',
      `${LISTEN}[dhcp6]\nmode = "full"`,
      'rackseed.toml:6: dhcp6.mode: "full" gives addresses and needs at least one [[dhcp6.subnet]]; or set mode = "stateless"',
    ],
    ['an interface twice', '[dhcp6]\ninterfaces = ["a", "a"]', 'rackseed.toml:2: dhcp6.interfaces[1]: "a" is listed twice'],
    [
      'an address for a prefix',
      '[[dhcp6.subnet]]\nprefix = "fd00:77::1/64"',
      'rackseed.toml:2: dhcp6.subnet[0].prefix: expected an IPv6 network such as "fd00:77::/64" (prefix from 32 to 96), got "fd00:77::1/64"',
    ],
    [
      'a prefix inside another',
      `${SUBNET}[[dhcp6.subnet]]\nprefix = "fd00:77:0:0:1::/80"`,
      'rackseed.toml:4: dhcp6.subnet[1].prefix: "fd00:77:0:0:1::/80" overlaps dhcp6.subnet[0] (line 1)',
    ],
  ])('refuses %s', async (_what, text, line) => {
    expect(await linesOf(text)).toEqual([line]);
  });

  it('refuses listeners that nobody reaches over IPv6, and says what to write', async () => {
    expect(await linesOf(`[dhcp6]\nmode = "full"\ninterfaces = ["eno1"]\n${SUBNET}`)).toEqual([
      'rackseed.toml: server.boot_listen: "0.0.0.0:6386" is not reached over IPv6, which dhcp6.mode = "full" needs. Set "[::]:6386"',
      'rackseed.toml: tftp.listen: "0.0.0.0:69" is not reached over IPv6, which dhcp6.mode = "full" needs. Set "[::]:69"',
    ]);
  });

  it('warns of such listeners who wrote "stateless", which turns machines away all the same', async () => {
    const { warnings } = await load(`[dhcp6]\nmode = "stateless"\ninterfaces = ["eno1"]`);
    expect(warnings.map(formatProblem)).toEqual([
      'rackseed.toml: server.boot_listen: "0.0.0.0:6386" is not reached over IPv6: no boot file of it is named there. For that, set "[::]:6386"',
      'rackseed.toml: tftp.listen: "0.0.0.0:69" is not reached over IPv6: no boot file of it is named there. For that, set "[::]:69"',
    ]);
  });
});
