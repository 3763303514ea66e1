import { describe, expect, it } from 'vitest';
import { linesOf, load } from './load-text.ts';

const LISTEN = '[server]\nboot_listen = "[::]:6386"\n[tftp]\nlisten = "[::]:69"\n';
const SUBNET = '[[dhcp6.subnet]]\nprefix = "fd00:77::/64"\n';

describe('[dhcp6]', () => {
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
    expect(await linesOf(`[dhcp6]\nmode = "stateless"\ninterfaces = ["eno1"]`)).toEqual([
      'rackseed.toml: server.boot_listen: "0.0.0.0:6386" is not reached over IPv6, which dhcp6.mode = "stateless" needs. Set "[::]:6386"',
      'rackseed.toml: tftp.listen: "0.0.0.0:69" is not reached over IPv6, which dhcp6.mode = "stateless" needs. Set "[::]:69"',
    ]);
  });
});
