// Reading what Proxmox VE prints, and what people write.

import { describe, expect, it } from 'vitest';
import { cardsIn, fingerprintOf, passwordCredentials, proxmoxUrl, tokenCredentials } from '../../../src/proxmox/index.ts';
import { reportOf } from '../../sim/pve/report.ts';

describe('the network cards in a system report', () => {
  const cards = [
    { name: 'eno1', mac: 'bc:24:11:00:00:01' },
    { name: 'eno2', mac: 'bc:24:11:00:00:02', bondMac: 'bc:24:11:00:00:01' },
  ];

  it('are those on a bus, each with the address it was made with: no bridge, no tap of a guest', () => {
    expect(cardsIn(reportOf('pve1', cards), [])).toEqual([
      { name: 'eno1', mac: 'bc:24:11:00:00:01' },
      { name: 'eno2', mac: 'bc:24:11:00:00:02' },
    ]);
  });

  it('are those that the API calls physical where the report says nothing of buses', () => {
    expect(cardsIn(reportOf('pve1', cards, false), ['eno1']).map(({ name }) => name)).toEqual(['eno1']);
  });

  it('are none in a text that is no report', () => {
    expect(cardsIn('', [])).toEqual([]);
    expect(cardsIn('# ip -details -statistics address\nlink/ether', ['x'])).toEqual([]);
  });
});

describe('what people write', () => {
  it('an address has https and port 8006 unless it says another', () => {
    expect(proxmoxUrl('pve1').href).toBe('https://pve1:8006/');
    expect(proxmoxUrl('https://[2001:db8::1]/').href).toBe('https://[2001:db8::1]:8006/');
    expect(proxmoxUrl('https://pve.example:443').port).toBe('');
  });

  it.each(['http://pve1', 'https://user:secret@pve1', 'https://pve1/api2/json', 'https://', ''])('%s is no address of an API', (text) => {
    expect(() => proxmoxUrl(text)).toThrow(expect.objectContaining({ code: 'proxmox.bad_url' }));
  });

  it('a fingerprint has many spellings and one meaning', () => {
    const digits = 'ab'.repeat(32);
    expect(fingerprintOf(`sha256:${digits}`)).toBe(fingerprintOf(digits.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:')));
    expect(() => fingerprintOf('ab:cd')).toThrow(expect.objectContaining({ code: 'proxmox.bad_fingerprint' }));
  });

  it('a token or user that is none is refused without being repeated', () => {
    expect(() => tokenCredentials('s3cret')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') as unknown }),
    );
    expect(() => passwordCredentials('root', 's3cret')).toThrow(expect.objectContaining({ code: 'proxmox.bad_credentials' }));
    expect(tokenCredentials('root@pam!seed=0-1').by).toBe('token');
  });
});
