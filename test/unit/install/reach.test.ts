// From which addresses nothing is fetched on somebody's word.

import { describe, expect, it } from 'vitest';
import { closedWhy } from '../../../src/install/reach-decide.ts';
import { containing } from '../../support/containing.ts';

describe('an address', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'this very machine'],
    ['0.1.2.3', 'this very machine'],
    ['169.254.169.254', 'link-local'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['224.0.0.251', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::1', 'loopback'],
    ['[::1]', 'loopback'],
    ['::', 'this very machine'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['febf::1', 'link-local'],
    ['ff02::1', 'multicast'],
    ['fd00:ec2::254', 'metadata'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['2002:7f00:1::', 'loopback'],
    ['no address', 'no address'],
  ])('%s is closed', (address, why) => {
    expect(closedWhy(address)).toEqual(containing(why));
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.10',
    '100.64.0.1',
    '128.0.0.1',
    '169.253.255.255',
    '223.255.255.255',
    '240.0.0.1',
    'fc00::1',
    'fd00:77::1',
    'fec0::1',
    '2001:db8::1',
    '::ffff:192.168.1.10',
    '64:ff9b::c0a8:10a',
  ])('%s is open, since ISOs lie in such networks', (address) => {
    expect(closedWhy(address)).toBeUndefined();
  });
});
