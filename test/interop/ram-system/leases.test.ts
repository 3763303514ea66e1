// A machine in the RAM system keeps its address while it is good and gets another when it is not: the DHCP client and scripts that are
// in it, against dnsmasq.

import { describe, expect, it } from 'vitest';
import { openRamSystem } from './lab.ts';

describe('the network of the RAM system', { timeout: 180_000 }, () => {
  it('has an address, a way out and a name server, and keeps all three over a renewal', async () => {
    const machine = await openRamSystem();
    await machine.plug('a');
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    await machine.until(machine.defaultRoute, /^default via 10\.81\.1\.1 dev eth0 metric \d+/);
    await machine.until(machine.resolvConf, /^nameserver 10\.81\.1\.53\n$/);
    await machine.renew();
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    expect(await machine.said()).toMatch(/eth0 \(02:00:00:00:0c:05\) has address 10\.81\.1\.100\/24/);
  });

  it('takes another address when the server does not renew the one it has', async () => {
    const machine = await openRamSystem();
    await machine.plug('a');
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    await machine.reserve('a', 150);
    await machine.renew();
    await machine.until(machine.addresses, /10\.81\.1\.150\/24/);
    expect(await machine.addresses()).not.toContain('10.81.1.100');
    await machine.until(machine.defaultRoute, /^default via 10\.81\.1\.1 dev eth0/);
  });

  it('keeps its address when its cable is out for a moment', async () => {
    const machine = await openRamSystem();
    await machine.plug('a');
    await machine.until(machine.settled, /settled/);
    await machine.unplug();
    await machine.plug('a');
    await machine.until(machine.said, /has a link again/);
    await machine.until(machine.resolvConf, /10\.81\.1\.53/);
    expect(await machine.addresses()).toContain('10.81.1.100/24');
  });

  it('asks anew when its cable is plugged in elsewhere', async () => {
    const machine = await openRamSystem();
    await machine.plug('a');
    await machine.until(machine.settled, /settled/);
    await machine.unplug();
    await machine.plug('b');
    await machine.until(machine.addresses, /10\.81\.2\.100\/24/);
    await machine.until(machine.defaultRoute, /^default via 10\.81\.2\.1 dev eth0 metric \d+\s*$/);
    await machine.until(machine.resolvConf, /^nameserver 10\.81\.2\.53\n$/);
  });

  it('starts its DHCP client again when that ends, and for a port that was taken out and put back', async () => {
    const machine = await openRamSystem();
    await machine.plug('a');
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    const [first = expect.unreachable()] = await machine.clients();
    machine.kill(first);
    await machine.until(async () => `${(await machine.clients()).filter((pid) => pid !== first).length}`, /^1$/);
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    await machine.removePort();
    await machine.until(async () => `${(await machine.clients()).length}`, /^0$/);
    await machine.addPort();
    await machine.plug('a');
    await machine.until(machine.addresses, /10\.81\.1\.100\/24/);
    expect(await machine.clients()).toHaveLength(1);
  });
});
