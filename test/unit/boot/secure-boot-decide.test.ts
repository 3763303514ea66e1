import { describe, expect, it } from 'vitest';
import { secureBootVerdict } from '../../../src/boot/decide/secure-boot-decide.ts';
import { containing, matching } from '../../support/containing.ts';

const proxmox = { name: 'the Proxmox VE installer', signer: 'proxmox' } as const;

describe('an installer under Secure Boot', () => {
  it('is stopped when nobody on the machine trusts its kernel, with the way out', () => {
    const verdict = secureBootVerdict({ secureBoot: true, installer: proxmox });
    expect(verdict).toMatchObject({ allowed: false });
    expect(verdict.reason).toContain('nothing is wiped');
    expect(verdict).toHaveProperty('wayOut', matching(/switch Secure Boot off.*enrol the key of proxmox/));
  });

  it('is stopped when nothing is known of its signature', () => {
    const verdict = secureBootVerdict({ secureBoot: true, installer: { name: 'an image', signer: null } });
    expect(verdict).toMatchObject({ allowed: false, reason: containing('no known signature') });
  });

  it.each([
    ['is off', { secureBoot: false, installer: proxmox }],
    ['trusts the signer', { secureBoot: true, installer: { name: 'Debian', signer: 'debian' } }],
    ['has the key enrolled', { secureBoot: true, installer: proxmox, enrolled: ['proxmox'] }],
    ['was never seen', { secureBoot: null, installer: proxmox }],
  ] as const)('may go on where Secure Boot %s', (_, ask) => {
    expect(secureBootVerdict(ask)).toMatchObject({ allowed: true });
  });
});
