import { describe, expect, it } from 'vitest';
import { canReach, interfacesOf, type PortAddress } from '../../../src/agent/facts/interfaces.ts';

const PORT = {
  name: 'eth0',
  address: '52:54:00:00:00:01',
  type: '1',
  carrier: '1',
  speed: '1000',
  vendor: null,
  product: null,
  driver: null,
  isPhysical: true,
};
const ports = (...addresses: readonly Omit<PortAddress, 'name'>[]) =>
  interfacesOf(
    [PORT],
    addresses.map((one) => ({ name: 'eth0', ...one })),
  );

describe('the agent waits for an address of the family that its appliance is reached by', () => {
  const v4 = { family: 'IPv4', address: '10.0.0.5' } as const;
  const v6 = { family: 'IPv6', address: 'fd00:77::5' } as const;
  const linkLocal = { family: 'IPv6', address: 'fe80::5' } as const;

  it.each([
    ['https://10.0.0.1:6385', [linkLocal, v6], false],
    ['https://10.0.0.1:6385', [linkLocal, v4], true],
    ['https://[fd00:77::1]:6385', [linkLocal, v4], false],
    ['https://[fd00:77::1]:6385', [linkLocal, v6], true],
    ['https://rackseed.example:6385', [v4], true],
  ])('%s with %j: %j', (url, addresses, reaches) => {
    expect(canReach(new URL(url), ports(...addresses))).toBe(reaches);
  });
});
