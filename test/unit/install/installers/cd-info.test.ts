// What `.cd-info` says, and what is refused in it.

import { describe, expect, it } from 'vitest';
import { assignmentsIn, compareReleases, parseCdInfo } from '../../../../src/install/installers/cd-info-codec.ts';
import { cdInfo, PRODUCT_NAMES } from '../../../support/installer-iso.ts';

describe('.cd-info', () => {
  it.each(['pve', 'pbs', 'pmg', 'pdm'] as const)('tells product, title and release of %s', (product) => {
    const { title, isoName } = PRODUCT_NAMES[product];
    expect(parseCdInfo(cdInfo({ product, release: '9.1', isoRelease: '2' }).toString())).toEqual({
      product,
      title,
      release: '9.1',
      isoRelease: '2',
      isoName,
    });
  });

  it('is read in any order and quoting, with lines that are none of ours', () => {
    const text = `# made by hand\r\nISORELEASE="1"\r\nPRODUCT=pve\n  RELEASE='8.4'  \nEXTRA='$(reboot)'\n`;
    expect(parseCdInfo(text)).toEqual({ product: 'pve', title: 'Proxmox VE', release: '8.4', isoRelease: '1', isoName: 'proxmox-ve' });
  });

  it.each([
    ['', 'PRODUCT is not there'],
    ['Debian GNU/Linux 13.6.0 "Trixie" - Official amd64 NETINST', 'PRODUCT is not there'],
    ["PRODUCT='xcp'\nRELEASE='8.2'\nISORELEASE='1'", 'PRODUCT is "xcp"'],
    ["PRODUCT='pve'\nRELEASE='nine'\nISORELEASE='1'", 'RELEASE is "nine"'],
    ["PRODUCT='pve'\nRELEASE='9.1/../..'\nISORELEASE='1'", 'RELEASE is "9.1/../.."'],
    ["PRODUCT='pve'\nRELEASE='9.1'\nISORELEASE='../x'", 'ISORELEASE is "../x"'],
    ["PRODUCT='pve'\nRELEASE='9.1'", 'ISORELEASE is not there'],
  ])('is refused with the line that is wrong: %j', (text, why) => {
    expect(parseCdInfo(text)).toContain(why);
  });

  it('never becomes a path or a control character: names that could be are replaced by our own', () => {
    const text = "PRODUCT='pve'\nPRODUCTLONG='\u001b[2JEvil'\nRELEASE='9.1'\nISORELEASE='1'\nISONAME='../../etc'";
    expect(parseCdInfo(text)).toMatchObject({ title: 'Proxmox VE', isoName: 'proxmox-ve' });
  });

  it('keeps the last of two that say the same thing, as a shell does', () => {
    expect(assignmentsIn('RELEASE=8.1\nRELEASE=8.2').get('RELEASE')).toBe('8.2');
  });

  it('has releases that are compared by number', () => {
    expect(['9.10', '8.4', '9.2', '9.1'].toSorted(compareReleases)).toEqual(['8.4', '9.1', '9.2', '9.10']);
  });
});
